"""The bundled sample pages are what the README and the tests rely on."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

import curate
from curate.pages.decode import decode_html, decode_text
from curate.segments.blocks import BlockSegmenter

SAMPLES = Path(curate.__file__).parent / "samples"
GOLD = Path(__file__).parents[1] / "data" / "samples-gold"
FILES = sorted(p for p in SAMPLES.rglob("*") if p.suffix in (".html", ".txt"))
NAMES = [p.relative_to(SAMPLES).as_posix() for p in FILES]


def decoded(path: Path) -> str:
    data = path.read_bytes()
    return (decode_html if path.suffix == ".html" else decode_text)(data).text


def gold() -> dict[str, tuple[list[str], str]]:
    pages = [json.loads(line) for line in (GOLD / "pages.jsonl").read_text("utf-8").splitlines()]
    labels = [json.loads(line) for line in (GOLD / "labels.jsonl").read_text().splitlines()]
    letters = {row["id"]: row["labels"] for row in labels}
    return {page["source"]: (page["lines"], letters[page["id"]]) for page in pages}


def test_enough_pages_of_enough_sites() -> None:
    sites = Counter(name.split("/")[0] for name in NAMES)
    assert len(NAMES) == 38
    assert len(sites) == 10
    assert min(sites.values()) == 3


def test_every_site_is_an_invented_one() -> None:
    assert all(name.split("/")[0].endswith(".example") for name in NAMES)
    addresses = {
        address
        for path in FILES
        for address in re.findall(r"https?://([\w.-]+)", decoded(path))
        if not address.endswith(".example")
    }
    # Names of vocabularies, not links; every page of their kind carries them.
    assert addresses <= {"schema.org", "www.w3.org"}


def test_nothing_else_lies_in_the_folder() -> None:
    others = [p for p in SAMPLES.rglob("*") if p.is_file() and p not in FILES]
    assert others == []


def test_the_whole_stays_small() -> None:
    assert sum(p.stat().st_size for p in FILES) < 700_000


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        ("auenkurier.example/kultur/buecherei-im-stellwerk.html", "cp1252"),
        ("minato-shuho.example/machi/2025/saigo-no-watashibune.html", "cp932"),
    ],
)
def test_pages_in_old_encodings_are_decoded(name: str, charset: str) -> None:
    data = (SAMPLES / name).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert decoded(SAMPLES / name) == data.decode(charset)


def test_a_text_page_has_carriage_returns_tabs_and_no_break_spaces() -> None:
    text = decoded(SAMPLES / "copperlinewire.example/local/basin-wells-shared.txt")
    assert "\r\n" in text
    assert "\t" in text
    assert "\u00a0" in text


def test_emoji_with_joiners_and_soft_hyphens_are_there() -> None:
    everything = "".join(decoded(path) for path in FILES)
    assert "\U0001f469\u200d\U0001f33e" in everything
    assert "&shy;" in everything


@pytest.mark.parametrize("name", NAMES)
def test_gold_has_one_letter_a_line(name: str) -> None:
    lines, letters = gold()[name]
    assert len(lines) == len(letters)
    assert set(letters) <= set("ABTC")
    assert {"A", "B"} <= set(letters)


@pytest.mark.parametrize("name", NAMES)
def test_gold_lines_are_the_page(name: str) -> None:
    lines, _ = gold()[name]
    text = decoded(SAMPLES / name)
    if name.endswith(".txt"):
        assert [line for line in re.split(r"\r?\n", text) if line.strip()] == lines
        return
    rendered = BlockSegmenter().segment_html(text).text
    # Word by word, so that a change of how lines are cut is no change of the gold.
    assert re.findall(r"\w+", "\n".join(lines)) == re.findall(r"\w+", rendered)
