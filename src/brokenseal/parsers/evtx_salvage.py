"""The records of a damaged or unusual chunk: those that are there, whole or not, and those that are lost.

The size that stands at both ends of a record shows that it is whole; where the chain of records breaks, the next whole one
is searched for. How many records the chunk had is in its header, so that what is lost can be counted.

References:
    https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
    https://blog.fox-it.com/2017/12/08/detection-and-recovery-of-nsas-covered-up-tracks/ (records hidden inside others)
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from brokenseal.parsers.evtx_chunks import CHUNK, CHUNK_HEADER, CHUNK_MAGIC, SMALLEST_RECORD, Chunk, ChunkHeader
from brokenseal.parsers.evtx_records import MAGIC_NUMBER, RECORD_HEADER, RECORD_MAGIC, SIZE, Loss, Records, shown

#: How content begins that is made from a template: of a record, and of a fragment inside a value.
_FROM_TEMPLATE = b"\x0f\x01\x01\x00\x0c\x01"
_TEMPLATE_HEADER = 24
#: Windows puts records on multiples of this; only there is one taken for hidden.
_ALIGNMENT = 8


@dataclass(slots=True)
class _Found:
    """Records on the way (see ``Records``)."""

    starts: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    doubtful: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    mended: bool = False
    warnings: Counter[str] = field(default_factory=Counter)

    def insert(self, index: int, start: int, length: int, number: int, written: int) -> None:
        self.starts.insert(index, start)
        self.lengths.insert(index, length)
        self.numbers.insert(index, number)
        self.written.insert(index, written)

    def end(self) -> int:
        return self.starts[-1] + self.lengths[-1] if self.starts else CHUNK_HEADER

    def records(self) -> Records:
        return Records(
            np.array(self.starts, np.int64),
            np.array(self.lengths, np.int64),
            np.array(self.numbers, np.uint64),
            np.array(self.written, np.uint64),
            frozenset(self.doubtful),
            self.refused,
            tuple(sorted(self.losses, key=lambda loss: loss.at)),
            self.mended,
            self.warnings,
        )


def salvage(chunk: Chunk, header: ChunkHeader) -> Records:
    """Find the records of *chunk*, and what became of those that its *header* counts."""
    data, found = chunk.data, _Found()
    trusted = header.intact or header.records_intact
    end = min(header.free if trusted else CHUNK, len(data))
    gaps = _walk(data, end, chunk.cut, found)
    _hidden_in_others(data, found)
    _behind_the_end(data, end, found)
    if not (header.intact and header.records_intact):
        _doubt(chunk, header, found)
    missing = list(_missing(header.numbers, chunk.cut, found)) if header.intact else []
    if missing:
        found.losses += missing
    elif not trusted and not found.starts and not found.losses:
        found.losses.append(Loss(0, "is damaged: it holds no readable record", shown(data, 0)))
    else:
        # Behind the last record of a chunk whose free space is not known, bytes mean nothing.
        found.losses += [
            Loss(start, "is damaged: a part of it holds no record", shown(data, start))
            for start, stop in gaps
            if trusted or stop < end
        ]
    return found.records()


def _walk(data: bytes, end: int, cut: bool, found: _Found) -> list[tuple[int, int]]:
    """Follow the records from the first to *end*; the stretches (start, stop) that hold none."""
    gaps: list[tuple[int, int]] = []
    header, size_again = RECORD_HEADER.unpack_from, SIZE.unpack_from
    at = CHUNK_HEADER
    while at + SMALLEST_RECORD <= end:
        magic, size, number, written = header(data, at)
        if magic == MAGIC_NUMBER and SMALLEST_RECORD <= size <= end - at and size_again(data, at + size - 4)[0] == size:
            found.starts.append(at)
            found.lengths.append(size)
            found.numbers.append(number)
            found.written.append(written)
            at += size
            continue
        found.mended = True
        following = _next_whole(data, at + 1, end)
        if magic != MAGIC_NUMBER or following - at < SMALLEST_RECORD:
            gaps.append((at, following))
            at = following
        elif cut and following == end and at + max(size, SMALLEST_RECORD) > len(data):
            found.losses.append(Loss(at, "is cut off in a record: the file ends there", shown(data, at), number))
            return gaps
        else:
            claimed = at + size if SMALLEST_RECORD <= size <= following - at else following
            found.doubtful.add(at)
            found.insert(len(found.starts), at, claimed - at, number, written)
            at = claimed
    if at < end:
        gaps.append((at, end))
    return gaps


def _next_whole(data: bytes, at: int, end: int) -> int:
    """Where the next whole record begins; *end* if there is none."""
    # A header in front of the first record needs its room.
    at = max(at, CHUNK_HEADER + SMALLEST_RECORD)
    while 0 <= (at := data.find(RECORD_MAGIC, at, end)) <= end - SMALLEST_RECORD:
        (size,) = SIZE.unpack_from(data, at + 4)
        if SMALLEST_RECORD <= size <= end - at and SIZE.unpack_from(data, at + size - 4)[0] == size:
            return at
        at += 1
    return end


def _behind_the_end(data: bytes, end: int, found: _Found) -> None:
    """Records that go on behind where the header says that the free space begins; older ones, with other numbers, do not."""
    at = found.end()
    while found.starts and at == end and at + SMALLEST_RECORD <= len(data):
        magic, size, number, written = RECORD_HEADER.unpack_from(data, at)
        whole = magic == MAGIC_NUMBER and SMALLEST_RECORD <= size <= len(data) - at
        if not whole or number != found.numbers[-1] + 1 or SIZE.unpack_from(data, at + size - 4)[0] != size:
            return
        found.insert(len(found.starts), at, size, number, written)
        found.warnings["a record behind the end mark of its chunk was read"] += 1
        at = end = at + size


def _hidden_in_others(data: bytes, found: _Found) -> None:
    """Records that a forged size of the one before them hides: the chain of records goes on inside, up to its very end."""
    at, end = CHUNK_HEADER, found.end()
    known = set(found.starts)
    while (at := data.find(RECORD_MAGIC, at, end)) >= 0:
        index = bisect_right(found.starts, at) - 1
        inner: list[tuple[int, int, int, int]] = []
        if at not in known and not at % _ALIGNMENT and index >= 0 and at - found.starts[index] >= SMALLEST_RECORD:
            inner = _chain(data, at, found.starts[index] + found.lengths[index])
        if inner:
            found.lengths[index] = at - found.starts[index]
            for place, record in enumerate(inner, start=index + 1):
                found.insert(place, *record)
            known.update(record[0] for record in inner)
            found.mended = True
            found.warnings["a record hidden inside another was read"] += len(inner)
        at += 1


def _chain(data: bytes, at: int, stop: int) -> list[tuple[int, int, int, int]]:
    """The records from *at* on, if they end exactly at *stop*; else none."""
    records = []
    while at + SMALLEST_RECORD <= stop:
        magic, size, number, written = RECORD_HEADER.unpack_from(data, at)
        if magic != MAGIC_NUMBER or not SMALLEST_RECORD <= size <= stop - at:
            return []
        records.append((at, size, number, written))
        at += size
    return records if at == stop else []


def _doubt(chunk: Chunk, header: ChunkHeader, found: _Found) -> None:
    """In a damaged chunk, bytes of others may stand where its own stood: their records, or other templates.

    Without its own template, a record of another chunk would be read with names that are not its own.
    """
    if not chunk.data.startswith(CHUNK_MAGIC):
        found.warnings["a chunk has no header"] += 1
    elif not chunk.cut:
        found.warnings["a chunk's checksums do not match its content"] += 1
    if header.records_intact:
        return
    for start, length, number in zip(found.starts, found.lengths, found.numbers, strict=True):
        own = header.intact and number in header.numbers
        if not _has_its_templates(chunk.data, start, start + length):
            if own:
                found.doubtful.add(start)
            else:
                found.refused[start] = "its template is not in its chunk"
        elif not own:
            found.doubtful.add(start)


def _has_its_templates(data: bytes, start: int, stop: int) -> bool:
    """Whether the definitions that a record points to are there: each begins with the number it is called by."""
    at = start
    while (at := data.find(_FROM_TEMPLATE, at, stop)) >= 0:
        at += len(_FROM_TEMPLATE)
        if at + 8 > stop:
            return False
        name, where = struct.unpack_from("<II", data, at)
        if where + _TEMPLATE_HEADER > len(data) or SIZE.unpack_from(data, where + 4)[0] != name:
            return False
    return True


def _missing(numbers: range, cut: bool, found: _Found) -> Iterator[Loss]:
    """The records with *numbers* that are not there, each where it should begin: after the one before it."""
    ends = {number: at + length for at, length, number in zip(found.starts, found.lengths, found.numbers, strict=True)}
    told = {loss.number for loss in found.losses}
    last = max((number for number in ends if number in numbers), default=numbers.start - 1)
    at = CHUNK_HEADER
    for number in numbers:
        if number in ends:
            at = ends[number]
        elif number not in told:
            why = "is cut off before a record: the file ends there" if cut and number > last else "has lost a record"
            yield Loss(at, why, "nothing is left of it", number)
