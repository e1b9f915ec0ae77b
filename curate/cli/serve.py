"""`curate serve`: live predictions for Label Studio."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate.errors import CurateError, ReviewError

__all__ = ["DEFAULT_PORT", "PASSWORD_VARIABLE", "main"]

DEFAULT_PORT = 9090
"""Where Label Studio's own documentation has backends."""

PASSWORD_VARIABLE = "CURATE_SERVE_PASSWORD"  # noqa: S105 - a variable's name


def main(argv: Sequence[str]) -> int:
    """Load the labeler once, and answer until interrupted."""
    parser = argparse.ArgumentParser(
        prog="curate serve",
        description="Segments for pages that were added to a Label Studio project by hand, at "
        "once when somebody opens them: Label Studio's machine-learning-backend protocol. The "
        "segmenter, labeler and schema are those of the overrides, or of the last run.",
        epilog="Add the address under the project's Settings, Model, or let --connect do it. "
        'A task needs only its text: [{"text": "...", "url": "..."}]. '
        f"With {PASSWORD_VARIABLE} set, that password is asked for (any user name).",
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0: a free one"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default 127.0.0.1: this machine only)",
    )
    parser.add_argument(
        "--connect", action="store_true", help="register with the dataset's project, then serve"
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for `curate run`")
    args = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)

    from curate.cli.compose import compose
    from curate.review.ml_backend import Backend
    from curate.review.ml_http import LOOPBACK, MLServer
    from curate.schema import LabelSet
    from curate.stages.serving import PagePredictor
    from curate.stages.settings import build

    overrides = args.overrides or _last_overrides(compose([]))
    config = compose(overrides)
    predictor = PagePredictor(
        segmenter=build("segments", config),
        labeler=build("labeler", config),
        label_set=build("schema", config, LabelSet),
    )
    predictor.warm_up()
    backend = Backend(predictor, predictor.label_set, predictor.version, on_event=_noted)
    password = os.environ.get(PASSWORD_VARIABLE) or None
    with MLServer(backend, args.host, args.port, password=password) as server:
        if args.host not in LOOPBACK and password is None:
            _tell(
                f"warning: anybody who reaches {server.url} can have pages labelled; "
                f"set {PASSWORD_VARIABLE}, or keep --host 127.0.0.1"
            )
        sys.stdout.write(f"{predictor.version} serves at {server.url}\n")
        sys.stdout.flush()
        if args.connect:
            _connect(overrides, server.url, password)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            _tell("stopped")
    return 0


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number up to 65535")
    return int(text)


def _last_overrides(plain: dict[str, Any]) -> list[str]:
    from curate.cli.review import last_overrides

    try:
        return last_overrides(Path(plain["paths"]["runs"]))
    except ReviewError:
        return []  # no run yet: the configuration as it is


def _connect(overrides: Sequence[str], url: str, password: str | None) -> None:
    """Register with the dataset's project, beside serving: Label Studio calls back at once."""
    import threading

    def register() -> None:
        from curate.cli.compose import compose
        from curate.review.connecting import register_backend
        from curate.stages.settings import Settings

        try:
            settings = Settings.from_config(compose(list(overrides), complete=True))
            told = register_backend(
                settings.review,
                Path(settings.paths.state),
                settings.name,
                settings.label_set,
                url,
                password,
            )
        except CurateError as error:  # serving goes on
            _tell(f"not connected: {' '.join(str(error).split())}")
        else:
            _tell(told)

    threading.Thread(target=register, daemon=True).start()


def _noted(event: str) -> None:
    _tell(f"Label Studio says {event}")


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
