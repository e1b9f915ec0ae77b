"""A command run and measured: wall and CPU seconds, memory of the driver and of its workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

__all__ = ["Cost", "curate_run", "measured", "passport", "read_once", "real_pages", "save", "table"]

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Attributes:
        seconds, cpu_seconds: of the whole process tree.
        driver_mb, worker_mb: largest resident size of the process started, and
            of any one process below it.
        load: average number of waiting processes of the machine, at the end.
    """

    seconds: float
    cpu_seconds: float
    driver_mb: float
    worker_mb: float
    load: float


def measured(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    *,
    limit_s: float | None = None,
) -> Cost:
    """Run a command to its end and measure it.

    Args:
        limit_s: wall seconds after which it is given up.

    Raises:
        RuntimeError: it failed or took too long; its output is the message.
    """
    began = time.monotonic()
    log = cwd / "benchmark.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=cwd, stdout=out, stderr=out, env={**os.environ, **(env or {})}
        )
    peaks = {"driver": 0.0, "worker": 0.0}
    spent: dict[int, float] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_SECONDS):
            for pid in _tree(process.pid):
                who = "driver" if pid == process.pid else "worker"
                peaks[who] = max(peaks[who], _resident_mb(pid))
                spent[pid] = max(spent.get(pid, 0.0), _cpu_seconds(pid))
            if limit_s is not None and time.monotonic() - began > limit_s:
                for pid in _tree(process.pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    over.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        told = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        took = time.monotonic() - began
        raise RuntimeError(f"status {process.returncode} after {took:.0f} s\n{told}")
    return Cost(
        time.monotonic() - began,
        # Children that were killed and never waited for are in no process's account.
        max(usage.ru_utime + usage.ru_stime, sum(spent.values())),
        peaks["driver"],
        peaks["worker"],
        os.getloadavg()[0],
    )


def _tree(root: int) -> Iterator[int]:
    yield root
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from _tree(int(child))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def read_once(*files: Path) -> None:
    """Bring files into the page cache, so that what is measured doesn't wait for the disk.

    What the first of several commands reads has just been written; the others' may be gone.
    """
    for path in files:
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def curate_run(folder: Path, pages: Path, *overrides: str) -> Cost:
    """`curate run` over a file in a folder of its own, review off."""
    folder.mkdir(parents=True, exist_ok=True)
    read_once(pages)
    words = [f"pages.path={pages}", "name=bench", "review=none", *overrides]
    return measured([sys.executable, "-m", "curate", "run", *words], folder)


def passport(folder: Path) -> dict[str, Any]:
    """The newest passport of a folder's runs."""
    newest = max((folder / ".curate" / "runs").glob("*/passport.json"))
    found: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
    return found


def real_pages(
    source: Path, target: Path, n_pages: int, *, max_bytes: int | None = None
) -> tuple[int, int]:
    """Write JSONL of real pages, repeated under distinct addresses until there are enough.

    Returns:
        Pages and bytes of HTML written.
    """
    table = pq.read_table(source, columns=["html"])
    real = [html for html in table["html"].to_pylist() if html]
    if max_bytes is not None:
        real = [html for html in real if len(html) <= max_bytes]
    n_bytes = 0
    with target.open("w", encoding="utf-8") as out:
        for n in range(n_pages):
            html = real[n % len(real)].decode("utf-8", "replace")
            n_bytes += len(html)
            # Words of its own keep the copy from being dropped as a duplicate.
            html += f"<p>Copy {n // len(real)} of page {n % len(real)}, number {n * 7919}.</p>"
            record = {"url": f"https://s{n % 997}.example/{n}", "html": html}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    return n_pages, n_bytes


def save(file: Path | None, name: str, values: Mapping[str, Any]) -> None:
    """Put one benchmark's figures into the JSON file that gathers them."""
    if file is None:
        return
    held = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    plain = {k: asdict(v) if isinstance(v, Cost) else v for k, v in values.items()}
    file.write_text(json.dumps({**held, name: plain}, indent=2) + "\n", encoding="utf-8")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    made = Table(*columns, title=title, box=None, title_justify="left")
    for row in rows:
        made.add_row(*(f"{cell:,.1f}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=120).print(made)
