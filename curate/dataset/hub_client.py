"""The Hugging Face hub's client: its token, its errors, and the card that is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.errors import DatasetError

__all__ = ["card_on_hub", "hub_api", "told_errors"]


def hub_api() -> Any:
    """The hub's client with the user's token.

    Raises:
        DatasetError: there is no token.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.utils import disable_progress_bars

    token = get_token()
    if not token:
        raise DatasetError(
            "dataset.push_to_hub needs a token with write access: set HF_TOKEN in the environment"
        )
    disable_progress_bars()
    return HfApi(token=token, library_name="curate")


@contextmanager
def told_errors(repo: str) -> Iterator[None]:
    """Errors of the hub and the network as one line."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise DatasetError(
                f"{repo}: the hub refuses this token ({status}); give HF_TOKEN write access to it"
            ) from error
        if status in (409, 412):
            raise DatasetError(
                f"{repo}: somebody else changed the repository meanwhile ({status}); push again"
            ) from error
        raise DatasetError(
            f"{repo}: the hub answered {status}: {_first_line(error)}; push again later"
        ) from error
    except Exception as error:
        if not _is_network(error):
            raise
        endpoint = os.environ.get("HF_ENDPOINT", "the hub")
        raise DatasetError(
            f"{repo}: {endpoint} can't be reached: {_first_line(error)}; the version is published "
            "here, push it again later"
        ) from error


def _is_network(error: BaseException) -> bool:
    """Whether the connection failed: the client's HTTP library differs between releases."""
    if isinstance(error, RuntimeError):  # what the client makes of a failed upload
        return "uploading" in str(error)
    names = {base.__name__ for base in type(error).__mro__}
    return isinstance(error, ConnectionError) or "TransportError" in names


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def card_on_hub(repo: str, scratch: Path) -> str | None:
    """The repository's README.md as it is now; None where it can't be had.

    Its absence stops nothing: a push that follows tells what is wrong.

    Args:
        repo: `owner/name`.
        scratch: folder for the download.
    """
    from huggingface_hub.errors import HfHubHTTPError

    try:
        with told_errors(repo):
            path = hub_api().hf_hub_download(
                repo, "README.md", repo_type="dataset", cache_dir=str(scratch / "card")
            )
    except (DatasetError, HfHubHTTPError, OSError, ValueError):
        return None
    return Path(path).read_text(encoding="utf-8")
