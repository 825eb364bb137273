"""Whole chunks are surveyed together; the result is that of looking at each alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

from brokenseal.parsers.evtx_chunks import CHUNK, FILE_HEADER, Chunk, chunk_header
from brokenseal.parsers.evtx_records import Records
from brokenseal.parsers.evtx_salvage import salvage
from brokenseal.parsers.evtx_survey import survey

Log = Callable[..., bytes]


def chunks_of(data: bytes) -> list[Chunk]:
    offsets = range(FILE_HEADER, len(data), CHUNK)
    return [Chunk(number, offset, data[offset : offset + CHUNK]) for number, offset in enumerate(offsets)]


def plain(records: Records) -> tuple[object, ...]:
    arrays = (records.starts, records.lengths, records.numbers, records.written)
    rest = (records.doubtful, records.refused, records.losses, records.mended, records.warnings)
    return (*(array.tolist() for array in arrays), *rest)


def alone(chunk: Chunk) -> Records:
    return salvage(chunk, chunk_header(chunk.data))


def sealed(data: bytearray) -> bytes:
    """A chunk with checksums that fit what was changed in it."""
    (free,) = struct.unpack_from("<I", data, 48)
    struct.pack_into("<I", data, 52, zlib.crc32(data[512:free]))
    struct.pack_into("<I", data, 124, zlib.crc32(data[128:512], zlib.crc32(data[:120])))
    return bytes(data)


def test_whole_chunks(event_log: Log) -> None:
    chunks = chunks_of(event_log(300, first=41, padding=200))
    found = survey(chunks)
    assert [number for records in found for number in records.numbers.tolist()] == list(range(41, 341))
    assert [plain(records) for records in found] == [plain(alone(chunk)) for chunk in chunks]
    for records in found:
        assert not (records.losses or records.doubtful or records.refused or records.warnings or records.mended)
        assert records.starts[0] == 512
        assert records.written[0] % 10_000 == 0


def test_one_damaged_chunk_among_others_is_looked_at_alone(event_log: Log) -> None:
    chunks = chunks_of(event_log(300, padding=200))
    damaged = bytearray(chunks[1].data)
    damaged[512:516] = b"\0\0\0\0"
    chunks[1] = Chunk(1, chunks[1].offset, bytes(damaged))
    found = survey(chunks)
    assert [plain(records) for records in found] == [plain(alone(chunk)) for chunk in chunks]
    assert [len(records.losses) for records in found] == [0, 1, 0]


def test_the_magic_number_inside_a_value_is_no_record(event_log: Log) -> None:
    (chunk,) = chunks_of(event_log(3, padding=100))
    data = bytearray(chunk.data)
    start = data.index("xxxx".encode("utf-16-le"))
    at = (start + 7) // 8 * 8
    data[at : at + 4] = b"**\0\0"
    (records,) = survey([Chunk(0, 4096, sealed(data))])
    assert records.numbers.tolist() == [1, 2, 3]
    assert not records.warnings


def test_a_chunk_without_records(event_log: Log) -> None:
    (chunk,) = chunks_of(event_log(1))
    data = bytearray(chunk.data)
    data[512:] = bytes(CHUNK - 512)
    struct.pack_into("<4QIII", data, 8, 1, 0, 1, 0, 128, 512, 512)
    (records,) = survey([Chunk(0, 4096, sealed(data))])
    assert (len(records), records.losses, records.warnings) == (0, (), {})


def test_nothing_at_all() -> None:
    assert survey([]) == []


@pytest.mark.parametrize("size", [0, 100, 511, 512, 600])
def test_pieces_of_a_chunk(event_log: Log, size: int) -> None:
    (whole,) = chunks_of(event_log(5))
    piece = Chunk(0, 4096, whole.data[:size], cut=True)
    (records,) = survey([piece])
    assert plain(records) == plain(alone(piece))
    assert len(records) == 0
    assert len(records.losses) == (5 if size >= 512 else 1)
