from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dataset.values import digest_table

SCHEMA = pa.schema(
    [
        ("s", pa.string()),
        ("i", pa.int32()),
        ("f", pa.float32()),
        ("b", pa.bool_()),
        ("l", pa.list_(pa.string())),
        ("n", pa.list_(pa.struct([("x", pa.int32()), ("t", pa.string())]))),
    ]
)
ints = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
texts = st.one_of(st.none(), st.text(max_size=4))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "s": texts,
            "i": ints,
            "f": st.one_of(st.none(), st.floats(width=32, allow_nan=False)),
            "b": st.one_of(st.none(), st.booleans()),
            "l": st.one_of(st.none(), st.lists(texts, max_size=3)),
            "n": st.one_of(
                st.none(), st.lists(st.fixed_dictionaries({"x": ints, "t": texts}), max_size=3)
            ),
        }
    ),
    max_size=12,
)


def digest(rows: list[dict[str, Any]], cut: int = 0) -> dict[str, str]:
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    parts = [table.slice(0, cut), table.slice(cut)]
    return digest_table(SCHEMA, parts).hexdigest()


@settings(deadline=None)  # the first call pays for imports
@given(ROWS, st.integers(0, 12))
def test_batching_does_not_matter(rows: list[dict[str, Any]], cut: int) -> None:
    assert digest(rows) == digest(rows, min(cut, len(rows)))


@settings(deadline=None)  # the first call pays for imports
@given(ROWS, ROWS)
def test_equal_digests_mean_equal_values(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    # As text: 0.0 and -0.0 are equal to Python, but not the same value.
    told = [repr(pa.Table.from_pylist(rows, schema=SCHEMA).to_pylist()) for rows in (first, second)]
    assert (digest(first) == digest(second)) == (told[0] == told[1])


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("s", ["ab", "c"], ["a", "bc"]),
        ("s", [None], [""]),
        ("i", [None], [0]),
        ("b", [None], [False]),
        ("l", [["a"], ["b"]], [["a", "b"], []]),
        ("l", [None], [[]]),
        ("n", [[{"x": 1, "t": "a"}]], [[{"x": 1, "t": "b"}]]),
    ],
)
def test_near_misses_differ_in_their_column_only(
    column: str, one: list[object], other: list[object]
) -> None:
    first = digest([{column: value} for value in one])
    second = digest([{column: value} for value in other])
    assert {name for name in first if first[name] != second[name]} == {column}
