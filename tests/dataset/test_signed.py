from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.dataset.duplicates import Signatures, sign
from curate.dataset.signed import Signed, text_prints

TEXTS = ["one two", "", "three", "été", "one two", "漢字 😀"]
MAINS = ["one", "", "", "été", "two", "漢字"]


def column(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def test_prints_name_what_a_page_says() -> None:
    prints = text_prints(column(TEXTS), column(MAINS))
    assert len(set(prints.tolist())) == len(TEXTS)
    first, second = text_prints(column(["a", "ab"]), column(["bc", "c"])).tolist()
    assert first != second


def test_prints_do_not_depend_on_how_strings_lie() -> None:
    prints = text_prints(column(TEXTS), column(MAINS)).tolist()
    large = pa.chunked_array([pa.array(TEXTS, pa.large_string())])
    pieces = pa.chunked_array([[], MAINS[:2], MAINS[2:]], pa.string())
    assert text_prints(large, pieces).tolist() == prints
    assert text_prints(large.slice(2, 3), column(MAINS).slice(2, 3)).tolist() == prints[2:5]
    assert text_prints(column([]), column([])).tolist() == []


def test_known_pages_are_found_and_new_ones_signed(tmp_path: Path) -> None:
    signatures = Signatures(tmp_path / "signatures")
    marks = np.arange(3 * 128, dtype=np.uint32).reshape(3, 128)
    signatures.append(marks)  # not what the texts say, so that what is found is seen
    prints = text_prints(column(TEXTS[:3]), column(MAINS[:3]))
    signed = Signed.write(tmp_path, prints, signatures.path)
    rows = signed.sign(
        column([TEXTS[5], *TEXTS[:3], TEXTS[4]]), column([MAINS[5], *MAINS[:3], MAINS[4]])
    )
    assert (rows[1:4] == marks).all()
    assert (rows[[0, 4]] == sign([TEXTS[5], TEXTS[4]], [MAINS[5], MAINS[4]])).all()
