"""Many rows at once: exactly those that have as many cells as the header, and which ones have not."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.csv_rows import Dialect, read_rows

COMMAS = Dialect(delimiter=",", quoted=True, empty="")
SPACES = Dialect(delimiter=" ", quoted=False, empty="-")
CELLS = st.one_of(
    st.sampled_from(["", "a", "NULL", "NaN", "true", "1", "-", "2021-03-03"]), st.text('ab, "#', max_size=5)
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6), st.booleans())
def test_quoted_rows_are_what_csv_reads(rows: list[list[str]], last_line_end: bool) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode().removesuffix(b"" if last_line_end else b"\n")
    read = read_rows(data, len(rows), ["x", "y"], ["y"], COMMAS)
    assert read is not None
    table, invalid = read
    assert table.column_names == ["y"]
    assert table["y"].to_pylist() == [row[1] or None for row in rows if len(row) == 2]
    assert invalid.tolist() == [at for at, row in enumerate(rows) if len(row) != 2]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text('ab "#-', min_size=1, max_size=8), min_size=1, max_size=6))
def test_rows_without_quotes_are_what_split_gives(lines: list[str]) -> None:
    read = read_rows("\n".join(lines).encode(), len(lines), ["x", "y"], ["x", "y"], SPACES)
    assert read is not None
    table, invalid = read
    cells = [line.split(" ") for line in lines]
    good = [row for row in cells if len(row) == 2]
    assert list(zip(table["x"].to_pylist(), table["y"].to_pylist(), strict=True)) == [
        tuple(None if cell in ("", "-") else cell for cell in row) for row in good
    ]
    assert invalid.tolist() == [at for at, row in enumerate(cells) if len(row) != 2]


@pytest.mark.parametrize("data", [b'a,"b\nc",d\n', b"a,b\rc,d\n"])
def test_a_count_that_does_not_come_out_is_not_trusted(data: bytes) -> None:
    assert read_rows(data, data.count(b"\n"), ["x", "y"], ["x"], COMMAS) is None
