"""Audit records exported as CSV: the common work of Exchange's own logs and the unified audit log.

Dates are as the exporting machine shows them; what one of them tells of the order of day and month holds for the file, and
rows wait until one does. A record that has its own UTC time tells it too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.audit_shredding import audit_columns
from brokenseal.parsers.base import Batch, Parsed, Settings, reject
from brokenseal.parsers.blocks import Block, Positions, Readable, Tally
from brokenseal.parsers.exported_csv import NOT_READABLE, Columns, ExportedCsvParser, Piece
from brokenseal.parsers.listing_times import DAY_FIRST, MONTH_FIRST, NO_TIME, NO_ZONE, UNTOLD_BYTES, Clock
from brokenseal.parsers.local_dates import Mask
from brokenseal.parsers.mail_audit import MailAuditParser
from brokenseal.parsers.times import within_years
from brokenseal.parsers.winevent_columns import moments
from brokenseal.parsers.winevent_table import bisected

#: A machine's clock and UTC are never further apart.
_ZONE_REACH = 15 * 3_600_000


class _Waiting(NamedTuple):
    """The times of rows that hang on the order of day and month: which rows, and their readings."""

    rows: Positions
    clock: Clock


class AuditCsvParser(MailAuditParser, ExportedCsvParser):
    """Base of the parsers of audit records in CSV."""

    #: Whether the export's own dates are UTC.
    dates_are_utc: ClassVar[bool]

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        #: 1: the month comes first in this file's dates, -1: the day does, 0: not told yet, None: not told at all.
        self._order: int | None = 0
        self._waiting: list[_Waiting] = []
        #: Byte of the file and what the time of the row there tells, of the piece that is read.
        self._tells: list[tuple[int, int]] = []

    @abstractmethod
    def records(self, texts: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """The rows' audit records and what stands around them, both as JSON (see ``audit_columns``). Raises QueryError."""

    def note(self, texts: pa.Table, parsed: Parsed) -> None:
        """Count what is odd in the rows."""

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: a record may be many lines.

        Until it is told whether day or month comes first in this file's dates, rows whose times hang on it are held back.
        """
        held: list[tuple[Piece, list[_Waiting], int]] = []
        for piece, raw_bytes in self.pieces(stream, tally, block_bytes):
            held.append((piece, self._waiting, raw_bytes))
            self._note_order(piece)
            self._waiting = []
            if self._order != 0 or not any(_hangs(each) for _, waiting, _ in held for each in waiting):
                yield from self._let_go(held)
        self._order = self._order or None
        yield from self._let_go(held)

    def _let_go(self, held: list[tuple[Piece, list[_Waiting], int]]) -> Iterator[Batch]:
        for piece, waiting, raw_bytes in held:
            for made, each in zip(piece.parts, waiting, strict=True):
                self._read_times(made, each, piece.parsed)
            yield Batch(self.finished(piece), raw_bytes)
        held.clear()

    def columns_of(self, texts: pa.Table, block: Block, lines: Positions, parsed: Parsed) -> tuple[Columns, Positions]:
        self.note(texts, parsed)
        table, failed = bisected(texts, lambda part: audit_columns(*self.records(part)))
        parsed.rejects += [reject(block, int(line), NOT_READABLE) for line in lines[failed]]
        rows = np.delete(np.arange(len(lines)), failed)
        made = {name: table.column(name) for name in table.column_names} if table is not None else self._nothing()
        own, exported = moments(made.pop("time")), made.pop("exported")
        clock = Clock.of(exported, utc=self.dates_are_utc)
        known = np.asarray(pc.is_valid(own))
        readable = known | np.asarray(pc.is_valid(clock.read(True)[0]))
        parsed.rejects += [reject(block, int(line), NO_TIME) for line in lines[rows[~readable]]]
        good = np.flatnonzero(readable)
        made = {name: values.take(pa.array(good)) for name, values in made.items()}
        made["time"] = own.take(pa.array(good))
        clock, known = clock.take(good), known[good]
        self._note_tells(clock, made["time"], known, block.offsets[lines[rows[good]]])
        late = np.flatnonzero(~known)
        self._waiting.append(_Waiting(late, clock.take(late)))
        return made, rows[good]

    def _nothing(self) -> Columns:
        names = [field.name for field in self.schema()][5:]
        return {name: pa.chunked_array([pa.array([], pa.string())]) for name in ("time", "exported", *names)}

    def _note_tells(self, clock: Clock, own: pa.ChunkedArray, known: Mask, offsets: Positions) -> None:
        told = clock.told()
        if clock.dates is not None:
            utc = np.asarray(pc.fill_null(own, 0))
            near = [np.abs(each - utc) <= _ZONE_REACH for each in (clock.dates.month_first, clock.dates.day_first)]
            by_record = near[0].astype(np.int64) - near[1]
            told = np.where((told == 0) & known & clock.dates.ambiguous, by_record, told)
        first = np.flatnonzero(told)[:1]
        self._tells.extend((int(offsets[at]), int(told[at])) for at in first)

    def _note_order(self, piece: Piece) -> None:
        for offset, order in self._tells:
            if self._order == 0 and offset < UNTOLD_BYTES:
                self._order = order
        self._tells = []
        if self._order == 0 and piece.last_offset >= UNTOLD_BYTES:
            self._order = None

    def _read_times(self, made: Columns, waiting: _Waiting, parsed: Parsed) -> None:
        values = np.asarray(pc.fill_null(made["time"], 0)).copy()
        clock = waiting.clock
        if len(waiting.rows):
            read, unsure = clock.read(None if not self._order else self._order == 1)
            # Whether a time can be read does not hang on the order of day and month.
            values[waiting.rows] = np.asarray(read)
            parsed.warnings[NO_ZONE] += int(np.count_nonzero(clock.zoneless()))
            if not self._order and clock.dates is not None:
                slashes = clock.dates.slashes
                parsed.warnings[MONTH_FIRST] += int(np.count_nonzero(unsure & slashes))
                parsed.warnings[DAY_FIRST] += int(np.count_nonzero(unsure & ~slashes))
        made["time"] = within_years(pa.chunked_array([pa.array(values)]))


def _hangs(waiting: _Waiting) -> bool:
    return waiting.clock.dates is not None and bool(waiting.clock.read(None)[1].any())
