"""CSV that a shell or a portal exported: the common work of finding its header rows and records.

A cell may span lines (see :mod:`brokenseal.parsers.csv_records`), and a file may be several exports one after the other.
PowerShell puts ``#TYPE`` before the header unless told not to.
"""

from __future__ import annotations

import csv
from abc import abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Parser, Settings, line_text, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Positions, Readable, Tally, read_blocks
from brokenseal.parsers.csv_records import BROKEN, CsvFound, find_records, read_records
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.segments import MAX_FIELDS, lines_joined, unique_names
from brokenseal.parsers.whole_records import spans, whole_records
from brokenseal.parsers.winevent_table import event_table, note_odd_lines

WRONG_CELLS = "row has not as many cells as its header"
NOT_READABLE = "record cannot be taken apart"

Columns = dict[str, pa.ChunkedArray]

_NOT_A_ROW = "#TYPE "
_LONGEST_HEADER = 16 << 10
#: Exports written in different ways in one file; each change costs a second look at what follows.
_MOST_DIALECTS = 100


class Header(NamedTuple):
    """A header row: its names (lower case), and how the rows are written."""

    names: tuple[str, ...]
    delimiter: str
    quoted: bool

    @property
    def dialect(self) -> tuple[str, bool]:
        return self.delimiter, self.quoted


class Piece(NamedTuple):
    """A piece of the file: rows of the table by their columns, and the rest."""

    parsed: Parsed
    parts: list[Columns]
    last_offset: int


class ExportedCsvParser(Parser):
    """Base of the parsers of exported CSV."""

    record_layout = RecordLayout.CSV
    #: Why a row before any header is rejected.
    no_header: ClassVar[str]
    #: A name (lower case) that each header has one of; it tells quickly which rows may be one.
    telling: ClassVar[tuple[str, ...]]

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._header: Header | None = None
        self._dialects = 0
        self._may_be_header = r"(?i)^(?:#TYPE |(?:.*[,;\t])?\"?(?:" + "|".join(self.telling) + r")\"?(?:[,;\t]|\r?$))"

    @classmethod
    @abstractmethod
    def is_header(cls, names: frozenset[str]) -> bool:
        """Whether a row of these cells (lower case) is a header of this format."""

    @classmethod
    @abstractmethod
    def wanted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the columns *names* are read."""

    @abstractmethod
    def columns_of(self, texts: pa.Table, block: Block, lines: Positions, parsed: Parsed) -> tuple[Columns, Positions]:
        """Columns of the table for rows that begin on *lines* of *block*, and which of the rows they are.

        The others are rejected into *parsed*.
        """

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        for line in head.split("\n"):
            text = line.rstrip("\r")
            if text.strip() and not text.startswith(_NOT_A_ROW):
                return cls.read_header(text) is not None
        return False

    @classmethod
    def read_header(cls, text: str) -> Header | None:
        """The header, if this line is one."""
        header = _cells(text) if len(text) <= _LONGEST_HEADER else None
        return header if header is not None and cls.is_header(frozenset(header.names)) else None

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: a record may be many lines."""
        for piece, raw_bytes in self.pieces(stream, tally, block_bytes):
            yield Batch(self.finished(piece), raw_bytes)

    def pieces(self, stream: Readable, tally: Tally, block_bytes: int | None) -> Iterator[tuple[Piece, int]]:
        """The file in order, and how many bytes of it each piece was."""
        return whole_records(read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES), self._take)

    def finished(self, piece: Piece) -> Parsed:
        parsed = piece.parsed
        tables = [event_table(self.schema(), made) for made in piece.parts if len(made["time"])]
        parsed.table = pa.concat_tables(tables) if tables else self.schema().empty_table()
        parsed.warnings = +parsed.warnings
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed

    def _take(self, block: Block, last: bool) -> tuple[Piece, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        piece = Piece(parsed, [], int(block.offsets[-1]) if len(block) else 0)
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
                self._header = self.read_header(text)
                if self._header is not None:
                    return index + 1
                parsed.rejects.append(reject(block, index, self.no_header))
        return len(block)

    def _section(self, block: Block, at: int, header: Header, piece: Piece, *, last: bool) -> tuple[int, int]:
        """Take the records from line *at* on, up to a header that says they are written another way.

        Where to go on, and the number of lines that are dealt with then.
        """
        found = find_records(block, header.delimiter, quoted=header.quoted, last=last, start=at)
        begin = 0
        # Records that are the header in force once more, or a type: many of them must not cost much.
        again: list[int] = []
        for line, text in self._header_rows(block, found):
            following = None if text.startswith(_NOT_A_ROW) else self.read_header(text)
            if following is None and not text.startswith(_NOT_A_ROW):
                continue
            other = following is not None and following.dialect != header.dialect
            if other and self._dialects == _MOST_DIALECTS:
                continue
            end = int(np.searchsorted(found.firsts, line))
            is_record = end < len(found.firsts) and int(found.firsts[end]) == line
            if is_record and following in (header, None):
                again.append(end)
                continue
            self._rows(block, found, begin, end, again, header, piece)
            begin, again = end + int(is_record), []
            header = self._header = following or header
            if other:
                # What comes is written another way: it is looked at anew.
                self._dialects += 1
                piece.parsed.rejects += [reject(block, *each) for each in found.rejected if each[0] < line]
                return line + 1, len(block)
        self._rows(block, found, begin, len(found.firsts), again, header, piece)
        piece.parsed.rejects += [reject(block, *each) for each in found.rejected]
        return found.taken, found.taken

    def _header_rows(self, block: Block, found: CsvFound) -> list[tuple[int, str]]:
        """Lines that may be a header, with their text: records, or what is damaged if it is no header."""
        lines = found.firsts[found.afters - found.firsts == 1]
        damaged = np.array([line for line, reason in found.rejected if reason == BROKEN], dtype=np.int64)
        lines = np.sort(np.concatenate([lines, damaged]))
        lines = lines[block.ends[lines] - block.starts[lines] <= _LONGEST_HEADER]
        texts = spans(block.data, block.starts[lines], block.ends[lines])
        like = np.flatnonzero(np.asarray(pc.match_substring_regex(texts, self._may_be_header)))
        return [(int(lines[at]), texts[at].as_py().rstrip("\r")) for at in like.tolist()]

    def _rows(
        self, block: Block, found: CsvFound, begin: int, end: int, without: list[int], header: Header, piece: Piece
    ) -> None:
        """Read the records from *begin* to *end* but *without* some."""
        chosen = np.setdiff1d(np.arange(begin, end), np.array(without, dtype=np.int64))
        records = CsvFound(found.firsts[chosen], found.afters[chosen], found.taken)
        if not len(records.firsts):
            return
        data = lines_joined(block, records.lines())
        wanted = self.wanted(header.names)
        table, invalid = read_records(data, len(records.firsts), header.names, wanted, header.delimiter)
        piece.parsed.rejects += [reject(block, int(line), WRONG_CELLS) for line in records.firsts[invalid]]
        lines = np.delete(records.firsts, invalid)
        if not len(lines):
            return
        made, rows = self.columns_of(table, block, lines, piece.parsed)
        lines = lines[rows]
        made["line"] = pa.chunked_array([pa.array(lines + block.first_line)])
        made["offset"] = pa.chunked_array([pa.array(block.offsets[lines])])
        piece.parts.append(made)


@lru_cache(maxsize=256)
def _cells(text: str) -> Header | None:
    for delimiter in ",;\t":
        if delimiter not in text or text.count(delimiter) >= MAX_FIELDS:
            continue
        try:
            (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            continue
        if len(cells) > 1:
            return Header(unique_names(tuple(cell.strip().lower() for cell in cells)), delimiter, text.startswith('"'))
    return None
