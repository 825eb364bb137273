"""Find the lines whose quotation marks are not well-formed CSV, before a CSV reader lets one swallow its neighbours.

An opening quote that is never closed makes a CSV reader take the following lines into the same value: one hostile or
damaged line would hide the others. Lines here are judged one by one, by the position of each quote.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from brokenseal.parsers.decoding import CR, LF, Positions

_QUOTE, _COMMA = ord('"'), ord(",")
_UNTIL_QUOTE = re.compile(r'[^"]*(?:""[^"]*)*')
#: Lines are judged in portions of about so many bytes, so that lines full of quotes do not multiply in memory.
_PORTION_BYTES = 1 << 20


def broken_quote_lines(data: bytes, starts: Positions) -> Positions:
    """Indexes (into *starts*) of the lines of *data* that are not well-formed comma-separated values.

    Well-formed (RFC 4180): an opening quote stands at the start of a cell, a closing one before a comma or the line end,
    and a quote inside a quoted cell is doubled.
    """
    broken: list[Positions] = [np.zeros(0, dtype=np.int64)]
    at = 0
    while at < len(starts):
        until = max(at + 1, int(np.searchsorted(starts, starts[at] + _PORTION_BYTES, side="right")) - 1)
        end = int(starts[until]) if until < len(starts) else len(data)
        start = int(starts[at])
        broken.append(_broken(data[start:end], starts[at:until] - start) + at)
        at = until
    return np.concatenate(broken)


def _broken(data: bytes, starts: Positions) -> Positions:
    if b'"' not in data:
        return np.zeros(0, dtype=np.int64)
    array = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(array == _QUOTE)
    line_of = (np.searchsorted(starts, quotes, side="right") - 1).astype(np.int32)
    number = np.arange(len(quotes), dtype=np.int32)
    number -= np.searchsorted(quotes, starts).astype(np.int32)[line_of]
    opening = number % 2 == 0

    before = np.where(quotes > 0, array[np.maximum(quotes - 1, 0)], LF)
    at_start = quotes == starts[line_of]
    after = np.where(quotes + 1 < len(array), array[np.minimum(quotes + 1, len(array) - 1)], LF)

    good_opening = at_start | _among(before, (_COMMA, _QUOTE))
    good_closing = _among(after, (_COMMA, CR, LF, _QUOTE))
    bad = np.where(opening, ~good_opening, ~good_closing)

    last_of_line = np.append(line_of[1:] != line_of[:-1], True)
    left_open = last_of_line & opening
    lines: Positions = line_of[bad | left_open].astype(np.int64)
    # Not np.unique, which loads numpy.ma for it.
    once: Positions = lines[np.append(True, lines[1:] != lines[:-1])] if len(lines) else lines
    return once


def _among(values: npt.NDArray[np.uint8], allowed: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    return np.isin(values, np.array(allowed, dtype=np.uint8))


def tolerant_cells(text: str, most: int) -> list[str]:
    """Split one line into cells, damaged or not: a quote that is never closed ends with the line.

    After *most* cells the rest of the line is one more.
    """
    cells: list[str] = []
    at, length = 0, len(text)
    while at <= length:
        if len(cells) == most:
            value, at = text[at:], length
        elif at < length and text[at] == '"':
            value, at = _quoted(text, at + 1)
        else:
            comma = text.find(",", at)
            comma = length if comma < 0 else comma
            value, at = text[at:comma], comma
        cells.append(value)
        at += 1
    return cells


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The value from *at* to its closing quote, and where its comma is (or the end of the text)."""
    parts: list[str] = []
    while True:
        run = _UNTIL_QUOTE.match(text, at)
        quote = run.end() if run else at
        parts.append(text[at:quote].replace('""', '"'))
        if quote == len(text):
            # Never closed, so it was no quoting: it stays in the value.
            return "".join(('"', *parts)), quote
        if text[quote + 1 : quote + 2] in ("", ","):
            return "".join(parts), quote + 1
        parts.append('"')
        at = quote + 1
