"""Processes of this machine: whether one still runs, told apart from a later one of its id."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["birth_of", "is_alive"]


def birth_of(pid: int) -> str | None:
    """When the process was started, as the system tells it; None if there is none.

    A pid is given again after a reboot or a long time; pid and birth are not. A
    process that has ended counts as none, also while nobody has asked for its status.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{_boot_id()}:{fields[19]}"
    if Path("/proc/self/stat").exists():
        return None
    with suppress(OSError):
        shown = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return shown.stdout.strip() or None
    return None


def is_alive(pid: int, birth: str | None = None) -> bool:
    """Whether a process runs; with its birth, whether it is that very one."""
    if birth is not None:
        return birth_of(pid) == birth
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's, which need not be shown
        return True
    return birth_of(pid) is not None


@cache
def _boot_id() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    return ""
