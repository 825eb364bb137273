"""Listings of files as CSV: the common work of all programs' formats.

Records are found as in :mod:`brokenseal.parsers.csv_records` (a cell may span lines), rows outside the web folders are
dropped as soon as their path is known, and the rest becomes columns in bulk. Rows are held back until it is told whether
day or month comes first in the file's dates.
"""

from __future__ import annotations

import csv
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Settings, line_text, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Positions, Readable, Tally, read_blocks
from brokenseal.parsers.csv_records import CsvFound, find_records, read_records
from brokenseal.parsers.file_listing import FileListingParser, mask
from brokenseal.parsers.listing_columns import (
    NAMES,
    TIMES,
    Columns,
    Layout,
    file_columns,
    filled,
    judged_times,
    layout,
    plain,
    rows_kept,
)
from brokenseal.parsers.listing_times import NO_TIME, UNTOLD_BYTES, Clock, read_clocks, told
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.segments import MAX_FIELDS, lines_joined, unique_names
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_records import spans, whole_records
from brokenseal.parsers.winevent_table import event_table, note_odd_lines

NO_HEADER = "no header row of a listing of files before this row"
WRONG_CELLS = "row has not as many cells as its header"

_NOT_A_ROW = "#TYPE "
_LONGEST_HEADER = 16 << 10
#: Any column may be the first of a header; one is a time of modification.
_MAY_BE_HEADER = r"(?i)^(?:#TYPE |\"?[a-z][a-z0-9 _<()./-]{1,60}\"?[,;\t].*(?:write|modified|mtime))"
#: How times begin that say by themselves which part is the month.
_YEAR_FIRST = r"^\s*(?:[0-9]{4}-[0-9]{2}-|$)"
_ALL_NAMES = frozenset(name for names in (*NAMES.values(), *TIMES.values()) for name in names)


class Header(NamedTuple):
    """A header row: its names, what they are, and how the rows are written."""

    names: tuple[str, ...]
    layout: Layout
    delimiter: str
    quoted: bool


def read_header(text: str) -> Header | None:
    """The header, if this line is one of a listing."""
    return _read_header(text) if len(text) <= _LONGEST_HEADER else None


@lru_cache(maxsize=64)
def _read_header(text: str) -> Header | None:
    for delimiter in ",;\t":
        if delimiter not in text or text.count(delimiter) >= MAX_FIELDS:
            continue
        try:
            (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            continue
        names = unique_names(tuple(cell.strip() for cell in cells))
        if sum(plain(name) in _ALL_NAMES for name in names) < 3:
            continue
        found = layout(names)
        if found is not None:
            return Header(names, found, delimiter, text.startswith('"'))
    return None


class _Part(NamedTuple):
    """Rows under one header, all but their times."""

    made: Columns
    clocks: dict[str, Clock]

    def waits(self) -> bool:
        """Whether its times hang on the order of day and month."""
        return any(clock.dates is not None for clock in self.clocks.values())


class _Piece(NamedTuple):
    """A piece of the file: rows whose times wait until it is told which number is the month, and the rest."""

    parsed: Parsed
    parts: list[_Part]
    #: Byte of the file and what the times of the row there tell, for those that tell something.
    tells: list[tuple[int, int]]
    last_offset: int


class CsvListingParser(FileListingParser):
    """Base of the parsers for listings in CSV."""

    record_layout = RecordLayout.CSV

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._header: Header | None = None
        #: 1: the month comes first in this file's dates, -1: the day does, 0: not told yet, None: not told at all.
        self._order: int | None = 0

    @classmethod
    @abstractmethod
    def is_own(cls, header: Header) -> bool:
        """Whether a listing's header is one of this format."""

    def utc(self, header: Header, time: str) -> bool:
        """Whether times without a zone in the column for *time* are UTC."""
        return not header.layout.is_local(time)

    def finished(self, made: Columns) -> Columns:
        """Last changes to the table's columns (*made* also has the time of modification as text)."""
        return made

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        for line in head.split("\n"):
            text = line.rstrip("\r")
            if text.strip() and not text.startswith(_NOT_A_ROW):
                header = read_header(text)
                return header is not None and cls.is_own(header)
        return False

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: a record may be many lines, and most lines are not kept."""
        waiting: list[tuple[_Piece, int]] = []
        blocks = read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES)
        for piece, raw_bytes in whole_records(blocks, self._take):
            waiting.append((piece, raw_bytes))
            self._note_order(piece)
            if self._order != 0 or not any(part.waits() for each, _ in waiting for part in each.parts):
                for each, size in waiting:
                    yield Batch(self._parsed(each), size)
                waiting.clear()
        self._order = self._order or None
        for each, size in waiting:
            yield Batch(self._parsed(each), size)

    def _take(self, block: Block, last: bool) -> tuple[_Piece, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        piece = _Piece(parsed, [], [], int(block.offsets[-1]) if len(block) else 0)
        at, taken = 0, len(block)
        while at < taken:
            if self._header is None:
                at = self._find_header(block, at, parsed)
            else:
                at, taken = self._section(block, at, self._header, piece, last=last)
        return piece, taken

    def _find_header(self, block: Block, at: int, parsed: Parsed) -> int:
        """Reject the rows before a header; where those after it begin."""
        for index in range(at, len(block)):
            text = line_text(block, index)
            if text.strip() and not text.startswith(_NOT_A_ROW):
                self._header = read_header(text)
                if self._header is not None:
                    return index + 1
                parsed.rejects.append(reject(block, index, NO_HEADER))
        return len(block)

    def _section(self, block: Block, at: int, header: Header, piece: _Piece, *, last: bool) -> tuple[int, int]:
        """Take the records from line *at* on, up to a header that says they are written another way.

        Where to go on, and the number of lines that are dealt with then.
        """
        found = find_records(block, header.delimiter, quoted=header.quoted, last=last, start=at)
        begin = 0
        for record, text in _header_rows(block, found):
            is_type = text.startswith(_NOT_A_ROW)
            following = None if is_type else read_header(text)
            if following is None and not is_type:
                continue
            self._rows(block, found, begin, record, header, piece)
            begin = record + 1
            if following is None:
                continue
            self._header = following
            if (following.delimiter, following.quoted) != (header.delimiter, header.quoted):
                stop = int(found.afters[record])
                piece.parsed.rejects += [reject(block, *each) for each in found.rejected if each[0] < stop]
                return stop, len(block)
            header = following
        self._rows(block, found, begin, len(found.firsts), header, piece)
        piece.parsed.rejects += [reject(block, *each) for each in found.rejected]
        return found.taken, found.taken

    def _rows(self, block: Block, found: CsvFound, begin: int, end: int, header: Header, piece: _Piece) -> None:
        records = CsvFound(found.firsts[begin:end], found.afters[begin:end], found.taken)
        if not len(records.firsts):
            return
        data = lines_joined(block, records.lines())
        count = len(records.firsts)
        table, invalid = read_records(data, count, header.names, header.layout.wanted(), header.delimiter)
        rejects = piece.parsed.rejects
        rejects += [reject(block, int(line), WRONG_CELLS) for line in records.firsts[invalid]]
        firsts = np.delete(records.firsts, invalid)
        self._note_tells(table, header, block.offsets[firsts], piece)
        texts = {what: table.column(name) for what, name in header.layout.things.items()}
        keep = np.flatnonzero(rows_kept(texts))
        if len(firsts) > len(keep):
            piece.parsed.warnings[OUTSIDE] += len(firsts) - len(keep)
        if not len(keep):
            return
        firsts, place = firsts[keep], pa.array(keep)
        clocks = self._clocks(table.take(place), header)
        # Whether a time can be read does not hang on the order of day and month.
        timeless = np.flatnonzero(np.asarray(pc.is_null(read_clocks(clocks, True, Counter()).time)))
        if len(timeless):
            rejects += [reject(block, int(line), NO_TIME) for line in firsts[timeless]]
            good = np.delete(np.arange(len(firsts)), timeless)
            firsts, place = firsts[good], pa.array(keep[good])
            clocks = {what: clock.take(good) for what, clock in clocks.items()}
        made = file_columns({what: filled(values.take(place)) for what, values in texts.items()}, piece.parsed.warnings)
        made["line"] = pa.chunked_array([pa.array(firsts + block.first_line)])
        made["offset"] = pa.chunked_array([pa.array(block.offsets[firsts])])
        piece.parts.append(_Part(made, clocks))

    def _clocks(self, table: pa.Table, header: Header) -> dict[str, Clock]:
        return {
            what: Clock.of(filled(table.column(name)), utc=self.utc(header, what))
            for what, name in header.layout.times.items()
        }

    def _note_tells(self, table: pa.Table, header: Header, offsets: Positions, piece: _Piece) -> None:
        """Also rows that are not kept tell whether the month comes first."""
        modified = table.column(header.layout.times["modified"])
        local = np.flatnonzero(~mask(pc.fill_null(pc.match_substring_regex(modified, _YEAR_FIRST), True)))
        if self._order == 0 and len(local):
            tells = told(self._clocks(table.take(pa.array(local)), header), len(local))
            first = np.flatnonzero(tells)[:1]
            piece.tells.extend((int(offsets[local[at]]), int(tells[at])) for at in first)

    def _note_order(self, piece: _Piece) -> None:
        for offset, order in piece.tells:
            if self._order == 0 and offset < UNTOLD_BYTES:
                self._order = order
        if self._order == 0 and piece.last_offset >= UNTOLD_BYTES:
            self._order = None

    def _parsed(self, piece: _Piece) -> Parsed:
        parsed = piece.parsed
        month_first = None if not self._order else self._order == 1
        tables = [self.schema().empty_table()]
        for made, clocks in piece.parts:
            times = read_clocks(clocks, month_first, parsed.warnings)
            columns = made | times.texts | {"time": times.time}
            columns |= judged_times(made, {name: clock.texts for name, clock in clocks.items()}, times.milliseconds)
            tables.append(event_table(self.schema(), self.finished(columns)))
        parsed.table = pa.concat_tables(tables[1:]) if len(tables) > 1 else tables[0]
        parsed.warnings = +parsed.warnings
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed


def _header_rows(block: Block, found: CsvFound) -> Iterator[tuple[int, str]]:
    """Records that begin as a header does, by number, with their text."""
    single = np.flatnonzero(found.afters - found.firsts == 1)
    lines = found.firsts[single]
    begins = spans(block.data, block.starts[lines], block.ends[lines])
    for at in np.flatnonzero(np.asarray(pc.match_substring_regex(begins, _MAY_BE_HEADER))).tolist():
        yield int(single[at]), begins[at].as_py().rstrip("\r")
