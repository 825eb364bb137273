"""The layout of a Windows event log file (EVTX): where its chunks are, and what the header of a chunk says.

A file is a header of 4 KiB and chunks of 64 KiB. A chunk is a header of 512 bytes and records, one after the other, up to
its free space. Records share templates and names with others of their chunk: a chunk can be read without its neighbours, a
record not without its chunk.

References:
    https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

FILE_MAGIC, CHUNK_MAGIC = b"ElfFile\0", b"ElfChnk\0"
FILE_HEADER, CHUNK, CHUNK_HEADER = 4096, 65536, 512
#: The smallest record is its header and, repeated, its size.
SMALLEST_RECORD = 28
#: A chunk cannot have more records than fit into it.
MOST_RECORDS = (CHUNK - CHUNK_HEADER) // SMALLEST_RECORD

_NO_CHECKSUMS = 4
_CHECKED = 120  # bytes of either header that its checksum covers, the chunk's tables apart
_ZEROS = bytes(CHUNK)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the file where a chunk is or was: its number from 0, byte offset, and up to 64 KiB of content.

    ``cut``: the file, or what could be read of it, ends in this chunk.
    """

    number: int
    offset: int
    data: bytes
    cut: bool = False


class ChunkHeader(NamedTuple):
    """What the header of a chunk says: numbers of the first and last record, where its free space begins (byte).

    ``intact``: all this can be relied upon. ``records_intact``: the records are as they were written.
    """

    first: int
    last: int
    free: int
    intact: bool
    records_intact: bool

    @property
    def numbers(self) -> range:
        """The numbers of the records that the chunk had when its header was written."""
        return range(self.first, self.last + 1) if self.free > CHUNK_HEADER else range(0)


_NO_HEADER = ChunkHeader(0, 0, CHUNK, False, False)


def chunk_header(data: bytes) -> ChunkHeader:
    """Read and check the header of the chunk *data*."""
    if len(data) < CHUNK_HEADER or not data.startswith(CHUNK_MAGIC):
        return _NO_HEADER
    first_count, last_count, first, last = struct.unpack_from("<4Q", data, 8)
    free, records_sum = struct.unpack_from("<II", data, 48)
    flags, header_sum = struct.unpack_from("<II", data, _CHECKED)
    if not CHUNK_HEADER <= free <= CHUNK:
        return _NO_HEADER
    unchecked = bool(flags & _NO_CHECKSUMS)
    # Windows numbers the records of a chunk without holes, also in a log that was exported in part.
    sane = free == CHUNK_HEADER or (0 <= last - first < MOST_RECORDS and last - first == last_count - first_count)
    whole = unchecked or zlib.crc32(data[128:CHUNK_HEADER], zlib.crc32(data[:_CHECKED])) == header_sum
    records = unchecked or zlib.crc32(memoryview(data)[CHUNK_HEADER:free]) == records_sum
    return ChunkHeader(first, last, free, sane and whole, records and free <= len(data))


class Cutter:
    """Cuts a file, given piece by piece, into chunks; those never used (all zero) are left out, nothing is lost in them."""

    def __init__(self) -> None:
        self.warnings: Counter[str] = Counter()
        self._rest = b""
        self._offset = 0
        self._begins = 0
        self._claimed = 0
        self._started = False

    def feed(self, raw: bytes) -> list[Chunk]:
        """The chunks that are complete with the next bytes of the file."""
        return self._cut(raw, last=False)

    def finish(self) -> list[Chunk]:
        """The chunks at the end of the file; from then on ``warnings`` are complete."""
        chunks = self._cut(b"", last=True)
        if self._offset - self._begins <= (self._claimed - 1) * CHUNK:
            self.warnings["the file ends before the last of the chunks that its header counts"] += 1
        return chunks

    def _cut(self, raw: bytes, *, last: bool) -> list[Chunk]:
        self._rest = self._rest + raw if self._rest else raw
        if not self._started:
            if len(self._rest) < FILE_HEADER + CHUNK and not last:
                return []
            self._start()
        chunks: list[Chunk] = []
        at, size = 0, len(self._rest)
        # Where a chunk ends is seen by how the next one begins.
        while at < size and (last or size - at > CHUNK + CHUNK_HEADER):
            data = self._rest[at : at + self._length(at)]
            if data != _ZEROS[: len(data)]:
                ends = last and at + len(data) == size and len(data) < CHUNK
                offset = self._offset + at
                number = (offset - self._begins + CHUNK // 2) // CHUNK  # its place may be a little off
                chunks.append(Chunk(number, offset, data, ends))
            at += len(data)
        self._rest = self._rest[at:]
        self._offset += at
        return chunks

    def _start(self) -> None:
        """Find the first chunk: behind the header or, if there is none, where one is seen."""
        self._started = True
        head = self._rest[:FILE_HEADER]
        begins = FILE_HEADER
        if head.startswith(FILE_MAGIC) and len(head) == FILE_HEADER:
            (self._claimed,) = struct.unpack_from("<H", head, 42)
            flags, checksum = struct.unpack_from("<II", head, _CHECKED)
            if not flags & _NO_CHECKSUMS and zlib.crc32(head[:_CHECKED]) != checksum:
                self.warnings["the checksum of the file header does not match its content"] += 1
        elif head.startswith(FILE_MAGIC):
            self.warnings["the file ends in its header"] += 1
        elif head:
            self.warnings["the file header is missing or damaged"] += 1
            seen = self._rest.find(CHUNK_MAGIC, 0, FILE_HEADER + len(CHUNK_MAGIC))
            begins = seen if seen >= 0 else FILE_HEADER if len(self._rest) > FILE_HEADER else 0
        self._rest = self._rest[begins:]
        self._offset = self._begins = begins

    def _length(self, at: int) -> int:
        """How far the piece at *at* goes: where bytes are missing or too many, the next chunk begins elsewhere."""
        rest, end = self._rest, at + CHUNK
        follows = end >= len(rest) or rest.startswith((CHUNK_MAGIC, _ZEROS[:CHUNK_HEADER]), end)
        if follows and rest.startswith(CHUNK_MAGIC, at):
            return CHUNK
        early = rest.find(CHUNK_MAGIC, at + 1, end + len(CHUNK_MAGIC) - 1)
        return early - at if early >= 0 else CHUNK
