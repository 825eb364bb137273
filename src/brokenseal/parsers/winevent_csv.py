"""Windows events exported as CSV: Get-WinEvent, Get-EventLog, the Event Viewer, EvtxECmd.

A message spans many lines inside its cell; `line` is the line on which the record begins. What PowerShell and the Event
Viewer export has no fields but the English text of the message: those of Sysmon, of the most telling events of the Security
log, of new services, PowerShell scripts and Exchange's cmdlets are read from it, and of classic events it stands as `Data`.
`time` is local to the machine that exported, in its own order of day and month and without a zone: Sysmon's UtcTime is used
where it is, and tells the zone to the events of its machine after it; otherwise the time is taken as UTC, with a warning.

References:
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.diagnostics/get-winevent
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.utility/export-csv
    https://github.com/EricZimmerman/evtx
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Batch, Parsed, Settings, line_text, reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Positions, Readable, Tally, read_blocks
from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.csv_records import BROKEN, CsvFound, find_records, read_records
from brokenseal.parsers.local_dates import Mask, Readings, read_dates
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.segments import lines_joined
from brokenseal.parsers.times import FIRST_MS, LAST_MS, within_years
from brokenseal.parsers.whole_records import spans, whole_records
from brokenseal.parsers.windows_event import WindowsEventParser, query
from brokenseal.parsers.winevent_clock import Clocks, Written
from brokenseal.parsers.winevent_columns import moments
from brokenseal.parsers.winevent_exports import MAY_BE_HEADER, NOT_A_ROW, Export, Header, header_of
from brokenseal.parsers.winevent_messages import NOT_ENGLISH, SYSMON, TWICE, read_messages
from brokenseal.parsers.winevent_shredding import payload_fields
from brokenseal.parsers.winevent_table import (
    Columns,
    bisected,
    event_table,
    header_columns,
    note_odd_lines,
    with_cmdlets,
)

NO_HEADER = "no header row of an export of events before this row"
NO_TIME = "time cannot be read"
WRONG_CELLS = "row has not as many cells as its header"
NOT_READABLE = "record cannot be taken apart"
MONTH_FIRST = "day and month of the time cannot be told apart; month first taken"
DAY_FIRST = "day and month of the time cannot be told apart; day first taken"
#: So much of a file is read before day and month are given up to be told apart.
UNTOLD_BYTES = 32 << 20
#: Exports written in different ways in one file; each change costs a second look at what follows.
MOST_DIALECTS = 100

_UTC_TIME = r"(?m)^UtcTime: (?P<utc>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,12})\r?$"
_ORDER_REACH = 15 * 3_600_000


class _Times(NamedTuple):
    """When events were, as far as a piece of the file tells: its dates, and the UTC times of Sysmon's events."""

    dates: Readings
    utc: Positions
    has_utc: Mask

    @property
    def known(self) -> Mask:
        return self.dates.known | self.has_utc

    @staticmethod
    def of(texts: pa.ChunkedArray, sysmon_messages: pa.ChunkedArray) -> _Times:
        utc = moments(pc.struct_field(pc.extract_regex(sysmon_messages, _UTC_TIME), "utc"))
        return _Times(read_dates(texts), np.asarray(pc.fill_null(utc, 0)), np.asarray(pc.is_valid(utc)))

    def take(self, which: Positions) -> _Times:
        return _Times(self.dates.take(which), self.utc[which], self.has_utc[which])

    def told(self) -> Positions:
        """For each row, in order: 1 if it tells that the month is first, -1 that the day is, else 0."""
        near = [
            np.abs(reading - self.utc) <= _ORDER_REACH for reading in (self.dates.month_first, self.dates.day_first)
        ]
        by_utc = np.where(self.dates.ambiguous & self.has_utc, near[0].astype(np.int64) - near[1], 0)
        return np.where(self.dates.told != 0, self.dates.told, by_utc)


class _Part(NamedTuple):
    """Rows under one header, all but their times."""

    made: Columns
    times: _Times
    utc: bool


class _Piece(NamedTuple):
    """A piece of the file: events whose times wait until it is told which of their numbers is the month, and the rest."""

    parsed: Parsed
    parts: list[_Part]

    @property
    def ambiguous(self) -> bool:
        return any(part.times.dates.ambiguous.any() for part in self.parts)


class WineventCsv(WindowsEventParser):
    __doc__ = __doc__
    kind = "winevent_csv"
    record_layout = RecordLayout.CSV

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._header: Header | None = None
        self._clocks = Clocks()
        #: 1: the month comes first in this file's dates, -1: the day does, 0: not told yet, None: not told at all.
        self._order: int | None = 0
        self._dialects = 0

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        for line in head.split("\n"):
            text = line.rstrip("\r")
            if text and not text.startswith(NOT_A_ROW):
                return header_of(text) is not None
        return False

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: a record is many lines.

        Until it is told whether day or month comes first in this file's dates, events are held back.
        """
        waiting: deque[tuple[_Piece, int]] = deque()
        pieces = whole_records(read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES), self._take)
        for piece, raw_bytes in pieces:
            waiting.append((piece, raw_bytes))
            self._note_order(piece)
            while waiting and (self._order != 0 or not waiting[0][0].ambiguous):
                yield self._batch(*waiting.popleft())
        self._order = self._order or None
        for each in waiting:
            yield self._batch(*each)

    def _batch(self, piece: _Piece, raw_bytes: int) -> Batch:
        return Batch(self._finished(piece), raw_bytes)

    def _take(self, block: Block, last: bool) -> tuple[_Piece, int]:
        parsed = Parsed(self.schema().empty_table(), self.oversized(block))
        note_odd_lines(block, parsed)
        piece = _Piece(parsed, [])
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
            if text and not text.startswith(NOT_A_ROW):
                self._header = header_of(text)
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
        for line, text in _header_rows(block, found):
            following = header_of(text)
            if following is None and not text.startswith(NOT_A_ROW):
                continue
            other = following is not None and following.dialect != header.dialect
            if other and self._dialects == MOST_DIALECTS:
                continue
            end = int(np.searchsorted(found.firsts, line))
            self._rows(block, found, begin, end, header, piece)
            begin = end + int(end < len(found.firsts) and found.firsts[end] == line)
            header = self._header = following or header
            if other:
                # What comes is written another way: it is looked at anew.
                self._dialects += 1
                piece.parsed.rejects += [reject(block, *each) for each in found.rejected if each[0] < line]
                return line + 1, len(block)
        self._rows(block, found, begin, len(found.firsts), header, piece)
        piece.parsed.rejects += [reject(block, *each) for each in found.rejected]
        return found.taken, found.taken

    def _rows(self, block: Block, found: CsvFound, begin: int, end: int, header: Header, piece: _Piece) -> None:
        records = CsvFound(found.firsts[begin:end], found.afters[begin:end], found.taken)
        if not len(records.firsts):
            return
        parsed = piece.parsed
        data = lines_joined(block, records.lines())
        table, invalid = read_records(data, len(records.firsts), header.names, header.wanted(), header.delimiter)
        wrong = [reject(block, int(line), WRONG_CELLS) for line in records.firsts[invalid]]
        firsts = np.delete(records.firsts, invalid)
        texts = header.texts(table)
        columns, failed = bisected(texts, lambda part: _with_fields(part, header.export))
        wrong += [reject(block, int(line), NOT_READABLE) for line in firsts[failed]]
        firsts, texts = np.delete(firsts, failed), texts.take(pa.array(np.delete(np.arange(len(firsts)), failed)))
        if columns is not None:
            parsed.warnings[NOT_ENGLISH] += pc.sum(columns.column("unread")).as_py()
            parsed.warnings[TWICE] += pc.sum(columns.column("twice")).as_py()
            made = header_columns(texts, parsed.warnings)
            made["Data"] = columns.column("Data")
            made["line"] = pa.chunked_array([pa.array(firsts + block.first_line)])
            made["offset"] = pa.chunked_array([pa.array(block.offsets[firsts])])
            times = _Times.of(texts.column("time"), _sysmon_messages(texts))
            timeless = np.flatnonzero(~times.known)
            wrong += [reject(block, int(line), NO_TIME) for line in firsts[timeless]]
            kept = np.delete(np.arange(len(firsts)), timeless)
            made = {name: values.take(pa.array(kept)) for name, values in made.items()} if len(timeless) else made
            piece.parts.append(_Part(made, times.take(kept) if len(timeless) else times, header.export.utc))
        parsed.rejects += wrong

    def _note_order(self, piece: _Piece) -> None:
        for part in piece.parts:
            if self._order != 0 or not len(part.times.utc):
                return
            offsets = np.asarray(part.made["offset"])
            told = part.times.told()
            tells = np.flatnonzero((told != 0) & (offsets < UNTOLD_BYTES))
            if len(tells):
                self._order = int(told[tells[0]])
            elif offsets[-1] >= UNTOLD_BYTES:
                self._order = None

    def _finished(self, piece: _Piece) -> Parsed:
        parsed = piece.parsed
        tables = [self.schema().empty_table()]
        for part in piece.parts:
            times = self._in_utc(part, parsed)
            tables.append(event_table(self.schema(), part.made | {"time": times}))
        parsed.table = pa.concat_tables(tables[1:]) if len(tables) > 1 else tables[0]
        parsed.warnings = +parsed.warnings
        parsed.rejects.sort(key=lambda each: each.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed

    def _in_utc(self, part: _Part, parsed: Parsed) -> pa.ChunkedArray:
        dates, utc, has_utc = part.times
        month_first = dates.slashes if self._order is None else np.full(len(utc), self._order == 1)
        moments = np.where(month_first, dates.month_first, dates.day_first)
        if self._order is None:
            unsure = dates.ambiguous & ~has_utc
            parsed.warnings[MONTH_FIRST] += int(np.count_nonzero(unsure & month_first))
            parsed.warnings[DAY_FIRST] += int(np.count_nonzero(unsure & ~month_first))
        if not part.utc:
            none = np.zeros_like(has_utc)
            written = Written(moments, dates.zoned | has_utc, utc, has_utc & dates.known, utc, none)
            right, warnings = self._clocks.to_utc(written, part.made["host"])
            parsed.warnings += warnings
            moments = np.where(has_utc, utc, np.clip(right, FIRST_MS, LAST_MS))
        return within_years(pa.chunked_array([pa.array(moments)]))


def _header_rows(block: Block, found: CsvFound) -> list[tuple[int, str]]:
    """Lines that begin as a header does, with their text: records, or what is damaged if it is no header."""
    lines = found.firsts[found.afters - found.firsts == 1]
    damaged = np.array([line for line, reason in found.rejected if reason == BROKEN], dtype=np.int64)
    lines = np.sort(np.concatenate([lines, damaged]))
    begins = spans(block.data, block.starts[lines], block.ends[lines])
    like = np.flatnonzero(np.asarray(pc.match_substring_regex(begins, MAY_BE_HEADER)))
    return [(int(lines[at]), begins[at].as_py().rstrip("\r")) for at in like.tolist()]


def _sysmon_messages(texts: pa.Table) -> pa.ChunkedArray:
    if "Message" not in texts.column_names:
        return pa.chunked_array([pa.nulls(texts.num_rows, pa.string())])
    return pc.if_else(pc.equal(texts.column("Provider_Name"), SYSMON), texts.column("Message"), NULL_TEXT)


def _with_fields(texts: pa.Table, export: Export) -> pa.Table:
    """The events' fields, and how many of the messages are not read, or hold a field twice. Raises duckdb.Error."""
    ignored: Counter[str] = Counter()
    made = header_columns(texts, ignored)
    if "payload" in texts.column_names:
        data = with_cmdlets(payload_fields(texts.column("payload")), made, joined=True)
        return pa.table({"Data": data, "unread": [0] * len(data), "twice": [0] * len(data)})
    said = read_messages(made["Provider_Name"], made["EventID"], texts.column("Message"))
    data = said.data
    classic = pc.and_(pc.is_null(data), pc.is_valid(texts.column("classic")))
    if pc.any(classic).as_py():
        whole = query(
            texts.column("Message"), "SELECT CAST(json_object('Data', j) AS VARCHAR) AS d FROM records"
        ).column(0)
        data = pc.if_else(pc.and_(classic, pc.is_valid(texts.column("Message"))), whole, data)
    counts = {"unread": said.unread, "twice": said.twice}
    first = np.arange(len(data)) == 0
    return pa.table({"Data": data} | {name: np.where(first, count, 0) for name, count in counts.items()})
