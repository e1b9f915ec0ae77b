"""A process that outlives the one that started it, told apart from a later one of its id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from curate.processes import is_alive

__all__ = ["free_port", "spawn", "terminate"]

# Run by a short-lived interpreter, so that the server is nobody's child: it
# survives its starter and leaves no zombie behind in a long-lived one.
_SPAWN = """
import subprocess, sys, os
log = open(sys.argv[1], "ab")
p = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                     start_new_session=True, close_fds=True)
print(p.pid, flush=True)
os._exit(0)
"""

STOP_WAIT_S = 15.0
"""Seconds a process gets to end by itself before it is killed."""


def spawn(command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path) -> int:
    """Start `command` in a session of its own, output to `log`; returns its pid."""
    result = subprocess.run(
        [sys.executable, "-I", "-c", _SPAWN, str(log), *command],
        env=dict(env),
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
    )
    return int(result.stdout)


def terminate(pid: int, birth: str) -> None:
    """End a process, by force after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_alive(pid, birth):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + STOP_WAIT_S
        while time.monotonic() < end:
            if not is_alive(pid, birth) and _n_threads(pid) <= 1:
                return
            time.sleep(0.05)


def _n_threads(pid: int) -> int:
    """Threads left of a process: while its last ones end, its port is still taken."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - no Path of a vanishing folder
    except OSError:
        return 0


def free_port(host: str, first: int, *, tries: int = 200) -> int | None:
    """The first port from `first` on that nothing listens on; None if all are busy."""
    for port in range(first, min(first + tries, 65536)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError:
                continue
            return port
    return None
