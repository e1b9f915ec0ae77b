"""Limits around one page: what breaks it becomes a fault with its reason."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curate.errors import SegmentError
from curate.limits import Fault, Killer, PageLimits, Watch, current_watch, parse_bytes, watching

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory limits are kept by Linux only")


def fail(kind: type[BaseException]) -> None:
    raise kind("so it is")


def deep(n: int) -> int:
    return deep(n + 1)


def forever() -> None:
    while True:
        try:
            sum(range(1000))
        except Exception:  # noqa: BLE001 - as careless libraries do
            continue


@pytest.mark.parametrize(
    ("size", "n_bytes"),
    [("512MB", 512_000_000), ("2GiB", 2**31), ("1.5 GB", 1_500_000_000), ("8KiB", 8192)],
)
def test_sizes(size: str, n_bytes: int) -> None:
    assert parse_bytes(size) == n_bytes


def test_results_pass_and_errors_become_faults() -> None:
    watch = Watch()
    assert watch.run(max, 3, 4) == 4
    assert watch.run(fail, ValueError) == Fault("error", "ValueError: so it is")
    assert watch.run(deep, 0) == Fault(
        "error", "RecursionError: maximum recursion depth exceeded"
    ) or isinstance(watch.run(deep, 0), Fault)
    with pytest.raises(SegmentError):
        watch.run(fail, SegmentError)
    with pytest.raises(KeyboardInterrupt):
        watch.run(fail, KeyboardInterrupt)


def test_a_page_that_takes_too_long_is_interrupted() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with watching(Watch(PageLimits(seconds=0.2))) as watch:
        began = time.monotonic()
        fault = watch.run(forever)
        assert time.monotonic() - began < 5
        assert fault == Fault("time limit", "took more than engine.page_seconds=0.2")
        assert watch.run(time.sleep, 0.01) is None
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@linux
def test_a_page_that_takes_too_much_memory() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with watching(Watch(PageLimits(n_bytes=200_000_000))) as watch:
        assert watch.run(bytearray, 400_000_000) == Fault(
            "memory limit", "needs more than engine.page_memory=200 MB"
        )
        kept = watch.run(bytearray, 50_000_000)
        assert not isinstance(kept, Fault)
        assert len(kept) == 50_000_000
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_known_killers_are_left_out_by_number() -> None:
    fault = Fault("killed its process", "SIGSEGV(-11)")
    watch = Watch(killers=[Killer(1, fault)])
    assert [watch.run(str, n) for n in range(3)] == ["0", fault, "2"]


def test_the_current_watch_is_the_tasks() -> None:
    with watching(Watch(PageLimits(seconds=5))) as watch:
        assert current_watch() is watch
    assert current_watch() is not watch
    assert current_watch().limits == PageLimits()


def test_the_hard_limit_holds_for_pages_only(tmp_path: Path) -> None:
    code = """
import time
from pathlib import Path
from curate.limits import PageLimits, Watch, watching
with watching(Watch(PageLimits(seconds=0.2), isolated=True)) as watch:
    watch.run(int)
    time.sleep(1.0)
print("still there")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "still there\n"), done.stderr


STUCK = """
import sys
from itertools import repeat
from pathlib import Path
from curate.limits import PageLimits, Watch, watching
marker = Path(sys.argv[1]) if sys.argv[1:] else None
# One call of C without an end, in which no signal handler of Python's is run.
with watching(Watch(PageLimits(seconds=0.3), isolated=True, marker=marker)) as watch:
    watch.run(len, "0123")
    watch.run(all, repeat(True))
"""


@linux
def test_code_that_never_returns_ends_the_process() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert time.monotonic() - began < 30


def test_in_a_careful_run_the_marker_tells_which_page_it_was(tmp_path: Path) -> None:
    marker = tmp_path / "at"
    done = subprocess.run([sys.executable, "-c", STUCK, marker], capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    told = marker.read_text(encoding="utf-8")
    assert told.startswith("1")
    assert "Timeout" in told
