"""The image of a chunk: a decoder finds in it the records that were found, no more and no others."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from brokenseal.parsers.evtx_chunks import CHUNK, CHUNK_HEADER, FILE_HEADER, Chunk
from brokenseal.parsers.evtx_records import Records, image, shown
from brokenseal.parsers.evtx_survey import survey
from brokenseal.parsers.evtx_worker import Results, decode

Log = Callable[..., bytes]


@pytest.fixture
def chunk(event_log: Log) -> bytearray:
    return bytearray(event_log(5)[FILE_HEADER:])


def records_of(data: bytes | bytearray) -> Records:
    return survey([Chunk(0, FILE_HEADER, bytes(data))])[0]


def read(made: bytes | bytearray) -> list[int | None]:
    """Numbers of the records that are read, None for those that are not."""
    results = decode(made)
    assert isinstance(results, Results)
    pairs = zip(results.numbers, results.lengths, strict=True)
    return [number if length > 0 else None for number, length in pairs]


def test_an_image_differs_from_its_chunk_in_the_header_only(chunk: bytearray) -> None:
    made = image(bytes(chunk), records_of(chunk))
    assert made[CHUNK_HEADER:] == chunk[CHUNK_HEADER:]
    assert made[128:CHUNK_HEADER] == bytes(384)
    assert read(made) == [1, 2, 3, 4, 5]
    assert len(image(bytes(chunk[:9000]), records_of(chunk))) == CHUNK


def test_one_record_alone(chunk: bytearray) -> None:
    records = records_of(chunk)
    for only in range(5):
        expected = [number + 1 if number == only else None for number in range(5)]
        assert read(image(bytes(chunk), records, only)) == expected


def test_refused_records_are_not_read(chunk: bytearray) -> None:
    records = records_of(chunk)
    records.refused[int(records.starts[1])] = "why"
    assert read(image(bytes(chunk), records)) == [1, None, 3, 4, 5]


def test_what_stands_before_the_first_record_and_between_records_is_passed(chunk: bytearray) -> None:
    whole = records_of(chunk)
    kept = [2, 4]
    some = replace(
        whole,
        starts=whole.starts[kept],
        lengths=whole.lengths[kept],
        numbers=whole.numbers[kept],
        written=whole.written[kept],
        mended=True,
    )
    assert some.leading == 1
    assert read(image(bytes(chunk), some)) == [None, 3, 5]


@pytest.mark.parametrize("number", [2**64 - 1, 0, 1])
def test_no_number_ends_a_chunk_early(chunk: bytearray, number: int) -> None:
    starts = records_of(chunk).starts.tolist()
    for start in starts[1:3]:
        struct.pack_into("<Q", chunk, start + 8, number)
    records = records_of(chunk)
    assert read(image(bytes(chunk), records)) == [1, number, number, 4, 5]


@pytest.mark.parametrize("time", [2**64 - 1, 2_650_466_808_010_000_000, 0])
def test_no_time_in_a_header_ends_a_chunk_early(chunk: bytearray, time: int) -> None:
    struct.pack_into("<Q", chunk, int(records_of(chunk).starts[1]) + 16, time)
    records = records_of(chunk)
    assert records.written[1] == time
    assert read(image(bytes(chunk), records)) == [1, 2, 3, 4, 5]


def test_no_records() -> None:
    none = Records(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    assert (none.leading, none.end, len(none)) == (0, CHUNK_HEADER, 0)
    assert read(image(b"", none)) == []


def test_bytes_are_shown_in_groups() -> None:
    assert shown(bytes(range(64)), 4) == "04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f 20212223"
    assert shown(b"abc", 1) == "6263"
