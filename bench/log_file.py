"""Write one log file of the benchmark: many rows in big pieces, some of them changed, and count what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Rows that are made and joined at a time: a few MiB of text.
CHUNK_ROWS = 16_384
#: So many rows are made first, to learn how long a row is.
SAMPLE_ROWS = 2_000
#: A file has at least so many rows, so that hostile and planted ones find their places.
LEAST_ROWS = 500

#: Makes the rows from *start* (of *total* in the file) as text with line ends.
MakeRows = Callable[[int, int, int], list[str]]
#: One row (with its line end) as the bytes of exactly one line that takes its place.
Change = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Section:
    """Part of a file under one header: the header's lines (not counted as rows) and how the rows below are made."""

    header: bytes
    make: MakeRows


@dataclass(slots=True)
class Written:
    """What a file holds. ``lines``: physical lines; ``rows``: lines that are neither directive, header row nor blank."""

    bytes: int = 0
    lines: int = 0
    rows: int = 0
    changed: int = 0


def rows_for(target_bytes: int, make: MakeRows) -> int:
    """How many rows of *make* fill *target_bytes*."""
    sample = make(0, SAMPLE_ROWS, SAMPLE_ROWS)
    return max(LEAST_ROWS, target_bytes * len(sample) // sum(map(len, sample)))


def write_log(path: Path, sections: Sequence[Section], total: int, changes: Mapping[int, Change]) -> Written:
    """Write *total* rows, shared evenly by *sections*; ``changes`` maps a row's number to what becomes of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = Written(rows=total, changed=sum(1 for number in changes if 0 <= number < total))
    with path.open("wb") as out:
        at = 0
        for number, section in enumerate(sections, start=1):
            _put(out, section.header, written)
            end = total * number // len(sections)
            while at < end:
                count = min(CHUNK_ROWS, end - at)
                rows = section.make(at, count, total)
                done = 0
                for index in range(at, at + count):
                    change = changes.get(index)
                    if change is not None:
                        _put(out, "".join(rows[done : index - at]).encode(), written)
                        _put(out, change(rows[index - at]), written)
                        done = index - at + 1
                _put(out, "".join(rows[done:]).encode(), written)
                at += count
        if not _ends_with_newline(path, out):
            written.lines += 1
    return written


def _put(out: BinaryIO, data: bytes, written: Written) -> None:
    out.write(data)
    written.bytes += len(data)
    written.lines += data.count(b"\n")


def _ends_with_newline(path: Path, out: BinaryIO) -> bool:
    out.flush()
    with path.open("rb") as written:
        written.seek(-1, 2)
        return written.read(1) == b"\n"
