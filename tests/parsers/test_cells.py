"""The same text gives the same number, whether a whole column is turned at once or value by value."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers.cells import to_cell
from brokenseal.parsers.columns import Cell

NUMBERS = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.integers(-(2**32), 2**32).map(str),
    st.text("0123456789-+ \tx.eEaF_", max_size=8),
    st.sampled_from(
        ["0x10", "0X7f", "-0", "007", " 5 ", "\t5", "5\x0b", "\u00a05", "\u0665", "1e9", "1.0", "+5", "--5", "- 5"]
    ),
)


def alone(text: str, cell: Cell) -> int | None:
    (value,) = to_cell(pa.array([text or None], pa.string()), cell)[0].to_pylist()
    assert value is None or isinstance(value, int)
    return value


@settings(max_examples=250, deadline=None)
@given(NUMBERS, st.sampled_from([Cell.INT32, Cell.INT64]))
def test_both_ways_agree(text: str, cell: Cell) -> None:
    slow, lost = to_cell(pa.array([text or None, "nonsense", "1"]), cell)
    assert slow.to_pylist() == [alone(text, cell), None, 1]
    assert lost == 1 + bool(text and slow[0].as_py() is None)


@pytest.mark.parametrize(
    ("text", "int32", "int64"),
    [
        ("200", 200, 200),
        ("-5", -5, -5),
        (" 200\t", 200, 200),
        ("2147483647", 2147483647, 2147483647),
        ("2147483648", None, 2147483648),
        ("-2147483648", -2147483648, -2147483648),
        ("99999999999", None, 99999999999),
        ("9223372036854775807", None, 9223372036854775807),
        ("9223372036854775808", None, None),
        ("1e9", None, None),
        ("12.0", None, None),
        ("٢٠٠", None, None),
        ("", None, None),
        (" ", None, None),
    ],
)
def test_numbers(text: str, int32: int | None, int64: int | None) -> None:
    for cell, value in ((Cell.INT32, int32), (Cell.INT64, int64)):
        assert to_cell(pa.array([text]), cell)[0].to_pylist() == [value]


def test_lost_values_are_counted_and_missing_ones_are_not() -> None:
    values, lost = to_cell(pa.chunked_array([["1", None, "x"], ["y", "2"]]), Cell.INT32)
    assert values.to_pylist() == [1, None, None, None, 2]
    assert values.type == pa.int32()
    assert lost == 2


def test_text_and_typed_columns_are_left_alone() -> None:
    assert to_cell(pa.array([" a ", None]), Cell.TEXT)[0].to_pylist() == [" a ", None]
    assert to_cell(pa.array([1, None], pa.int64()), Cell.INT64)[0].to_pylist() == [1, None]
