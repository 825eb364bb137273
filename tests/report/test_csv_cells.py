"""Cells that a spreadsheet would run are defused, and everything else is read back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.report.csv_cells import csv_bytes, defused


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "|", "%"])
def test_what_begins_like_a_formula_is_text(start: str) -> None:
    assert defused(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_numbers_stay_numbers() -> None:
    assert (defused(-5), defused(1234), defused(None), defused(True)) == ("-5", "1234", "", "yes")


@given(st.lists(st.text(max_size=20), min_size=2, max_size=2))
def test_no_cell_begins_like_a_formula_and_none_breaks_out(cells: list[str]) -> None:
    read = list(csv.reader(io.StringIO(csv_bytes(["a", "b"], [cells]).decode("utf-8-sig"), newline="")))
    assert len(read) == 2
    assert len(read[1]) == 2
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in read[1])
    assert read[1] == [defused(cell) for cell in cells]
