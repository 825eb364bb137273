"""Take the records of a master file table apart, thousands at a time: each step is done for all records at once.

Nothing that a record says is trusted: every offset and length is checked against the record before it is used, and what
does not fit is counted as damage of that record alone.

References:
    https://github.com/libyal/libfsntfs/blob/main/documentation/New%20Technologies%20File%20System%20(NTFS).asciidoc
    https://learn.microsoft.com/en-us/windows/win32/devnotes/master-file-table
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from brokenseal.parsers.decoding import Mask, Positions

Bytes = npt.NDArray[np.uint8]

MAGIC = b"FILE"
SECTOR = 512
#: Sizes that records have; the file says which.
SIZES = (1024, 4096, 2048, 512)
#: A record has no more attributes than fit in it; the least has this many bytes.
_LEAST_ATTRIBUTE = 24

_SI, _FN, _DATA, _END = 0x10, 0x30, 0x80, 0xFFFFFFFF
#: The kind of a name that is only there for old programs (``PROGRA~1``).
_DOS_NAME = 2
_FLAG_IN_USE, _FLAG_FOLDER = 1, 2


class Names(NamedTuple):
    """The names of files: the row of the record each stands in, its folder (entry and sequence), and its own times."""

    rows: Positions
    parents: Positions
    parent_sequences: Positions
    created: Positions
    modified: Positions
    names: pa.Array


@dataclass(slots=True)
class Records:
    """Records by row: ``state`` says what each is; the rest is 0 where a record does not have it.

    Times are in units of 100 ns since 1601, sizes in bytes (-1: not told).
    """

    state: npt.NDArray[np.int8]
    entries: Positions
    sequences: Positions
    in_use: Mask
    folder: Mask
    extends: Mask
    has_times: Mask
    created: Positions
    modified: Positions
    changed: Positions
    accessed: Positions
    attributes: Positions
    size: Positions
    names: Names


#: What a record is: nothing was ever there; a record; one whose sectors do not fit together; no record at all.
EMPTY, GOOD, TORN, BROKEN = 0, 1, 2, 3


def record_size(head: bytes) -> int:
    """Bytes of each record, as the first one says; 1024 if it says nothing that can be."""
    said = int.from_bytes(head[28:32], "little")
    return said if head.startswith(MAGIC) and said in SIZES else SIZES[0]


def read_records(raw: bytes, size: int, first: int) -> Records:
    """The records of *raw* (whole records of *size* bytes, the first of which is number *first* of the file)."""
    count = len(raw) // size
    data: Bytes = np.frombuffer(raw, dtype=np.uint8, count=count * size).reshape(count, size).copy()
    found = _Reader(data)
    magic = found.number(np.zeros(count, dtype=np.int64), 4)
    state = np.where(magic == int.from_bytes(MAGIC, "little"), GOOD, np.where(magic == 0, EMPTY, BROKEN)).astype(
        np.int8
    )
    state[(state == GOOD) & ~_mended(data, found)] = TORN
    good = state == GOOD
    zero = np.zeros(count, dtype=np.int64)
    flags = np.where(good, found.at(0x16, 2), 0)
    base = np.where(good, found.at(0x20, 8), 0)
    records = Records(
        state,
        np.arange(first, first + count, dtype=np.int64),
        np.where(good, found.at(0x10, 2), 0),
        (flags & _FLAG_IN_USE) != 0,
        (flags & _FLAG_FOLDER) != 0,
        base != 0,
        np.zeros(count, dtype=np.bool_),
        zero.copy(),
        zero.copy(),
        zero.copy(),
        zero.copy(),
        zero.copy(),
        np.full(count, -1, dtype=np.int64),
        _no_names(),
    )
    records.names = _walk(found, good, records)
    return records


class _Reader:
    """Little-endian numbers at places of each record; a place outside of a record gives 0."""

    def __init__(self, data: Bytes) -> None:
        self._flat = data.reshape(-1)
        self.count, self.size = data.shape
        self._starts = np.arange(self.count, dtype=np.int64) * self.size

    def at(self, place: int, width: int) -> Positions:
        return self.number(np.full(self.count, place, dtype=np.int64), width)

    def number(self, places: Positions, width: int, rows: Positions | None = None) -> Positions:
        """The number of *width* bytes at each record's place (of the records *rows* only, if given)."""
        starts = self._starts if rows is None else self._starts[rows]
        inside = (places >= 0) & (places + width <= self.size)
        begin = starts + np.where(inside, places, 0)
        value = np.zeros(len(places), dtype=np.uint64)
        for byte in range(width):
            value |= self._flat[begin + byte].astype(np.uint64) << np.uint64(8 * byte)
        # Numbers beyond what int64 holds are no time, size or place.
        value = np.where(inside & (value <= np.uint64(2**63 - 1)), value, np.uint64(0))
        return value.astype(np.int64)

    def bytes(self, rows: Positions, places: Positions, lengths: Positions) -> tuple[bytes, Positions]:
        """The bytes at *places* (all inside), one after the other, and the number of each."""
        begins = self._starts[rows] + places
        total = int(lengths.sum())
        if not total:
            return b"", lengths
        steps = np.ones(total, dtype=np.int64)
        firsts = np.cumsum(lengths) - lengths
        filled = lengths > 0
        begins, lengths_filled, firsts = begins[filled], lengths[filled], firsts[filled]
        steps[firsts] = begins - np.concatenate([[0], begins[:-1] + lengths_filled[:-1] - 1])
        return self._flat[np.cumsum(steps)].tobytes(), lengths


def _mended(data: Bytes, found: _Reader) -> Mask:
    """Put back the last two bytes of each sector, which NTFS keeps elsewhere to see torn writes; where they fitted."""
    place, count = found.at(4, 2), found.at(6, 2)
    sectors = found.size // SECTOR
    good = (count == sectors + 1) & (place >= 0x28) & (place + 2 * (sectors + 1) <= SECTOR - 2)
    rows = np.flatnonzero(good)
    starts = place[rows]
    number = np.stack([data[rows, starts], data[rows, starts + 1]], axis=1)
    fits = np.ones(len(rows), dtype=np.bool_)
    for sector in range(sectors):
        end = (sector + 1) * SECTOR
        fits &= (data[rows, end - 2] == number[:, 0]) & (data[rows, end - 1] == number[:, 1])
        data[rows, end - 2] = data[rows, starts + 2 * (sector + 1)]
        data[rows, end - 1] = data[rows, starts + 2 * (sector + 1) + 1]
    result = np.zeros(found.count, dtype=np.bool_)
    result[rows] = fits
    return result


def _walk(found: _Reader, good: Mask, records: Records) -> Names:
    """Go from attribute to attribute in all records together; the names that stand in them."""
    names: list[tuple[Positions, Positions]] = []
    rows = np.flatnonzero(good)
    at = found.at(0x14, 2)[rows]
    for _ in range(found.size // _LEAST_ATTRIBUTE):
        kind, length = found.number(at, 4, rows), found.number(at + 4, 4, rows)
        going = (kind != _END) & (kind != 0) & (length >= _LEAST_ATTRIBUTE) & (at + length <= found.size)
        rows, at, kind, length = rows[going], at[going], kind[going], length[going]
        if not len(rows):
            break
        resident = found.number(at + 8, 1, rows) == 0
        content = at + found.number(at + 20, 2, rows)
        size = np.where(resident, found.number(at + 16, 4, rows), 0)
        fits = resident & (content + size <= at + length)
        si = (kind == _SI) & fits & (size >= 48)
        _standard_information(found, rows[si], content[si], records)
        fn = (kind == _FN) & fits & (size >= 66)
        names.append((rows[fn], content[fn]))
        data = (kind == _DATA) & (found.number(at + 9, 1, rows) == 0)
        # Of a file in pieces only the first piece says how large it is.
        first = resident | (found.number(at + 16, 8, rows) == 0)
        told = np.where(resident, size, found.number(at + 48, 8, rows))
        records.size[rows[data & first]] = told[data & first]
        at = at + length
    if not names:
        return _no_names()
    return _names(found, np.concatenate([row for row, _ in names]), np.concatenate([place for _, place in names]))


def _standard_information(found: _Reader, rows: Positions, at: Positions, records: Records) -> None:
    records.has_times[rows] = True
    for place, column in ((0, records.created), (8, records.modified), (16, records.changed), (24, records.accessed)):
        column[rows] = found.number(at + place, 8, rows)
    records.attributes[rows] = found.number(at + 32, 4, rows)


def _names(found: _Reader, rows: Positions, at: Positions) -> Names:
    length, kind = found.number(at + 64, 1, rows), found.number(at + 65, 1, rows)
    fits = (length > 0) & (at + 66 + 2 * length <= found.size)
    # A short name stands beside the long one; alone it is all there is.
    long = np.zeros(found.count, dtype=np.bool_)
    long[rows[fits & (kind != _DOS_NAME)]] = True
    fits &= (kind != _DOS_NAME) | ~long[rows]
    order = np.flatnonzero(fits)
    order = order[np.argsort(rows[order], kind="stable")]
    rows, at, length = rows[order], at[order], length[order]
    reference_low, reference_high = found.number(at, 4, rows), found.number(at + 4, 2, rows)
    return Names(
        rows,
        reference_low | (reference_high << 32),
        found.number(at + 6, 2, rows),
        found.number(at + 8, 8, rows),
        found.number(at + 16, 8, rows),
        _texts(*found.bytes(rows, at + 66, 2 * length)),
    )


def _texts(data: bytes, lengths: Positions) -> pa.Array:
    """UTF-16 texts that lie one after the other (*lengths* in bytes); what cannot be is replaced."""
    units = np.frombuffer(data, dtype="<u2")
    if not len(units) or units.max() < 128:
        offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
        np.cumsum(lengths // 2, out=offsets[1:])
        return pa.StringArray.from_buffers(
            len(lengths), pa.py_buffer(offsets), pa.py_buffer(units.astype(np.uint8).tobytes())
        )
    ends = np.cumsum(lengths)
    return pa.array(
        [
            data[end - length : end].decode("utf-16-le", "replace")
            for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
        ],
        pa.string(),
    )


def _no_names() -> Names:
    none = np.zeros(0, dtype=np.int64)
    return Names(none, none, none, none, none, pa.array([], pa.string()))
