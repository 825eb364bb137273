"""Which stretches of time can hold a text at all: for each, the groups of three letters that occur in it, hashed to bits.

A search for a rare text then reads a few stretches instead of all; a text that is everywhere is found in the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_BITS = 18
_MULTIPLIER = np.uint32(2654435761)  # Knuth's, near 2**32 divided by the golden ratio
_SHORTEST = 3
#: Bytes hashed at once.
_PIECE = 1 << 22

Bits = npt.NDArray[np.uint8]


def write_blocks(path: Path, texts: Iterable[Iterable[pa.Table]]) -> None:
    """Write the bits of each stretch; ``texts`` has its tables for each, with lower-case texts in their first columns."""
    rows = [np.packbits(_flags(tables)) for tables in texts]
    found = np.stack(rows) if rows else np.zeros((0, (1 << _BITS) // 8), np.uint8)
    with path.open("wb") as stream:
        np.save(stream, found, allow_pickle=False)


def read_blocks(path: Path) -> Bits:
    """One row a stretch, mapped from the file."""
    found: Bits = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def possible(blocks: Bits, text: str) -> npt.NDArray[np.bool_] | None:
    """For each stretch whether ``text`` (lower case) may occur; None if that cannot be said of so short a text."""
    letters = np.frombuffer(text.encode("utf-8"), np.uint8)
    if len(letters) < _SHORTEST:
        return None
    hashes = np.unique(_hashes(letters))
    found = np.ones(len(blocks), np.bool_)
    for value in hashes:
        found &= (blocks[:, value >> 3] & (128 >> (value & 7))) != 0
    return found


def _flags(tables: Iterable[pa.Table]) -> Bits:
    flags: Bits = np.zeros(1 << _BITS, np.uint8)
    for table in tables:
        for chunk in table.column(0).chunks:
            letters = _letters(chunk)
            for start in range(0, len(letters) - _SHORTEST + 1, _PIECE):
                flags[_hashes(letters[start : start + _PIECE + _SHORTEST - 1])] = 1
    return flags


def _letters(chunk: pa.Array) -> Bits:
    """The bytes of all texts in one row: groups over their borders only say 'possible' where it is not."""
    large = chunk.cast(pa.large_string())
    data = large.buffers()[2]
    if data is None:
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(large.buffers()[1], np.int64)[large.offset : large.offset + len(large) + 1]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]


def _hashes(letters: Bits) -> npt.NDArray[np.uint32]:
    wide = letters.astype(np.uint32)
    groups = wide[:-2] | (wide[1:-1] << np.uint32(8)) | (wide[2:] << np.uint32(16))
    hashes: npt.NDArray[np.uint32] = (groups * _MULTIPLIER) >> np.uint32(32 - _BITS)
    return hashes
