"""Windows event log (EVTX): every readable record, also of a damaged file.

`line` is the number of the record in the file, from 1, in the file's order; lost records are counted. What the header of a
chunk counts and is not there is a reject that names chunk and record. Records that stand behind the end mark of their chunk,
or that a forged size hides inside another one, are read. A record whose content has no time takes the one of its header. An
EVTX file has no rendered messages.

References:
    https://github.com/libyal/libevtx/blob/main/documentation/Windows%20XML%20Event%20Log%20(EVTX).asciidoc
    https://github.com/omerbenamram/evtx (the decoder)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from brokenseal.parsers.base import Batch
from brokenseal.parsers.blocks import Readable, Tally, raw_blocks
from brokenseal.parsers.evtx_ahead import ahead
from brokenseal.parsers.evtx_chunks import CHUNK_MAGIC, FILE_HEADER, FILE_MAGIC, Chunk, Cutter
from brokenseal.parsers.evtx_decoder import decoder
from brokenseal.parsers.evtx_reading import ChunkReader, Piece, Surveyed
from brokenseal.parsers.evtx_survey import survey
from brokenseal.parsers.evtx_tables import Tables
from brokenseal.parsers.windows_event import WindowsEventParser

#: So much of a file is decoded at once.
GROUP_BYTES = 8 << 20
#: JSON that becomes one table.
_PART_BYTES = 16 << 20
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Group:
    """Chunks that are decoded together, the bytes of the file that were read for them, and what was odd on the way."""

    chunks: list[Surveyed]
    raw_bytes: int
    warnings: Counter[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """Decoded records that become one table, with what is told of the group that they are the last of."""

    pieces: list[Piece]
    raw_bytes: int
    warnings: Counter[str]


class Evtx(WindowsEventParser):
    __doc__ = __doc__

    kind = "evtx"
    binary = True

    @classmethod
    def recognise_bytes(cls, head: bytes) -> bool:
        return head.startswith((FILE_MAGIC, CHUNK_MAGIC)) or head.startswith(CHUNK_MAGIC, FILE_HEADER)

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return False

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return name.lower().endswith(".evtx")

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The whole file in order; ``tally.lines`` is the number of records found and lost."""
        # At once: reading with decoding (in a process of its own), making tables, and what the caller does with these.
        return ahead(_made(ahead(_read(stream, tally, block_bytes or GROUP_BYTES)), Tables(self.schema())))


def _made(parts: Generator[_Part, None, None], tables: Tables) -> Generator[Batch, None, None]:
    with closing(parts):
        for part in parts:
            yield Batch(tables.parsed(part.pieces, part.warnings), part.raw_bytes)


def _read(stream: Readable, tally: Tally, block_bytes: int) -> Generator[_Part, None, None]:
    waiting: _Group | None = None
    with decoder() as borrowed:
        reader = ChunkReader(borrowed)
        for group in _groups(stream, tally, block_bytes):
            if waiting is None:
                reader.ask(group.chunks)
            else:
                yield from _decoded(waiting, group, reader)
            waiting = group
        if waiting is not None:
            yield from _decoded(waiting, None, reader)


def _groups(stream: Readable, tally: Tally, block_bytes: int) -> Iterator[_Group]:
    cutter = Cutter()
    lines = 1
    read = 0
    for raw in raw_blocks(stream, tally, block_bytes=block_bytes):
        read += len(raw)
        chunks = cutter.feed(raw)
        if chunks or read >= GROUP_BYTES:
            group = _surveyed(chunks, read, Counter(), lines)
            lines += _records(group)
            read = 0
            yield group
    group = _surveyed(cutter.finish(), read, cutter.warnings, lines)
    tally.lines = lines - 1 + _records(group)
    yield group


def _surveyed(chunks: Sequence[Chunk], raw_bytes: int, warnings: Counter[str], line: int) -> _Group:
    group = _Group([], raw_bytes, warnings)
    for chunk, records in zip(chunks, survey(chunks), strict=True):
        lines = np.arange(line, line + len(records))
        lost = _NONE
        if records.losses:
            losses = np.array([loss.at for loss in records.losses])
            lost = line + np.arange(len(losses)) + np.searchsorted(records.starts, losses)
            lines += np.searchsorted(losses, records.starts, side="right")
        group.chunks.append(Surveyed(chunk, records, lines, lost))
        group.warnings.update(records.warnings)
        line += len(lines) + len(lost)
    return group


def _records(group: _Group) -> int:
    return sum(len(one.lines) + len(one.loss_lines) for one in group.chunks)


def _decoded(group: _Group, following: _Group | None, reader: ChunkReader) -> Iterator[_Part]:
    """What *group* gives, for which was asked; before its last part is given out, the next group is asked for."""
    last: list[Piece] = []
    for pieces in _parts(reader.pieces(group.chunks)):
        if last:
            yield _Part(last, 0, Counter())
        last = pieces
    if following is not None:
        reader.ask(following.chunks)
    yield _Part(last, group.raw_bytes, group.warnings)


def _parts(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    part: list[Piece] = []
    size = 0
    for piece in pieces:
        part.append(piece)
        size += len(piece.text) + piece.cut.head_bytes
        if size > _PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
