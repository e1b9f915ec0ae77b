"""`curate server`: the local Label Studio."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Start, stop or show the workspace's own server."""
    from curate.review.server import DEFAULT_PORT, LocalServer

    parser = argparse.ArgumentParser(
        prog="curate server",
        description="Label Studio on this machine: own environment (built on first use), "
        "SQLite, reachable from this machine only unless told else, no telemetry.",
    )
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"first port to try (default {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--host",
        help="address to listen on (default review.server_host, 127.0.0.1); 0.0.0.0 opens the "
        "server to other machines, unencrypted",
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="e.g. paths.state=DIR")
    args = parser.parse_intermixed_args(argv)

    from rich.console import Console

    from curate.cli.compose import compose

    config = compose(args.overrides)
    server = LocalServer(Path(config["paths"]["state"]))
    console = Console(highlight=False, soft_wrap=True)
    if args.action == "stop":
        console.print("stopped" if server.stop() else "it was not running")
        return 0
    if args.action == "start":
        host = args.host or str(config["review"]["server_host"])
        info = server.start(port=args.port, host=host, progress=_tell)
        told = "started" if info.started_now else "already running"
    else:
        running = server.status()
        if running is None:
            where = "stopped" if server.was_started else "never started in this workspace"
            console.print(f"Label Studio is {where}; start it with `curate server start`")
            return 0
        info, told = running, "running"
    console.print(f"Label Studio {told}: [bold]{info.url}[/]")
    if info.is_open:
        console.print(f"others open it at [bold]{info.url_for_others}[/]")
        _tell(info.warning)
    console.print(f"log in as [bold]{info.username}[/], password in {_near(info.credentials_file)}")
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _near(path: Path) -> str:
    """The path relative to the working folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
