from __future__ import annotations

import csv

from hypothesis import given
from hypothesis import strategies as st

from brokenseal.simulate.exchange_csv import row

_TEXT = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"))


@given(st.lists(_TEXT, min_size=2, max_size=6))
def test_every_row_reads_back_as_the_same_cells(cells: list[str]) -> None:
    assert next(csv.reader([row(cells)], strict=True)) == cells
