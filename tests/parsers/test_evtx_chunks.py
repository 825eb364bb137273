"""A file is cut where its chunks are, also where bytes are missing, and a chunk's header is believed only if it is whole."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from brokenseal.parsers.evtx_chunks import CHUNK, FILE_HEADER, MOST_RECORDS, Chunk, ChunkHeader, Cutter, chunk_header

Log = Callable[..., bytes]


def cut(data: bytes, piece: int = 1 << 20) -> tuple[list[Chunk], dict[str, int]]:
    cutter = Cutter()
    chunks = [chunk for at in range(0, len(data), piece) for chunk in cutter.feed(data[at : at + piece])]
    return chunks + cutter.finish(), dict(cutter.warnings)


@pytest.fixture
def three(event_log: Log) -> bytes:
    """A log of three chunks."""
    data = event_log(3 * 100, padding=200)
    assert len(data) == FILE_HEADER + 3 * CHUNK
    return data


@pytest.mark.parametrize("piece", [4096, 70_000, 1 << 20])
def test_chunks_lie_behind_the_header_however_the_file_comes(three: bytes, piece: int) -> None:
    chunks, warnings = cut(three, piece)
    assert [(chunk.number, chunk.offset, chunk.cut) for chunk in chunks] == [
        (0, 4096, False),
        (1, 69632, False),
        (2, 135168, False),
    ]
    assert b"".join(chunk.data for chunk in chunks) == three[FILE_HEADER:]
    assert warnings == {}


def test_chunks_never_used_are_left_out(three: bytes) -> None:
    data = three[: FILE_HEADER + CHUNK] + bytes(CHUNK) + three[-CHUNK:] + bytes(CHUNK) + bytes(1000)
    chunks, warnings = cut(data)
    assert [(chunk.number, chunk.offset) for chunk in chunks] == [(0, 4096), (2, 135168)]
    assert warnings == {}


def test_a_file_that_ends_too_early_says_so(three: bytes) -> None:
    chunks, warnings = cut(three[: FILE_HEADER + CHUNK + 1000])
    assert [(chunk.number, len(chunk.data), chunk.cut) for chunk in chunks] == [(0, CHUNK, False), (1, 1000, True)]
    assert warnings == {"the file ends before the last of the chunks that its header counts": 1}


def test_without_a_file_header_chunks_are_found_where_they_are(three: bytes) -> None:
    told = {"the file header is missing or damaged": 1}
    for lost, offset in ((bytes(FILE_HEADER), 4096), (b"", 0), (b"\xff" * 1000, 1000), (b"x" * 5000, 5000)):
        chunks, warnings = cut(lost + three[FILE_HEADER:])
        whole = [chunk for chunk in chunks if len(chunk.data) == CHUNK]
        assert [chunk.offset for chunk in whole] == [offset, offset + CHUNK, offset + 2 * CHUNK]
        assert warnings == told


def test_a_changed_file_header_is_named(three: bytes) -> None:
    changed = bytearray(three)
    changed[24] ^= 1
    assert cut(bytes(changed))[1] == {"the checksum of the file header does not match its content": 1}
    changed[120] |= 4  # the flag that says there are no checksums
    assert cut(bytes(changed))[1] == {}


def test_a_file_of_nothing_but_a_piece_of_header(three: bytes) -> None:
    assert cut(three[:100]) == ([], {"the file ends in its header": 1})
    assert cut(b"") == ([], {})


@pytest.mark.parametrize("at", [FILE_HEADER + 30_000, FILE_HEADER + CHUNK + 3])
def test_the_next_chunk_is_found_where_bytes_are_missing_or_too_many(three: bytes, at: int) -> None:
    last = three[-CHUNK:]
    for changed in (three[:at] + three[at + 512 :], three[:at] + b"\r" * 100 + three[at:]):
        chunks, _ = cut(changed)
        assert chunks[-1].data == last
        assert (chunks[-1].number, chunks[-1].offset) == (2, len(changed) - CHUNK)
        kept = dict.fromkeys(range(FILE_HEADER, len(changed)))
        for chunk in chunks:
            assert changed[chunk.offset : chunk.offset + len(chunk.data)] == chunk.data
            for place in range(chunk.offset, chunk.offset + len(chunk.data)):
                del kept[place]
        assert not any(changed[place] for place in kept)


def test_what_a_header_says(three: bytes) -> None:
    first, second, _ = (chunk.data for chunk in cut(three)[0])
    header = chunk_header(first)
    assert (header.first, header.intact, header.records_intact) == (1, True, True)
    assert chunk_header(second).first == header.last + 1
    assert len(header.numbers) == header.last
    assert header.free == struct.unpack_from("<I", first, 48)[0]


@pytest.mark.parametrize(
    ("at", "intact", "records_intact"), [(8, False, True), (200, False, True), (1000, True, False), (48, False, False)]
)
def test_a_header_is_not_believed_when_its_checksums_say_no(
    three: bytes, at: int, intact: bool, records_intact: bool
) -> None:
    data = bytearray(three[FILE_HEADER : FILE_HEADER + CHUNK])
    data[at] ^= 0x10
    header = chunk_header(bytes(data))
    assert (header.intact, header.records_intact) == (intact, records_intact)


def test_without_checksums_a_header_is_believed_if_it_makes_sense(three: bytes) -> None:
    data = bytearray(three[FILE_HEADER : FILE_HEADER + CHUNK])
    data[120] |= 4
    assert chunk_header(bytes(data)).intact
    struct.pack_into("<Q", data, 32, MOST_RECORDS + 10)
    assert not chunk_header(bytes(data)).intact


@pytest.mark.parametrize("data", [b"", b"ElfChnk\0", b"x" * CHUNK, b"ElfChnk\0" + b"\xff" * (CHUNK - 8)])
def test_no_header_at_all(data: bytes) -> None:
    assert chunk_header(data) == ChunkHeader(0, 0, CHUNK, False, False)
