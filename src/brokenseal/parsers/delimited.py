"""Logs of one record a line with a header inside the file: the common work of IIS W3C and of Exchange's CSV logs.

The block is cut at its directives and header rows; the rows under one header are read together by pyarrow's CSV reader.
Rows it cannot take are read one by one, and what still cannot be read is rejected with a reason. Column positions always
come from the header in force, never from habit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Parsed, Parser, Settings, cut_off, line_text, reject, with_event_columns
from brokenseal.parsers.blocks import Block
from brokenseal.parsers.cells import to_cell
from brokenseal.parsers.columns import Cell, Column
from brokenseal.parsers.csv_rows import Dialect, read_rows
from brokenseal.parsers.decoding import CR_MARK, NUL_MARK, Mask, Positions, newlines_of
from brokenseal.parsers.quoting import broken_quote_lines
from brokenseal.parsers.segments import (
    DateMarks,
    Header,
    Rows,
    blank_lines,
    first_bytes,
    lines_joined,
    merged,
    unique_names,
)

_HASH = ord("#")
_DIGITS = np.array([48 <= byte <= 57 for byte in range(256)])
NO_HEADER = "no #Fields header before this row, and its layout is not known"
HIDDEN_LINES = "directive holds lone carriage returns: lines may hide in it"
ODD_DIRECTIVE = "line begins with '#' but is no known directive"
NOTHING = "NUL bytes or white space only"

#: What a parser reads under a header, worked out once a header; a hostile file may have a million of them.
MOST_HEADERS = 256
_WANTED: dict[tuple[type, tuple[str, ...]], dict[str, Column | None]] = {}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A row that did not fit its header, made to fit: as many cells as the header has, and the warning to count.

    ``short``: cells were missing at the end. In the last line of a file that is still being written this is no row yet.
    """

    cells: list[str]
    warning: str = ""
    short: bool = False


class DelimitedParser(Parser):
    """Base of the parsers for delimited logs."""

    dialect: ClassVar[Dialect]
    #: Header rows and other odd lines begin with no digit; where the first field may be text this is switched off.
    rows_start_with_digit: ClassVar[bool] = True
    #: Why a row is rejected whose time stays null.
    timeless: ClassVar[str] = "time cannot be read"
    header: Header | None = None

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self.dates = DateMarks()

    # What a concrete format says --------------------------------------------------------------------------------------

    @abstractmethod
    def directive(self, text: str, line: int) -> bool:
        """Take a line that begins with '#'; False if it is none that the format knows."""

    def header_row(self, text: str) -> Header | None:
        """The field names, if this line is a bare header row."""
        return None

    def header_by_shape(self, text: str) -> Header | None:
        """The field names, if the file has no header but this row's shape is beyond doubt."""
        return None

    def unusable(self, header: Header) -> str | None:
        """Why no row under this header can become an event, if so."""
        return None

    def ordered(self, header: Header) -> bool:
        """Whether ``events`` must get the rows in the order of their lines (it costs a copy of them)."""
        return False

    @abstractmethod
    def repair(self, header: Header, text: str) -> Fitted | str:
        """The cells of a row that did not fit, or the reason to reject it."""

    @abstractmethod
    def events(
        self,
        lines: Positions,
        header: Header,
        columns: dict[str, pa.ChunkedArray],
        raw: dict[str, pa.ChunkedArray],
        parsed: Parsed,
    ) -> dict[str, pa.ChunkedArray]:
        """The arrays of ``time`` (null: the row is rejected), ``host`` and derived columns.

        ``columns`` holds the declared columns, ``raw`` the other fields asked for (lower-case names); *lines* are numbers
        in the file. Dates are noted in ``self.dates``; warnings may be counted in *parsed*.
        """

    def fields_for_events(self, names: Sequence[str]) -> frozenset[str]:
        """Header names that ``events`` reads beside the declared columns (the time fields, custom fields)."""
        return frozenset()

    # The common work --------------------------------------------------------------------------------------------------

    def parse(self, block: Block) -> Parsed:
        """Events in any order within the block; rejects by line."""
        parsed = Parsed(self.schema().empty_table())
        parsed.rejects += self.oversized(block)
        parsed.rows_in += len(block.oversized)
        if block.invalid_utf8_lines:
            parsed.warnings["bytes that are not UTF-8 (kept as \\xNN)"] += block.invalid_utf8_lines
        if block.nul_lines:
            parsed.warnings["NUL bytes in the line"] += block.nul_lines
        if not len(block):
            return parsed
        if block.ends_mid_line and block.text(len(block) - 1).strip(b"\r"):
            parsed.warnings["last line has no line end (its last cell may be cut short)"] += 1
        tables: list[pa.Table] = []
        for rows in self._segments(block, parsed):
            parsed.rows_in += len(rows.indexes)
            tables += self._read(rows, block, parsed)
        if tables:
            parsed.table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
        parsed.rejects.sort(key=lambda reject: reject.line)
        self.dates.forget_before(block.first_line + len(block))
        return parsed

    def _segments(self, block: Block, parsed: Parsed) -> list[Rows]:
        """The rows of the block by header; directives are applied, blank lines dropped, headerless rows rejected."""
        count = len(block)
        first = first_bytes(block)
        blank = blank_lines(block, first)
        special = (first == _HASH) & ~blank
        if self.rows_start_with_digit:
            special |= ~_DIGITS[first] & ~blank
        spans: list[tuple[Header, int, int]] = []
        at = 0
        for index in (*np.flatnonzero(special).tolist(), count):
            if index > at:
                start = at if self.header is not None else self._find_shape(block, at, index, parsed, blank)
                if self.header is not None and start < index:
                    spans.append((self.header, start, index))
            at = index if index < count and self._special(block, index, parsed) else index + 1
        return merged(block, spans, blank)

    def _find_shape(self, block: Block, start: int, end: int, parsed: Parsed, blank: Mask) -> int:
        """Reject rows until one shows by its shape what the columns are; where the rows that can be read begin."""
        for index in range(start, end):
            if blank[index]:
                continue
            self.header = self.header_by_shape(line_text(block, index))
            if self.header is not None:
                parsed.warnings["no header in the file: columns recognised by their shape"] += 1
                return index
            parsed.rows_in += 1
            parsed.rejects.append(reject(block, index, NO_HEADER))
        return end

    def _special(self, block: Block, index: int, parsed: Parsed) -> bool:
        """Take a directive, a header row or an odd line; True if the line is a row after all."""
        text = line_text(block, index)
        if text.startswith("#"):
            if CR_MARK.decode() in text:
                # Rows may hide in what looks like one directive.
                parsed.rows_in += 1
                parsed.rejects.append(reject(block, index, HIDDEN_LINES))
            elif not self.directive(text, block.first_line + index):
                parsed.rows_in += 1
                parsed.rejects.append(reject(block, index, ODD_DIRECTIVE))
            return False
        header = self.header_row(text)
        if header is not None:
            self.header = header
            return False
        return True

    def _read(self, rows: Rows, block: Block, parsed: Parsed) -> list[pa.Table]:
        unusable = self.unusable(rows.header)
        if unusable is not None:
            parsed.rejects += [reject(block, index, unusable) for index in rows.indexes.tolist()]
            return []
        names = unique_names(rows.header.fields)
        wanted = self._wanted(names)
        broken: list[int] = []
        if self.dialect.quoted:
            rows, broken = _without_broken_quotes(rows, block)
        pieces: list[tuple[Positions, pa.Table]] = []
        if len(rows.indexes):
            bulk = read_rows(rows.data, len(rows.indexes), names, tuple(wanted), self.dialect)
            if bulk is None:
                broken += rows.indexes.tolist()
            else:
                table, invalid = bulk
                broken += rows.indexes[invalid].tolist()
                pieces.append((np.delete(rows.indexes, invalid), table))
        if broken:
            pieces.append(self._one_by_one(rows.header, sorted(broken), names, list(wanted), block, parsed))
        return self._finish(rows.header, wanted, [piece for piece in pieces if len(piece[0])], block, parsed)

    def _one_by_one(
        self,
        header: Header,
        indexes: Sequence[int],
        names: Sequence[str],
        wanted: Sequence[str],
        block: Block,
        parsed: Parsed,
    ) -> tuple[Positions, pa.Table]:
        kept: list[int] = []
        rows: list[list[str]] = []
        for index in indexes:
            text = line_text(block, index)
            if not text.strip(NUL_MARK.decode() + " \t"):
                parsed.rejects.append(reject(block, index, NOTHING))
                continue
            fitted = self.repair(header, text)
            if isinstance(fitted, str):
                parsed.rejects.append(reject(block, index, fitted))
            elif fitted.short and cut_off(block, index):
                parsed.rejects.append(reject(block, index, "row has fewer cells than its header"))
            else:
                if fitted.warning:
                    parsed.warnings[fitted.warning] += 1
                kept.append(index)
                rows.append(fitted.cells)
        empties = {self.dialect.empty, ""}
        place = {name: at for at, name in enumerate(names)}
        columns = {
            name: pa.array(
                [None if cells[place[name]] in empties else cells[place[name]] for cells in rows], pa.string()
            )
            for name in wanted
        }
        return np.array(kept, dtype=np.int64), pa.table(columns)

    def _finish(
        self,
        header: Header,
        wanted: dict[str, Column | None],
        pieces: list[tuple[Positions, pa.Table]],
        block: Block,
        parsed: Parsed,
    ) -> list[pa.Table]:
        if not pieces:
            return []
        indexes = np.concatenate([positions for positions, _ in pieces])
        order = np.argsort(indexes) if len(pieces) > 1 and self.ordered(header) else None
        columns: dict[str, pa.ChunkedArray] = {}
        raw: dict[str, pa.ChunkedArray] = {}
        for name, column in wanted.items():
            chunks: list[pa.Array] = []
            for _, table in pieces:
                values, lost = to_cell(table.column(name), column.cell if column else Cell.TEXT)
                chunks += values.chunks
                if lost and column:
                    parsed.warnings[f"{column.name} is not a number (kept as empty)"] += lost
            joined = pa.chunked_array(chunks, column.cell.arrow if column else pa.string())
            if order is not None:
                joined = pc.take(joined, order)
            if column is not None:
                columns[column.name] = joined
            else:
                raw[name.lower()] = joined
        if order is not None:
            indexes = indexes[order]
        arrays = dict(columns)
        arrays.update(self.events(indexes + block.first_line, header, columns, raw, parsed))
        table = with_event_columns(self.schema(), block, indexes, arrays)
        return [without_timeless(table, indexes, block, parsed, self.timeless)]

    def _wanted(self, names: tuple[str, ...]) -> dict[str, Column | None]:
        """Header name → declared column; None for the fields that ``events`` needs as text."""
        known = _WANTED.get((type(self), names))
        if known is not None:
            return known
        declared = {field.lower(): column for column in self.columns for field in column.log_fields}
        extra = self.fields_for_events(names)
        wanted: dict[str, Column | None] = {}
        for name in names:
            column = declared.get(name.lower())
            if column is not None and column not in wanted.values():
                wanted[name] = column
            elif column is not None or name in extra:
                wanted[name] = None
        if len(_WANTED) < MOST_HEADERS:
            _WANTED[type(self), names] = wanted
        return wanted


def without_timeless(table: pa.Table, indexes: Positions, block: Block, parsed: Parsed, reason: str) -> pa.Table:
    """*table* without the rows whose time is null, which are rejected."""
    if not table.column("time").null_count:
        return table
    null = np.asarray(table.column("time").is_null())
    parsed.rejects += [reject(block, int(index), reason) for index in indexes[null]]
    return table.filter(pa.array(~null))


def _without_broken_quotes(rows: Rows, block: Block) -> tuple[Rows, list[int]]:
    if b'"' not in rows.data:
        return rows, []
    starts = np.concatenate([np.zeros(1, dtype=np.int64), newlines_of(rows.data) + 1])
    broken = broken_quote_lines(rows.data, starts[: len(rows.indexes)])
    if not len(broken):
        return rows, []
    kept = np.delete(rows.indexes, broken)
    return Rows(rows.header, lines_joined(block, kept), kept), rows.indexes[broken].tolist()
