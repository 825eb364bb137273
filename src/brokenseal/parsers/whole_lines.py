"""Exchange logs whose cells cannot be cut at commas: the line is kept whole and taken apart by regular expressions.

All work is done on Arrow arrays of lines; there is no Python loop over them.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Parsed, reject, with_event_columns
from brokenseal.parsers.blocks import Block
from brokenseal.parsers.columns import EMPTY_TEXT, NULL_TEXT
from brokenseal.parsers.decoding import NUL_MARK, Positions, newlines_of
from brokenseal.parsers.delimited import NOTHING, without_timeless
from brokenseal.parsers.exchange_log import ExchangeLogParser
from brokenseal.parsers.segments import Rows


class WholeLineParser(ExchangeLogParser):
    """Base of the parsers that take a line as one text."""

    @abstractmethod
    def lines(self, text: pa.ChunkedArray, numbers: Positions) -> dict[str, pa.ChunkedArray]:
        """Arrays for the table (``time`` null where the line is to be rejected); *numbers*: the lines' in the file."""

    def _read(self, rows: Rows, block: Block, parsed: Parsed) -> list[pa.Table]:
        unusable = self.unusable(rows.header)
        if unusable is not None:
            parsed.rejects += [reject(block, index, unusable) for index in rows.indexes.tolist()]
            return []
        text = _lines(rows)
        nothing = np.asarray(pc.equal(pc.utf8_trim(text, characters=NUL_MARK.decode() + " \t"), ""))
        indexes = rows.indexes
        if nothing.any():
            parsed.rejects += [reject(block, index, NOTHING) for index in indexes[nothing].tolist()]
            text, indexes = text.filter(pa.array(~nothing)), indexes[~nothing]
        table = with_event_columns(self.schema(), block, indexes, self.lines(text, indexes + block.first_line))
        return [without_timeless(table, indexes, block, parsed, self.timeless)]


def _lines(rows: Rows) -> pa.ChunkedArray:
    ends = newlines_of(rows.data)
    if len(ends) < len(rows.indexes):
        ends = np.append(ends, len(rows.data))
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    offsets[1:] = np.minimum(ends + 1, len(rows.data))
    lines = pa.StringArray.from_buffers(len(rows.indexes), pa.py_buffer(offsets), pa.py_buffer(rows.data))
    return pa.chunked_array([pc.utf8_rtrim(lines, characters="\r\n")])


def groups(values: pa.ChunkedArray, pattern: str) -> dict[str, pa.ChunkedArray]:
    """The named groups of *pattern* in each value; null where it does not match or a group is empty."""
    found = pc.extract_regex(values, pattern)
    texts = {field.name: pc.struct_field(found, field.name) for field in found.type}
    return {name: pc.if_else(pc.equal(text, EMPTY_TEXT), NULL_TEXT, text) for name, text in texts.items()}


def group(values: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    """The only named group of *pattern*, as ``groups`` gives it."""
    (only,) = groups(values, pattern).values()
    return only
