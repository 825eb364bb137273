"""From the JSON of an event log's records to its table, rejects and warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import REJECT_TEXT_BYTES, Parsed, Reject
from brokenseal.parsers.columns import UTC_MS
from brokenseal.parsers.decoding import Mask
from brokenseal.parsers.evtx_columns import columns_of
from brokenseal.parsers.evtx_cut import CutTexts
from brokenseal.parsers.evtx_heads import HeadReader
from brokenseal.parsers.evtx_reading import Piece
from brokenseal.parsers.evtx_records import shown
from brokenseal.parsers.times import LAST_MS
from brokenseal.parsers.windows_event import QueryError, valid

#: So many damaged chunks of a file are named in reasons, which are kept for each file; every reject has its offset.
_NAMED_CHUNKS = 32
_FILETIME_OF_1970_MS = 11_644_473_600_000
_FILETIMES_A_MS = 10_000
#: The format is of 2006; a header without a time has 1601.
_FIRST_MS = 946_684_800_000
#: The decoder does not escape names; a damaged one may hold anything.
_CONTROL = re.compile("[\0-\x1f]")
_UNDECODABLE = "a record cannot be decoded"

Numbers = npt.NDArray[np.int64]


class Tables:
    """Puts together what became of the records of one file, in *schema*."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._named: set[int] = set()
        self._heads = HeadReader()

    def parsed(self, pieces: Sequence[Piece], warnings: Counter[str]) -> Parsed:
        """The events and rejects of *pieces*, with the losses of their chunks and the *warnings* that belong to them."""
        parsed = Parsed(self._schema.empty_table(), list(self._losses(pieces)), Counter(warnings))
        lengths = np.concatenate([np.zeros(0, np.int32), *(piece.lengths for piece in pieces)])
        if len(lengths):
            texts = CutTexts(np.abs(lengths), [piece.cut for piece in pieces], b"".join(piece.text for piece in pieces))
            self._records(texts, lengths >= 0, _Places(pieces), parsed)
        parsed.rejects.sort(key=lambda reject: reject.line)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed

    def _losses(self, pieces: Sequence[Piece]) -> Iterator[Reject]:
        for piece in pieces:
            chunk, records = piece.of.chunk, piece.of.records
            if piece.first or not records.losses:
                continue
            if len(self._named) < _NAMED_CHUNKS:
                self._named.add(chunk.number)
            name = f"chunk {chunk.number}" if chunk.number in self._named else "a further chunk"
            for line, loss in zip(piece.of.loss_lines.tolist(), records.losses, strict=True):
                text = loss.text if loss.number is None else f"record {loss.number}: {loss.text}"
                yield Reject(line, chunk.offset + loss.at, f"{name} {loss.reason}", text)

    def _records(self, texts: CutTexts, readable: Mask, places: _Places, parsed: Parsed) -> None:
        """Take the records into *parsed*. Where *readable* says no, the text is an error."""
        failed = np.flatnonzero(~readable)
        for index, cause in zip(failed.tolist(), texts.whole(failed).to_pylist(), strict=True):
            parsed.rejects.append(places.reject(index, _UNDECODABLE, cause))
        if not readable.any():
            return
        try:
            columns, warnings = self._heads.columns(texts, np.flatnonzero(readable))
        except QueryError:
            whole = pa.array([_CONTROL.sub(_escaped, text) for text in texts.whole(np.arange(len(texts))).to_pylist()])
            objects = np.asarray(valid(whole)) & readable
            for index in np.flatnonzero(readable & ~objects).tolist():
                parsed.rejects.append(places.reject(index, _UNDECODABLE, "what it gives is no JSON"))
            readable = objects
            if not readable.any():
                return
            columns, warnings = columns_of(whole.filter(pa.array(readable)))
        parsed.warnings += warnings
        taken = np.flatnonzero(readable)
        timed = self._times(columns, taken, places, parsed)
        doubtful = int(np.count_nonzero(places.doubtful[taken[timed]]))
        if doubtful:
            parsed.warnings["a record from a damaged place was read: its values may be damaged"] += doubtful
        columns["line"] = pa.chunked_array([pa.array(places.lines[taken])])
        columns["offset"] = pa.chunked_array([pa.array(places.offsets[taken])])
        columns["source_id"] = pa.chunked_array([pa.nulls(len(taken), pa.int32())])
        table = pa.table(
            [columns[name].cast(self._schema.field(name).type) for name in self._schema.names], self._schema
        )
        parsed.table = table if timed.all() else table.filter(pa.array(timed))

    @staticmethod
    def _times(columns: dict[str, pa.ChunkedArray], taken: Numbers, places: _Places, parsed: Parsed) -> Mask:
        """Give records without a time that of their header; those that have one then."""
        timed = np.asarray(columns["time"].is_valid())
        if timed.all():
            return timed
        written = (places.written[taken] // _FILETIMES_A_MS).astype(np.int64) - _FILETIME_OF_1970_MS
        known = timed | ((written >= _FIRST_MS) & (written <= LAST_MS))
        instead = pa.array(written, mask=~known).cast(UTC_MS)
        columns["time"] = pc.if_else(columns["time"].is_valid(), columns["time"], instead)
        if (known & ~timed).any():
            parsed.warnings["an event without a time has that of its record"] += int(np.count_nonzero(known & ~timed))
        for index in taken[~known].tolist():
            parsed.rejects.append(
                places.reject(index, "a record has no readable time", "neither its content nor its header has one")
            )
        return known


class _Places:
    """Where the records of *pieces* stand and what is known of each, as arrays."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._ends = np.cumsum([len(piece.lengths) for piece in pieces])
        self.lines = np.concatenate([piece.of.lines[piece.span] for piece in pieces])
        self.offsets = np.concatenate([piece.of.records.starts[piece.span] + piece.of.chunk.offset for piece in pieces])
        self.written = np.concatenate([piece.of.records.written[piece.span] for piece in pieces])
        self.doubtful = np.concatenate([_doubtful(piece) for piece in pieces])

    def reject(self, index: int, reason: str, cause: str) -> Reject:
        place = int(np.searchsorted(self._ends, index, side="right"))
        piece = self._pieces[place]
        records = piece.of.records
        within = piece.first + index - int(self._ends[place] - len(piece.lengths))
        start, number = int(records.starts[within]), int(records.numbers[within])
        cause = records.refused.get(start, cause).removeprefix(f"Failed to parse record number {number}: ")
        text = f"record {number}: {cause}; it begins {shown(piece.of.chunk.data, start)}"
        return Reject(int(self.lines[index]), int(self.offsets[index]), reason, text[:REJECT_TEXT_BYTES])


def _escaped(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def _doubtful(piece: Piece) -> Mask:
    records = piece.of.records
    if not records.doubtful:
        return np.zeros(len(piece.lengths), np.bool_)
    return np.array([start in records.doubtful for start in records.starts[piece.span].tolist()], np.bool_)
