"""Read a text file once, in blocks of whole lines, hashing the bytes on the way.

Whatever the bytes are, the block that parsers see is valid UTF-8 without NUL bytes and with LF or CRLF as the only line
ends, and every line keeps its number and the byte offset it had in the file (see ``decoding`` for what becomes of odd
bytes). UTF-16 (with a byte order mark, or recognised by its NUL bytes) is decoded. A line longer than ``MAX_LINE`` bytes is
not cut silently: it is handed on as an oversized line, which the caller rejects and counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from brokenseal.errors import EvidenceError
from brokenseal.parsers.decoding import SNIFF_BYTES, Positions, clean, encoding_of, newlines_of

__all__ = [
    "HEAD_BYTES",
    "MAX_LINE",
    "Block",
    "Oversized",
    "Positions",
    "Readable",
    "Tally",
    "raw_blocks",
    "read_blocks",
]

BLOCK_BYTES = 8 << 20
MAX_LINE = 4 << 20
HEAD_BYTES = 64 << 10
#: A block of more lines is cut: each line that is rejected costs far more memory than its bytes.
MAX_LINES = 1 << 17
#: So much of an oversized line is kept, to be shown with its reject.
_KEPT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Oversized:
    """A line that was longer than ``MAX_LINE``: where it is, how long without its LF (bytes), and how it begins (UTF-8)."""

    line: int
    offset: int
    length: int
    start: bytes


@dataclass(slots=True)
class Block:
    """Whole lines of a file.

    ``data`` is valid UTF-8; ``starts``/``ends`` delimit each line in it (``ends`` excludes the LF), ``offsets`` are the
    lines' byte offsets in the file and ``first_line`` the number of the first. ``raw_bytes`` counts bytes of the file.
    ``ends_mid_line``: the file (or what could be read of it) ends in the last line, without a line end.
    """

    data: bytes
    starts: Positions
    ends: Positions
    offsets: Positions
    first_line: int
    raw_bytes: int
    ends_mid_line: bool = False
    invalid_utf8_lines: int = 0
    nul_lines: int = 0
    oversized: list[Oversized] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, index: int) -> bytes:
        """The line's bytes without its LF (a CR before it is still there)."""
        return self.data[self.starts[index] : self.ends[index]]


@dataclass(slots=True)
class Tally:
    """What one pass over a file saw: its SHA-256, size in bytes, and whether reading ended early."""

    sha256: str = ""
    size: int = 0
    lines: int = 0
    encoding: str = "utf-8"
    damage: EvidenceError | None = None


class Readable(Protocol):
    """Anything with sequential reads."""

    def read(self, size: int = -1, /) -> bytes: ...


def raw_blocks(stream: Readable, tally: Tally, *, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The file's bytes, ``block_bytes`` at a time (less only at its end), filling *tally* (``lines`` stays 0)."""
    sha = hashlib.sha256()
    while raw := _read(stream, block_bytes, tally):
        sha.update(raw)
        yield raw
    tally.sha256 = sha.hexdigest()


def read_blocks(
    stream: Readable, tally: Tally, *, block_bytes: int = BLOCK_BYTES, max_line: int = MAX_LINE
) -> Iterator[Block]:
    """Yield the file's blocks in order and fill *tally* on the way.

    A read error in the middle (damaged archive, bad disk) ends the blocks with what could be read and is left in
    ``tally.damage``; it is not raised, because what came before it is evidence.
    """
    carry = b""
    offset, line = 0, 1
    too_long: Oversized | None = None
    for raw in _chunks(stream, block_bytes, tally):
        encoding = tally.encoding
        width, newline = (1, b"\n") if encoding == "utf-8" else (2, "\n".encode(encoding))
        data = carry + raw if carry else raw
        if too_long is not None:
            cut = _find(data, newline)
            consumed = len(data) - len(data) % width if cut < 0 else cut
            too_long = Oversized(too_long.line, too_long.offset, too_long.length + consumed, too_long.start)
            if cut >= 0:
                yield _only(too_long, too_long.length + width)
                consumed += width
                line += 1
                too_long = None
            offset += consumed
            data = data[consumed:]
            if cut < 0 or not data:
                carry = data
                continue
        cut = _find_last(data, newline)
        if cut >= 0:
            end = cut + width
            for block in _blocks(data[:end], encoding, offset, line, max_line):
                line += len(block) + len(block.oversized)
                yield block
            carry = data[end:]
            offset += end
        else:
            carry = data
        whole = len(carry) - len(carry) % width
        if whole > max_line:
            too_long = Oversized(line, offset, whole, _shown(carry, encoding))
            offset += whole
            carry = carry[whole:]
    if too_long is not None:
        length = too_long.length + len(carry)
        yield _only(Oversized(too_long.line, too_long.offset, length, too_long.start), length)
        line += 1
    elif carry:
        block = _block(carry, tally.encoding, offset, line, ends_mid_line=True)
        line += len(block)
        yield block
    tally.lines = line - 1


def _chunks(stream: Readable, size: int, tally: Tally) -> Iterator[bytes]:
    sha = hashlib.sha256()
    raw = _read(stream, max(size, SNIFF_BYTES), tally)
    sha.update(raw)
    tally.encoding = encoding_of(raw)
    for at in range(0, len(raw), size):
        yield raw[at : at + size]
    while raw := _read(stream, size, tally):
        sha.update(raw)
        yield raw
    tally.sha256 = sha.hexdigest()


def _read(stream: Readable, size: int, tally: Tally) -> bytes:
    """*size* bytes or more, less only at the end of what can be read."""
    parts: list[bytes] = []
    missing = size
    while missing > 0 and tally.damage is None:
        try:
            raw = stream.read(missing)
        except EvidenceError as error:
            tally.damage = error
            break
        except (OSError, EOFError, ValueError) as error:
            tally.damage = EvidenceError(str(error), file=str(getattr(stream, "name", "?")), offset=tally.size)
            break
        if not raw:
            break
        parts.append(raw)
        missing -= len(raw)
        tally.size += len(raw)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _find_last(data: bytes, newline: bytes) -> int:
    at = data.rfind(newline)
    while at >= 0 and at % len(newline):
        at = data.rfind(newline, 0, at + 1)
    return at


def _find(data: bytes, newline: bytes) -> int:
    at = data.find(newline)
    while at >= 0 and at % len(newline):
        at = data.find(newline, at + 1)
    return at


def _only(oversized: Oversized, raw_bytes: int) -> Block:
    none = np.zeros(0, dtype=np.int64)
    return Block(b"", none, none, none, oversized.line, raw_bytes, oversized=[oversized])


def _shown(line: bytes, encoding: str) -> bytes:
    start = line[:_KEPT_BYTES]
    return clean(start, encoding, newlines_of(start, encoding)).data


def _blocks(raw: bytes, encoding: str, offset: int, line: int, max_line: int) -> Iterator[Block]:
    """*raw* (whole lines, each with its line end) as one block; as several around lines too long or if they are too many."""
    width = 1 if encoding == "utf-8" else 2
    ends = newlines_of(raw, encoding)
    starts = _line_starts(ends, len(raw), width)
    too_long = np.flatnonzero(ends - starts > max_line).tolist() if len(raw) > max_line else []
    if not too_long and len(ends) <= MAX_LINES:
        yield _block(raw, encoding, offset, line, ends_mid_line=False, newlines=ends)
        return
    at = 0
    for index in (*too_long, len(starts)):
        for first in range(at, index, MAX_LINES):
            start, end = int(starts[first]), int(ends[min(first + MAX_LINES, index) - 1]) + width
            yield _block(raw[start:end], encoding, offset + start, line + first, ends_mid_line=False)
        if index < len(starts):
            start, end = int(starts[index]), int(ends[index])
            shown = _shown(raw[start : start + _KEPT_BYTES], encoding)
            yield _only(Oversized(line + index, offset + start, end - start, shown), end - start + width)
        at = index + 1


def _block(
    raw: bytes, encoding: str, offset: int, first_line: int, *, ends_mid_line: bool, newlines: Positions | None = None
) -> Block:
    if newlines is None:
        newlines = newlines_of(raw, encoding)
    line_offsets = _line_starts(newlines, len(raw), 1 if encoding == "utf-8" else 2)
    data, invalid, nul = clean(raw, encoding, newlines)
    if data is not raw:
        newlines = newlines_of(data)
    starts = _line_starts(newlines, len(data), 1)
    if len(starts) < len(line_offsets):
        # Only a last line that vanished in cleaning (a byte order mark alone) can differ: it comes back as an empty line.
        starts = np.append(starts, np.full(len(line_offsets) - len(starts), len(data), dtype=np.int64))
    ends = newlines if len(newlines) == len(starts) else np.append(newlines, len(data))
    return Block(data, starts, ends, line_offsets + offset, first_line, len(raw), ends_mid_line, invalid, nul)


def _line_starts(newlines: Positions, length: int, width: int) -> Positions:
    starts = np.empty(len(newlines) + 1, dtype=np.int64)
    starts[0] = 0
    starts[1:] = newlines + width
    return starts[:-1] if starts[-1] >= length else starts
