"""Fit a comma-separated row to its header when quotes are broken or the number of cells is wrong.

A cell must never end up in another column's place: a wrong ``AnchorMailbox`` or ``HttpStatus`` is worse than none. Cells are
placed from the left and from the right as far as every value looks like its column. Where it is not certain which column
the surplus belongs to, the first of those it may belong to keeps the text up to the comma (it is its value or begins it),
the others stay empty. A row that fits nowhere is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from brokenseal.parsers.delimited import Fitted
from brokenseal.parsers.quoting import tolerant_cells

BROKEN_QUOTES = "quotation marks are broken (cells kept as found)"
FEWER = "row has fewer cells than its header (the rest is empty)"
SURPLUS = "row has more cells than its header (columns the surplus may belong to are cut or empty)"

#: For each column the pattern that its whole cells match, None for free text.
Shapes = Sequence[re.Pattern[str] | None]


class _Placed(NamedTuple):
    """Cells put in their columns; *certain*: no column had to be left empty."""

    fitted: Fitted
    certain: bool


def fit_cells(fields: Sequence[str], shapes: Shapes, hints: Shapes, text: str) -> Fitted | str:
    """The row's cells, as many as *fields*, or the reason why it is rejected.

    *hints* narrow *shapes* to what cells look like on all servers seen; a row that fits none of them may still be read.
    """
    expected = len(fields)
    most = 2 * expected
    readings: list[list[str]] = [tolerant_cells(text, most)]
    if '"' in text:
        # A quote that is only part of a value must not swallow the columns after it.
        readings.append(text.split(",", most))
    for patterns in (hints, shapes):
        fitted = _fit(fields, patterns, readings)
        if fitted is not None:
            return fitted
    count = f"more than {most}" if len(readings[0]) > most else str(len(readings[0]))
    return f"row has {count} cells, its header {expected}, and the values do not fit the columns"


def _fit(fields: Sequence[str], shapes: Shapes, readings: Sequence[Sequence[str]]) -> Fitted | None:
    expected = len(fields)
    for cells in readings:
        if len(cells) == expected and _matching(shapes, cells) == expected:
            return Fitted(list(cells), BROKEN_QUOTES)
    placed = [_without_surplus(fields, shapes, cells) for cells in readings if len(cells) > expected]
    fits = [each for each in placed if each is not None]
    certain = next((each.fitted for each in fits if each.certain), None)
    if certain is not None:
        return certain
    for cells in readings:
        if 1 < len(cells) < expected and _matching(shapes, cells) == len(cells):  # a time alone is no event
            return Fitted([*cells, *[""] * (expected - len(cells))], FEWER, short=True)
    return fits[0].fitted if fits else None


def _matching(shapes: Shapes, cells: Sequence[str]) -> int:
    """How many cells, from the first on, look like their columns."""
    for at, (shape, cell) in enumerate(zip(shapes, cells, strict=False)):
        if shape is not None and not shape.fullmatch(cell):
            return at
    return min(len(shapes), len(cells))


def _without_surplus(fields: Sequence[str], shapes: Shapes, cells: Sequence[str]) -> _Placed | None:
    expected, surplus = len(fields), len(cells) - len(fields)
    if surplus > expected:
        return None
    left = _matching(shapes, cells)
    right = _matching(shapes[::-1], cells[::-1])

    def joined(at: int) -> str:
        return ",".join(cells[at : at + surplus + 1])

    # The surplus may belong to a column if everything before and after it fits, and its value with the commas fits too.
    between = range(max(0, expected - 1 - right), min(left, expected - 1) + 1)
    possible = [at for at in between if (shape := shapes[at]) is None or shape.fullmatch(joined(at))]
    if not possible:
        return None
    first, last = possible[0], possible[-1]
    after = cells[last + surplus + 1 :]
    if first == last:
        return _Placed(Fitted([*cells[:first], joined(first), *after], f"commas inside {fields[first]}"), certain=True)
    return _Placed(Fitted([*cells[: first + 1], *[""] * (last - first), *after], SURPLUS), certain=False)
