"""The records in a chunk of an event log, and the chunk made ready for a decoder.

A record is a magic number, its size, number and time, then its content as binary XML, and once more its size.

References:
    https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brokenseal.parsers.decoding import Positions
from brokenseal.parsers.evtx_chunks import CHUNK, CHUNK_HEADER, CHUNK_MAGIC

RECORD_MAGIC = b"**\0\0"
MAGIC_NUMBER = struct.unpack("<I", RECORD_MAGIC)[0]
#: Of a record: magic number, size, number, time. After its content stands the size again.
RECORD_HEADER = struct.Struct("<IIQQ")
SIZE = struct.Struct("<I")

Unsigned = npt.NDArray[np.uint64]

#: No token of binary XML: content that begins with it is refused at once, whatever follows.
_NO_TOKEN = 0xFF
_NO_NUMBER = 2**64 - 1
#: A decoder stops at a header with a later time (of the year 9998, as FILETIME).
_LAST_TIME = 2_650_000_000_000_000_000
_SHOWN_BYTES = 32


class Loss(NamedTuple):
    """A record that cannot be read: byte in its chunk, why (as a sentence about the chunk), what is there, its number."""

    at: int
    reason: str
    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """The records found in a chunk, in order: where in it they begin, their length (bytes), number, and FILETIME written.

    ``doubtful``: those (by their beginning) whose values may be damaged. ``refused``: those that must not be decoded, with
    the reason. ``losses``: records that are missing. ``mended``: the lengths differ from those the chunk itself gives.
    """

    starts: Positions
    lengths: Positions
    numbers: Unsigned
    written: Unsigned
    doubtful: frozenset[int] = frozenset()
    refused: dict[int, str] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    mended: bool = False
    warnings: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def leading(self) -> int:
        """How many results a decoder gives before that of the first record: one, if it does not begin where it should."""
        return int(len(self.starts) > 0 and self.starts[0] > CHUNK_HEADER)

    @property
    def end(self) -> int:
        """The byte after the last record."""
        return int(self.starts[-1] + self.lengths[-1]) if len(self.starts) else CHUNK_HEADER


def image(data: bytes, records: Records, only: int | None = None) -> bytearray:
    """The chunk *data* so that a decoder finds exactly *records* in it: before them what ``leading`` counts, and no more.

    What stands between records becomes part of the one before; the tables of names and templates, which only save
    searching, are left out, and so are times in headers that a decoder does not take. Refused records, and all but the one
    with the index *only*, fail at once. Nothing moves: records point to bytes of their chunk.
    """
    made = bytearray(data.ljust(CHUNK, b"\0"))
    made[:CHUNK_HEADER] = CHUNK_MAGIC.ljust(CHUNK_HEADER, b"\0")
    # A decoder may stop at the record with the last number, wherever it stands.
    numbers = records.numbers
    last = (
        _NO_NUMBER
        if not (numbers == _NO_NUMBER).any()
        else next(n for n in range(len(numbers) + 1) if n not in numbers)
    )
    struct.pack_into("<4Q3I", made, 8, 1, 1, 1, last, 128, CHUNK_HEADER, records.end)
    if records.leading:
        RECORD_HEADER.pack_into(made, CHUNK_HEADER, MAGIC_NUMBER, int(records.starts[0]) - CHUNK_HEADER, 0, 0)
        made[CHUNK_HEADER + RECORD_HEADER.size] = _NO_TOKEN
    if records.mended:
        for start, following in pairwise([*records.starts.tolist(), records.end]):
            SIZE.pack_into(made, start + 4, following - start)
    for start in records.starts[records.written > _LAST_TIME].tolist():
        RECORD_HEADER.pack_into(made, start, *RECORD_HEADER.unpack_from(made, start)[:3], 0)
    for start in records.refused if only is None else records.starts.tolist():
        if only is None or start != records.starts[only]:
            made[start + RECORD_HEADER.size] = _NO_TOKEN
    return made


def shown(data: bytes, at: int) -> str:
    """The bytes at *at* as a reject shows them."""
    return data[at : at + _SHOWN_BYTES].hex(" ", 4)
