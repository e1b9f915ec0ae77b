"""Passports: no secret gets in; newest first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from curate.errors import RunError
from curate.io import read_json
from curate.runs.passport import Passport, is_running, load_passports, redact


@pytest.mark.parametrize(
    ("met", "kept"),
    [
        ("https://ada:pw@host/x", "https://***@host/x"),
        ("https://host/x?a=1&token=abc&b=2", "https://host/x?a=1&token=***&b=2"),
        ("s3://k:s@b/x?AWS_SECRET=9", "s3://***@b/x?AWS_SECRET=***"),
        ("https://host/x", "https://host/x"),
        ("mail ada@host", "mail ada@host"),
    ],
)
def test_urls_lose_their_secrets(met: str, kept: str) -> None:
    assert redact([met, {"url": met}]) == [kept, {"url": kept}]


def test_values_of_secret_keys_are_replaced() -> None:
    assert redact({"api_key": "x", "hf_token": "y", "password": "z", "tokens": 3}) == {
        "api_key": "***",
        "hf_token": "***",
        "password": "***",
        "tokens": 3,
    }
    assert redact({"curate.labelers.tokens": "1f"}) == {"curate.labelers.tokens": "1f"}


def test_a_passport_is_there_while_the_run_goes_on(tmp_path: Path) -> None:
    passport = Passport.open(tmp_path, {"name": "n", "overrides": ["review.url=http://a:b@c"]})
    (found,) = load_passports(tmp_path)
    assert found["status"] == "running"
    assert found["pid"] == os.getpid()
    assert is_running(found)
    assert found["overrides"] == ["review.url=http://***@c"]
    passport.close("done")
    (found,) = load_passports(tmp_path)
    assert found["status"] == "done"
    assert found["passport_version"] == 2
    assert not is_running(found)


def test_runs_that_begin_in_one_second_keep_their_order(tmp_path: Path) -> None:
    names = [str(number) for number in range(8)]
    for name in names:
        Passport.open(tmp_path, {"name": name})
        time.sleep(0.002)
    assert [p["name"] for p in load_passports(tmp_path)] == names[::-1]


def test_newest_first_and_broken_ones_named(tmp_path: Path) -> None:
    for run_id in ("20260101-000000-aaaa", "20260102-000000-aaaa"):
        Passport(tmp_path / run_id, run_id, "done", {"name": run_id}).save()
    assert [p["name"] for p in load_passports(tmp_path)] == [
        "20260102-000000-aaaa",
        "20260101-000000-aaaa",
    ]
    file = tmp_path / "20260101-000000-aaaa" / "passport.json"
    file.write_text("{")
    with pytest.raises(RunError, match="is not JSON"):
        list(load_passports(tmp_path))
    assert read_json(tmp_path / "20260102-000000-aaaa" / "passport.json")["status"] == "done"
