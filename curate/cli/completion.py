"""Completion: `eval "$(curate run -sc install=bash)"`, then Tab.

Hydra completes overrides; it sees the line without our command's name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["complete"]


def complete(argv: Sequence[str]) -> int:
    """Answer `-sc query=SHELL` for the line that the shell hands over in COMP_LINE."""
    from curate.cli import COMMANDS, run

    if argv and argv[0].startswith("query="):
        line = os.environ.get("COMP_LINE", "")
        words = line.split()
        if len(words) < 2 or (len(words) == 2 and not line.endswith(" ")):
            sys.stdout.write(" ".join(COMMANDS) + "\n")
            return 0
        if words[1] != "run":
            return 0
        os.environ["COMP_LINE"] = line.replace("run ", "", 1)
    return run.main(["-sc", *argv])
