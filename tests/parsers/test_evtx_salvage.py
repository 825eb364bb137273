"""What is left of damaged chunks is found, what is missing is counted, and nothing that was hidden stays so."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.parsers.evtx_chunks import CHUNK, CHUNK_HEADER, FILE_HEADER, Chunk, chunk_header
from brokenseal.parsers.evtx_records import Records, image
from brokenseal.parsers.evtx_salvage import salvage
from brokenseal.parsers.evtx_worker import decode

Log = Callable[..., bytes]
LOST = "has lost a record"
NO_RECORD = "is damaged: a part of it holds no record"


def chunk_of(log: bytes, number: int = 0) -> bytearray:
    begin = FILE_HEADER + number * CHUNK
    return bytearray(log[begin : begin + CHUNK])


def starts_of(chunk: bytes | bytearray) -> list[int]:
    """Where the records of a whole chunk begin: each says how long it is."""
    (free,) = struct.unpack_from("<I", chunk, 48)
    starts = [CHUNK_HEADER]
    while starts[-1] < free:
        starts.append(starts[-1] + struct.unpack_from("<I", chunk, starts[-1] + 4)[0])
    return starts[:-1]


def salvaged(data: bytes | bytearray, *, cut: bool = False) -> Records:
    return salvage(Chunk(0, FILE_HEADER, bytes(data), cut), chunk_header(bytes(data)))


def told(records: Records) -> list[tuple[int | None, str]]:
    return [(loss.number, loss.reason) for loss in records.losses]


def readable(data: bytes | bytearray, records: Records) -> list[int]:
    """The numbers of the records that the decoder reads."""
    results = decode(image(bytes(data), records))
    assert not isinstance(results, str)
    assert len(results.lengths) == len(records) + records.leading
    return [number for number, length in zip(results.numbers, results.lengths, strict=True) if length > 0]


def test_a_record_whose_beginning_is_gone(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    data[starts[2] : starts[2] + 4] = b"\xff" * 4
    records = salvaged(data)
    assert records.numbers.tolist() == [1, 2, 4, 5, 6]
    assert told(records) == [(3, LOST)]
    assert records.losses[0].at == starts[2]
    assert readable(data, records) == [1, 2, 4, 5, 6]


def test_the_first_record_gone_with_its_templates_takes_those_that_need_them(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    data[starts[0] : starts[1]] = bytes(starts[1] - starts[0])
    records = salvaged(data)
    assert records.numbers.tolist() == [2, 3, 4, 5, 6]
    assert records.leading == 1
    assert told(records) == [(1, LOST)]
    assert records.doubtful == {*starts[1:]}
    assert readable(data, records) == []


def test_a_template_of_another_name_makes_records_doubtful_and_foreign_ones_unreadable(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    data[starts[0] + 24 + 14 + 4] ^= 1  # the first byte of the template's id
    records = salvaged(data)
    assert records.doubtful == {*starts}
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]
    struct.pack_into("<Q", data, starts[3] + 8, 999)
    records = salvaged(data)
    assert records.refused == {starts[3]: "its template is not in its chunk"}
    assert readable(data, records) == [1, 2, 3, 5, 6]
    assert told(records) == [(4, LOST)]


@pytest.mark.parametrize("size", [0, 27, 5000, 2**32 - 1])
def test_a_record_with_a_wrong_size_keeps_its_content_and_its_neighbours(event_log: Log, size: int) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    struct.pack_into("<I", data, starts[2] + 4, size)
    records = salvaged(data)
    assert records.starts.tolist() == starts
    assert records.doubtful == {starts[2]}
    assert told(records) == []
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]


def test_a_beginning_right_before_a_record_is_none(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    data[starts[3] - 16 : starts[3] - 12] = b"**\0\0"
    struct.pack_into("<I", data, starts[2] + 4, starts[3] - 16 - starts[2])
    records = salvaged(data)
    assert records.starts.tolist() == starts
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]


def test_a_page_of_zeros(event_log: Log) -> None:
    """As after a crash: what lies in the page is lost, what stands after it is read."""
    data = chunk_of(event_log(80, padding=100))
    starts = starts_of(data)
    data[8192:12288] = bytes(4096)
    records = salvaged(data)
    inside = [number for number, start in enumerate(starts, start=1) if 8192 <= start < 12288]
    before = max(number for number, start in enumerate(starts, start=1) if start < 8192)
    assert told(records) == [(number, LOST) for number in inside]
    assert starts[before - 1] in records.doubtful
    assert set(readable(data, records)) | {before} == set(range(1, len(starts) + 1)) - set(inside)


def test_a_page_of_another_chunk(event_log: Log) -> None:
    """Records that do not belong here are marked; those of the chunk that the page replaced are missing."""
    data, other = chunk_of(event_log(80, padding=100)), chunk_of(event_log(80, first=5001, padding=100))
    starts = starts_of(data)
    data[8192:12288] = other[8192:12288]
    records = salvaged(data)
    inside = [number for number, start in enumerate(starts, start=1) if 8192 <= start < 12288]
    assert told(records) == [(number, LOST) for number in inside]
    foreign = [number + 5000 for number in inside]
    assert [number for number in records.numbers.tolist() if number > 5000] == foreign
    assert {starts[number - 1] for number in inside} <= records.doubtful
    assert starts_of(other) == starts


def test_a_chunk_without_its_header(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    data[:CHUNK_HEADER] = bytes(CHUNK_HEADER)
    records = salvaged(data)
    assert records.numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]
    assert told(records) == []
    assert records.warnings == {"a chunk has no header": 1}
    assert len(records.doubtful) == 6


@pytest.mark.parametrize("at", [9, 45, 130, 500])
def test_a_damaged_header_costs_no_record(event_log: Log, at: int) -> None:
    data = chunk_of(event_log(6))
    data[at] ^= 0xFF
    records = salvaged(data)
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]
    assert told(records) == []
    assert records.warnings == {"a chunk's checksums do not match its content": 1}


def test_a_chunk_with_nothing_readable() -> None:
    records = salvaged(b"\x07" * CHUNK)
    assert told(records) == [(None, "is damaged: it holds no readable record")]
    assert records.losses[0].text.startswith("07070707 ")


def test_what_the_end_of_the_file_cuts_off(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    cut = "is cut off in a record: the file ends there"
    missing = "is cut off before a record: the file ends there"
    for end in (starts[3] + 24, starts[3] + 28, starts[4] - 1):
        records = salvaged(data[:end], cut=True)
        assert records.numbers.tolist() == [1, 2, 3]
        known = (4, cut) if end >= starts[3] + 28 else (4, missing)
        assert told(records) == [known, (5, missing), (6, missing)]
        assert not records.warnings
        assert readable(data[:end], records) == [1, 2, 3]
    records = salvaged(data[: starts[5] + 1000], cut=True)
    assert (records.numbers.tolist(), told(records)) == ([1, 2, 3, 4, 5, 6], [])


def test_records_behind_a_forged_end_mark_are_read(event_log: Log) -> None:
    data = chunk_of(event_log(6))
    struct.pack_into("<I", data, 48, starts_of(data)[4])
    data[120] |= 4  # no checksums
    struct.pack_into("<4Q", data, 8, 1, 4, 1, 4)
    records = salvaged(data)
    assert records.numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert records.warnings == {"a record behind the end mark of its chunk was read": 2}
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]


def test_older_records_behind_the_end_mark_stay_there(event_log: Log) -> None:
    data, older = chunk_of(event_log(6, first=101)), chunk_of(event_log(12))
    data[starts_of(older)[6] :] = older[starts_of(older)[6] :]
    records = salvaged(data)
    assert records.numbers.tolist() == [101, 102, 103, 104, 105, 106]
    assert not records.losses


@pytest.mark.parametrize("hidden", [1, 3])
def test_records_hidden_by_the_size_of_the_one_before(event_log: Log, hidden: int) -> None:
    data = chunk_of(event_log(6))
    starts = starts_of(data)
    size = starts[2 + hidden] - starts[1]
    struct.pack_into("<I", data, starts[1] + 4, size)
    struct.pack_into("<I", data, starts[2 + hidden] - 4, size)
    records = salvaged(data)
    assert records.starts.tolist() == starts
    assert records.warnings["a record hidden inside another was read"] == hidden
    assert readable(data, records) == [1, 2, 3, 4, 5, 6]


def test_any_damage(event_log: Log) -> None:
    """However a chunk is damaged: records do not overlap, the decoder gives one result for each, every number is told."""
    whole = bytes(chunk_of(event_log(40, padding=30)))
    edits = st.lists(
        st.tuples(st.integers(0, 13_000), st.one_of(st.binary(max_size=40), st.just(b"**\0\0"), st.just(bytes(600)))),
        max_size=6,
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(edits, st.one_of(st.just(CHUNK), st.integers(0, CHUNK)))
    def run(changes: list[tuple[int, bytes]], size: int) -> None:
        data = bytearray(whole)
        for at, piece in changes:
            data[at : at + len(piece)] = piece
        records = salvaged(data[:size], cut=size < CHUNK)
        end = CHUNK_HEADER
        for start, length in zip(records.starts.tolist(), records.lengths.tolist(), strict=True):
            assert start >= end
            assert length >= 28
            end = start + length
        assert end <= max(size, CHUNK_HEADER)
        readable(data[:size], records)
        header = chunk_header(bytes(data[:size]))
        if header.intact:
            lost = {loss.number for loss in records.losses}
            assert set(header.numbers) <= set(records.numbers.tolist()) | lost
        assert len(records) or records.losses or not any(data[:size]) or not header.numbers

    run()
