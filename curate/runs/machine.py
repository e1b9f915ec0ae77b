"""Failures of the machine, told in one line with what to do."""

from __future__ import annotations

import errno

__all__ = ["told"]

_HINTS = {
    errno.ENOSPC: "free some space (`curate store gc` gives back old stage outputs) and run again",
    errno.EDQUOT: "the quota is used up: free some space and run again",
    errno.EROFS: "the file system is read-only: set paths.exports, paths.store elsewhere",
    errno.EACCES: "check who owns it, or set paths.exports, paths.store elsewhere",
    errno.EMFILE: "raise the limit of open files (ulimit -n) or lower engine.workers",
}


def told(error: OSError) -> str | None:
    """One line for an operating system error a user can mend, else None."""
    hint = _HINTS.get(error.errno or 0)
    if hint is None:
        return None
    where = f" at {error.filename}" if error.filename else ""
    return f"{error.strerror}{where}; earlier results are whole; {hint}"
