"""Headers inside a file, and the rows of a block that stand under one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from brokenseal.parsers.blocks import Block
from brokenseal.parsers.decoding import CR, LF, Mask, Positions
from brokenseal.parsers.times import moment_ms

#: More fields than any log has; beyond it a header is damaged or hostile.
MAX_FIELDS = 1000


@dataclass(frozen=True, slots=True)
class Header:
    """The field names in force, and the build of the server that wrote them (from ``#Version``, where it is one)."""

    fields: tuple[str, ...]
    build: str | None = None


@dataclass(slots=True)
class Rows:
    """Rows under one header: their text and the indexes of their lines in the block."""

    header: Header
    data: bytes
    indexes: Positions


@dataclass(slots=True)
class DateMarks:
    """The ``#Date`` directives of a file, by line: they date the rows that have no date of their own."""

    _lines: list[int] = field(default_factory=lambda: [0])
    _moments: list[int | None] = field(default_factory=lambda: [None])

    def note(self, line: int, text: str) -> None:
        """Take a directive; one without a readable date leaves the rows after it without a date."""
        self._lines.append(line)
        self._moments.append(moment_ms(text))

    def before(self, lines: Positions) -> tuple[Positions, Positions, Mask]:
        """For each line: the line of the directive in force (0: none), its milliseconds, and whether it gave any."""
        at = np.searchsorted(np.array(self._lines, dtype=np.int64), lines, side="right") - 1
        moments = np.array([0 if moment is None else moment for moment in self._moments], dtype=np.int64)
        known = np.array([moment is not None for moment in self._moments])
        return np.array(self._lines, dtype=np.int64)[at], moments[at], known[at]

    def forget_before(self, line: int) -> None:
        """Drop what no later line needs."""
        keep = bisect_right(self._lines, line) - 1
        del self._lines[:keep], self._moments[:keep]


def first_bytes(block: Block) -> npt.NDArray[np.uint8]:
    """The first byte of each line (LF or what follows for an empty one)."""
    array = np.frombuffer(block.data, dtype=np.uint8)
    if not len(array):
        return np.full(len(block), LF, dtype=np.uint8)
    return array[np.minimum(block.starts, len(array) - 1)]


def blank_lines(block: Block, first: npt.NDArray[np.uint8]) -> Mask:
    """Which lines hold nothing but their line end."""
    blank: Mask = (block.ends <= block.starts) | ((first == CR) & (block.ends - block.starts <= 1))
    return blank


def merged(block: Block, spans: Sequence[tuple[Header, int, int]], blank: Mask) -> list[Rows]:
    """Neighbouring spans under the same header as one; a server that restarts often repeats its header a thousand times."""
    runs: list[tuple[Header, list[tuple[int, int]]]] = []
    for header, start, end in spans:
        if runs and runs[-1][0] == header:
            runs[-1][1].append((start, end))
        else:
            runs.append((header, [(start, end)]))
    gathered = [_rows(block, header, pieces, blank) for header, pieces in runs]
    return [rows for rows in gathered if len(rows.indexes)]


def _rows(block: Block, header: Header, spans: list[tuple[int, int]], blank: Mask) -> Rows:
    indexes = np.concatenate([np.arange(start, end, dtype=np.int64) for start, end in spans])
    kept = indexes[~blank[indexes]]
    if len(kept) == len(indexes):
        parts = [block.data[_begin(block, start) : _begin(block, end)] for start, end in spans]
        return Rows(header, parts[0] if len(parts) == 1 else b"".join(parts), indexes)
    return Rows(header, lines_joined(block, kept), kept)


def _begin(block: Block, index: int) -> int:
    return int(block.starts[index]) if index < len(block) else len(block.data)


def lines_joined(block: Block, indexes: Positions) -> bytes:
    """The text of some lines of the block, each ended by LF; runs of neighbours are copied in one piece."""
    if not len(indexes):
        return b""
    breaks = np.flatnonzero(np.diff(indexes) != 1) + 1
    runs = np.split(indexes, breaks)
    return b"".join(block.data[_begin(block, int(run[0])) : _begin(block, int(run[-1]) + 1)] for run in runs)


@lru_cache(maxsize=256)
def unique_names(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Field names with a repeated one numbered (``name__2``), so that each column keeps its place."""
    seen: Counter[str] = Counter()
    taken = {name.lower() for name in fields}
    names: list[str] = []
    for name in fields:
        lowered = name.lower()
        seen[lowered] += 1
        unique = name
        while seen[lowered] > 1 and unique.lower() in taken:
            unique = f"{name}__{seen[lowered]}"
            if unique.lower() in taken:
                seen[lowered] += 1
        taken.add(unique.lower())
        names.append(unique)
    return tuple(names)
