"""Commands. Exit status 0 done, 1 an error told in one line, 2 usage."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from curate.errors import CurateError

__all__ = ["main"]

COMMANDS = {
    "run": ("run", "run every stage that is out of date, and publish"),
    "label": ("label", "label one page, in colour or as JSON"),
    "review": ("review", "plan, push, pull, status; export, import and withdraw human work"),
    "server": ("server", "start, stop and status of the local Label Studio"),
    "serve": ("serve", "live predictions for Label Studio (its ML-backend protocol)"),
    "train": ("train", "fit the model labeler from labelled data"),
    "evaluate": ("evaluate", "score any labeler on gold"),
    "runs": ("runs", "history of runs, newest first"),
    "rerun": ("rerun", "repeat a run from its record: same bytes, or what differs"),
    "diff": ("diff", "what changed between two versions or runs"),
    "store": ("store", "status and gc of the store"),
}
"""Command to (module in curate.cli, one line). Imported only when called, so
that `curate --help` answers at once."""

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `curate` script and of `python -m curate`."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return 0
    if args[0] in ("-V", "--version"):
        from curate.version import __version__

        sys.stdout.write(f"curate {__version__}\n")
        return 0
    if args[0] in ("-sc", "--shell-completion"):
        from curate.cli.completion import complete

        return complete(args[1:])
    if args[0] not in COMMANDS:
        import difflib

        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        sys.stderr.write(
            f"curate: {args[0]!r} is no command{hint} Commands: {', '.join(COMMANDS)}\n"
        )
        return EXIT_USAGE
    module = importlib.import_module(f"curate.cli.{COMMANDS[args[0]][0]}")
    try:
        status = module.main(args[1:])
        sys.stdout.flush()
    except CurateError as error:
        sys.stderr.write(f"{_room_error(error)}: {_one_line(error)}\n")
        return EXIT_ERROR
    except BrokenPipeError:
        # The reader of our output has had enough (`| head`); Python would say so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from curate.runs.machine import told

        line = told(error)
        if line is None:
            raise
        sys.stderr.write(f"RunError: {line}\n")
        return EXIT_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; finished work is kept, the same command goes on\n")
        return EXIT_INTERRUPTED
    assert isinstance(status, int)
    return status


def _room_error(error: CurateError) -> str:
    """Name of the room's error class, whichever child of it was raised."""
    names = [cls.__name__ for cls in type(error).__mro__]
    return names[max(0, names.index("CurateError") - 1)]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _help() -> str:
    width = max(map(len, COMMANDS))
    rows = [f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()]
    return (
        "Web pages to labelled, reviewed, published datasets.\n\n"
        "usage: curate COMMAND [...]\n\n" + "\n".join(rows) + "\n\n"
        "`curate COMMAND --help` tells more. `curate run` takes Hydra overrides, e.g.\n"
        "  curate run name=news pages.path=crawl.warc.gz labeler=rules review=none\n"
    )
