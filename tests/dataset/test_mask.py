from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dataset.mask import Masker
from curate.errors import DatasetError

from .conftest import Bench, Seg, make_doc

BOTH = Masker(("email", "phone"), "US")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to jane.roe2@example.org.", "Write to xxxx.xxx0@xxxxxxx.xxx."),
        ("(ÄÖ@müller.example)", "(xx@xxxxxx.xxxxxxx)"),
        ("Call +49 30 901820 now", "Call +00 00 000000 now"),
        ("(212) 555-2368 or 212-555-2368", "(000) 000-0000 or 000-000-0000"),
        (
            "@handle, a@b, 3 @ 4.50, v1.2.3, 2024-05-06",
            "@handle, a@b, 3 @ 4.50, v1.2.3, 2024-05-06",
        ),
    ],
)
def test_masking(text: str, masked: str) -> None:
    assert BOTH.mask(text, Counter()) == masked


@settings(deadline=None)
@given(st.text(alphabet="ab.@-+ 0123456789é👩", max_size=60))
def test_length_is_kept(text: str) -> None:
    assert len(BOTH.mask(text, Counter())) == len(text)


def test_no_kinds_no_change() -> None:
    assert Masker(()).mask("a@b.example +49 30 901820", Counter()) == "a@b.example +49 30 901820"


def test_unknown_region_is_told() -> None:
    with pytest.raises(DatasetError, match="mask_region='Germany' is no country code"):
        Masker(("phone",), "Germany")


@pytest.mark.usefixtures("fast")
def test_published_texts_are_masked_and_counted(bench: Bench) -> None:
    doc = replace(
        make_doc("p", "s.example"),
        title="Ask ann@example.org",
        segments=(
            Seg("Mail bob@example.org", "article", main=True),
            Seg("tail", "teaser", "human", "accepted", annotators=("a1",)),
        ),
    )
    told = bench.publish([doc], mask=("email",))
    page = pq.read_table(told.path / "pages").to_pylist()[0]
    assert page["text"] == "Mail xxx@xxxxxxx.xxx\n\ntail"
    assert page["main_text"] == "Mail xxx@xxxxxxx.xxx"
    assert page["title"] == "Ask xxx@xxxxxxx.xxx"
    texts = pq.read_table(told.path / "segments").column("text").to_pylist()
    assert texts == ["Mail xxx@xxxxxxx.xxx", "tail"]
    assert "2 email matches" in (told.path / "README.md").read_text()


@pytest.mark.usefixtures("fast")
def test_texts_that_masking_makes_equal_are_copies(bench: Bench) -> None:
    docs = [
        replace(
            make_doc(f"p{n}", f"s{n}.example"),
            segments=(Seg(f"Mail ab{n}c@example.org", "article"),),
        )
        for n in range(8)
    ]
    assert bench.publish(docs, near_duplicates="keep").left_out.pages == {}
    names = ("abc", "abd", "abe")
    docs = [
        replace(doc, segments=(Seg(f"Mail {names[n % 3]}@example.org", "article"),))
        for n, doc in enumerate(docs)
    ]
    told = bench.publish(docs, near_duplicates="keep", mask=("email",), allow_breaking=True)
    assert told.left_out.pages == {"exact duplicate": 7}
