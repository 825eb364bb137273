"""Event logs from end to end: made, damaged and hostile ones, and public samples where they lie beside the repository."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import evtx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.errors import EvidenceError
from brokenseal.parsers import Evtx, Settings, identify
from brokenseal.parsers import evtx as module
from brokenseal.parsers.blocks import Tally
from brokenseal.parsers.evtx_chunks import CHUNK, FILE_HEADER
from brokenseal.parsers.whole_file import Reading, read_log

Log = Callable[..., bytes]
SHARED = Path(__file__).resolve().parents[3] / "shared"
BLOCK = 1 << 20


def read(data: bytes, block_bytes: int | None = None) -> Reading:
    reading = read_log(io.BytesIO(data), Evtx, block_bytes=block_bytes)
    assert reading.rows_in == reading.events.num_rows + len(reading.rejects) == reading.tally.lines
    lines = sorted([*reading.events["line"].to_pylist(), *(each.line for each in reading.rejects)])
    assert lines == list(range(1, reading.rows_in + 1))
    assert reading.events["time"].null_count == 0
    return reading


def same(one: Reading, other: Reading) -> bool:
    return (one.events.to_pylist(), one.rejects, one.warnings, one.tally) == (
        other.events.to_pylist(),
        other.rejects,
        other.warnings,
        other.tally,
    )


def test_a_log_is_known_by_its_bytes_and_a_damaged_one_by_its_name(event_log: Log) -> None:
    data = event_log(3)
    assert identify(data[:BLOCK], "anything") is Evtx
    assert identify(data[FILE_HEADER : FILE_HEADER + 1000], "carved.bin") is Evtx
    assert identify(bytes(FILE_HEADER) + data[FILE_HEADER:], "carved.bin") is Evtx
    broken = b"\x01\x02" * FILE_HEADER
    assert identify(broken, "C:/Windows/System32/winevt/Logs/SECURITY.EvTx") is Evtx
    assert identify(broken, "Security.log") is None
    assert identify(broken, "IIS/W3SVC1/u_ex210303.log") is None
    assert identify(b"#Software: Microsoft Internet Information Services 10.0\r\n", "x.evtx") is not Evtx


def test_every_event_of_a_log_of_many_chunks(event_log: Log) -> None:
    data = event_log(1000, first=5001, padding=300)
    reading = read(data)
    assert reading.events["EventRecordID"].to_pylist() == list(range(5001, 6001))
    assert [json.loads(text)["TargetUserName"] for text in reading.events["Data"].to_pylist()] == [
        f"user{number}" + "x" * 300 for number in range(1000)
    ]
    for offset, number in zip(reading.events["offset"].to_pylist(), range(5001, 6001), strict=True):
        assert data[offset : offset + 4] == b"**\0\0"
        assert struct.unpack_from("<Q", data, offset + 8)[0] == number
    assert not reading.rejects
    assert not reading.warnings
    assert reading.tally.size == len(data)


@pytest.mark.parametrize("block_bytes", [4096, 100_000, 1 << 20])
def test_the_result_does_not_hang_on_how_the_file_is_read(event_log: Log, block_bytes: int) -> None:
    data = bytearray(event_log(400, padding=200))
    data[FILE_HEADER + 20_000 : FILE_HEADER + 24_000] = bytes(4000)
    data[FILE_HEADER + CHUNK : FILE_HEADER + CHUNK + 8] = b"notachnk"
    cut = bytes(data[:-50_000])
    whole = read(cut)
    assert len(whole.rejects) > 5
    assert same(whole, read(cut, block_bytes))


def test_parts_of_a_group_become_their_own_tables(event_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    data = event_log(400, padding=200)
    whole = read(data)
    monkeypatch.setattr(module, "_PART_BYTES", 50_000)
    tally = Tally()
    batches = list(Evtx("log", Settings()).batches(io.BytesIO(data), tally))
    assert len(batches) >= 4
    assert sum(batch.raw_bytes for batch in batches) == len(data)
    assert sum(batch.parsed.table.num_rows for batch in batches) == 400
    assert same(whole, read(data))


def test_what_was_read_before_an_error_of_the_disk_counts(event_log: Log) -> None:
    data = event_log(400, padding=200)

    class Failing:
        def __init__(self) -> None:
            self.at = 0

        def read(self, size: int = -1, /) -> bytes:
            if self.at > 2 * CHUNK:
                raise EvidenceError("the archive is damaged", file="x.zip", offset=self.at)
            piece = data[self.at : self.at + min(size, 10_000)]
            self.at += len(piece)
            return piece

    reading = read_log(Failing(), Evtx)
    assert reading.tally.damage is not None
    ends = read(data).events["offset"].to_pylist()[1:]
    count = sum(end <= 140_000 for end in ends)
    assert reading.events["EventRecordID"].to_pylist() == list(range(1, count + 1))
    assert {each.reason for each in reading.rejects} == {
        "chunk 2 is cut off in a record: the file ends there",
        "chunk 2 is cut off before a record: the file ends there",
    }


@pytest.mark.parametrize("data", [b"", b"\0" * 70_000, b"ElfFile\0"])
def test_files_with_nothing_in_them(data: bytes) -> None:
    reading = read(data)
    assert reading.rows_in == 0
    assert bool(reading.warnings) == bool(data)


def test_what_is_no_log_is_one_reject() -> None:
    reading = read(b"an export that somebody gave the wrong name\r\n" * 10)
    assert [(each.line, each.offset, each.reason) for each in reading.rejects] == [
        (1, 0, "chunk 0 is damaged: it holds no readable record")
    ]


def test_threads_do_not_disturb_each_other(event_log: Log) -> None:
    logs = [event_log(200, first=first, padding=100) for first in (1, 1001, 2001, 3001)]
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(read, logs * 3))
    for number, reading in enumerate(readings):
        first = 1 + 1000 * (number % 4)
        assert reading.events["EventRecordID"].to_pylist() == list(range(first, first + 200))


def test_a_scan_that_stops_in_the_middle_leaves_the_next_file_alone(event_log: Log) -> None:
    data = event_log(400, padding=200)
    batches = Evtx("log", Settings()).batches(io.BytesIO(data), Tally(), block_bytes=CHUNK)
    next(batches)
    del batches
    assert read(data).events.num_rows == 400


def test_any_bytes() -> None:
    pieces = st.sampled_from([b"ElfFile\0", b"ElfChnk\0", b"**\0\0", bytes(512), bytes(4096), b"\xff" * 600])

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.one_of(st.binary(max_size=200), pieces), max_size=12), st.integers(1, 6000))
    def run(parts: list[bytes], block_bytes: int) -> None:
        data = b"".join(parts)
        assert same(read(data), read(data, block_bytes))

    run()


def test_any_damage(event_log: Log) -> None:
    whole = event_log(90, padding=200)
    assert len(whole) == FILE_HEADER + CHUNK
    edits = st.tuples(
        st.integers(0, len(whole) - 1), st.one_of(st.binary(min_size=1, max_size=20), st.just(bytes(4096)))
    )

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(edits, min_size=1, max_size=5), st.integers(0, len(whole)))
    def run(changes: list[tuple[int, bytes]], lost: int) -> None:
        data = bytearray(whole)
        for at, piece in changes:
            data[at : at + len(piece)] = piece
        for damaged in (bytes(data), bytes(data[:lost]) + bytes(data[lost + 8 :])):
            read(damaged)

    run()


def growing(slots: int, characters: int) -> bytes:
    """A chunk with one record whose template repeats its only value: small in the file, huge when it is read."""
    chunk = bytearray(CHUNK)
    name = 64_000
    struct.pack_into("<IHH2sH", chunk, name, 0, 0, 1, "a".encode("utf-16-le"), 0)
    element = b"\x01" + struct.pack("<HII", 0xFFFF, 0, name) + b"\x02" + b"\x0e\0\0\x01" * slots + b"\x04\0"
    content = b"\x0f\x01\x01\0" + element
    definition = name - 24 - len(content)
    chunk[definition:name] = struct.pack("<I16sI", 0, b"G" * 16, len(content)) + content
    value = ("\x01" * characters).encode("utf-16-le")
    body = b"\x0f\x01\x01\0\x0c\x01GGGG" + struct.pack("<IIHBB", definition, 1, len(value), 1, 0) + value
    size = 28 + (len(body) + 7) // 8 * 8 + 4
    record = struct.pack("<4sIQQ", b"**\0\0", size, 1, 132_592_212_000_000_000) + body.ljust(size - 28, b"\0")
    chunk[512 : 512 + size] = record + struct.pack("<I", size)
    struct.pack_into(
        "<8s4Q4I", chunk, 0, b"ElfChnk\0", 1, 1, 1, 1, 128, 512, 512 + size, zlib.crc32(chunk[512 : 512 + size])
    )
    struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[128:512], zlib.crc32(chunk[:120])))
    return bytes(chunk)


@pytest.mark.parametrize(
    ("slots", "characters", "cause"),
    [(200, 100, None), (2000, 1000, "the record becomes 12000"), (7000, 15000, "the decoder failed")],
)
def test_a_record_made_to_take_all_memory_costs_itself(
    event_log: Log, slots: int, characters: int, cause: str | None
) -> None:
    log = event_log(90, padding=200)
    chunk = growing(slots, characters)
    reading = read(log + chunk + log[FILE_HEADER:])
    assert [number for number in reading.events["EventRecordID"].to_pylist() if number] == [*range(1, 91)] * 2
    assert reading.events.num_rows == 180 + (cause is None)
    assert [(each.line, each.reason) for each in reading.rejects] == (
        [(91, "a record cannot be decoded")] if cause else []
    )
    assert all(cause in each.text for each in reading.rejects if cause)


# What follows reads public samples (Apache-2.0 and MIT licensed test files of the libraries evtx and plaso, and recorded
# attacks). What each damaged one has lost was read off its bytes: chunk headers say which records there were.


def sample(name: str) -> bytes:
    path = SHARED / "evidence" / name
    if not path.exists():
        pytest.skip(f"no sample {name} beside the repository")
    return path.read_bytes()


def lost_numbers(reading: Reading) -> list[int]:
    """Of records of which nothing is left."""
    return [int(each.text.split()[1].rstrip(":")) for each in reading.rejects if re.search("lost|cut off", each.reason)]


@pytest.mark.parametrize(
    ("name", "events", "lost", "unreadable", "foreign"),
    [
        # Chunk 0 has the numbers 6334916 to 6335044, chunk 13 6914423 to 6914552. From byte 49152 on, each holds the end
        # of another chunk, whose templates are elsewhere: 33 and 32 records. Those lying across are 6335011 and 6914519.
        (
            "evtx-parser/2-vss_0-Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx",
            1910,
            [*range(6335012, 6335045), *range(6914520, 6914553)],
            [6335011, 6914519],
            [*range(6952124, 6952157), *range(6951741, 6951773)],
        ),
        # Chunk 1: bytes 16384 to 32768 come from another chunk with the same templates, chunk 15: up to 49152. There the
        # last of the other chunk's records, 462791, goes on with the content of 352201.
        (
            "evtx-parser/2-vss_0-Microsoft-Windows-TerminalServices-RemoteConnectionManager%4Operational.evtx",
            1774,
            [*range(401543, 401576), *range(352136, 352202)],
            [],
            [*range(462980, 463012), *range(462726, 462792)],
        ),
        # Zeros from byte 4096 and from byte 8192 of the chunk on, in the middle of record 6 and of record 17.
        ("evtx-parser/Microsoft-Windows-HelloForBusiness%4Operational.evtx", 6, [*range(7, 21)], [], []),
        ("evtx-parser/Microsoft-Windows-LanguagePackSetup%4Operational.evtx", 17, [18, 19, 20], [], []),
        # Record 3 says that it has no size. The others of chunk 0, to 117, are whole.
        ("evtx-parser/sample-with-zero-data-size-event.evtx", 449, [], [], []),
        # Zeros from within 46741 on (chunk 0), from within 47640 to 47674 (chunk 7), from within 45933 on (chunk 9). Of
        # the chunks 6 and 10 only the middle is left, with 15 and 68 records, and no template.
        (
            "evtx-parser/sample_with_a_bad_chunk_magic.evtx",
            300,
            [*range(46742, 46858), *range(47641, 47675), *range(45934, 45950)],
            None,
            [],
        ),
        # Chunk tables that point to nowhere; without flags for it, checksums that were never written.
        ("evtx-parser/security_bad_string_cache.evtx", 2261, [], [], []),
        ("evtx-parser/Application_no_crc32.evtx", 17, [], [], []),
        # Record 284 would end at byte 65088 of its chunk; the file has 64832 bytes of it.
        ("evtx-system/System2.evtx", 283, [284], [], []),
        # One record is hidden by a tool that made the size of the one before it larger.
        ("evtx-parser/post-Security.evtx", 127, [], [], []),
        # What follows chunk 8 is no part of an event log.
        ("evtx-parser/sysmon.evtx", 358, [], [], []),
    ],
)
def test_what_damaged_samples_have_lost(
    name: str, events: int, lost: list[int], unreadable: list[int] | None, foreign: list[int]
) -> None:
    reading = read(sample(name))
    assert reading.events.num_rows >= events
    assert sorted(lost_numbers(reading)) == sorted(lost)
    undecoded = [int(each.text.split()[1].rstrip(":")) for each in reading.rejects if "decoded" in each.reason]
    if unreadable is not None:
        assert set(unreadable) <= set(undecoded) <= {*unreadable, *foreign}
    else:
        assert len(undecoded) == 15 + 68
    if foreign:
        kept = Counter(reading.events["EventRecordID"].to_pylist())
        assert all(kept[number] >= 1 for number in {*foreign} - {*undecoded, 462791})
        assert reading.warnings["a record from a damaged place was read: its values may be damaged"] > 0
    damaged = {each.reason for each in reading.rejects if "damaged" in each.reason}
    if name.endswith("sysmon.evtx"):
        assert damaged == {f"chunk {number} is damaged: it holds no readable record" for number in range(9, 17)}
    hidden = reading.warnings["a record hidden inside another was read"]
    assert hidden == (1 if name.endswith("post-Security.evtx") else 0)


SAMPLES = sorted(SHARED.glob("evidence/evtx-*/**/*.evtx")) + sorted(SHARED.glob("sigmahq/regression_data/**/*.evtx"))


def by_the_decoder_alone(path: Path) -> Counter[tuple[Any, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = evtx.PyEvtxParser(str(path), separate_json_attributes=True, skip_errors=True).records_json()
        found: Counter[tuple[Any, ...]] = Counter()
        for record in records:
            assert record is not None
            system = json.loads(record["data"])["Event"]["System"]
            time = (system.get("TimeCreated_attributes") or {}).get("SystemTime")
            number = system.get("EventRecordID")
            found[system["Channel"], int(system["EventID"]), number and int(number), time and time[:23]] += 1
        return found


@pytest.mark.parametrize("part", range(4))
def test_samples_give_what_the_decoder_alone_gives_and_more(part: int) -> None:
    chosen = [path for path in SAMPLES if "evtx-parser" in path.parts or "evtx-system" in path.parts]
    chosen = (chosen + SAMPLES[::5])[part::4]
    if not chosen:
        pytest.skip("no samples beside the repository")
    for path in chosen:
        reading = read(path.read_bytes())
        names = ("Channel", "EventID", "EventRecordID", "time")
        columns = [reading.events[name].to_pylist() for name in names]
        own = Counter(
            (channel, event, number, time.isoformat(timespec="milliseconds")[:23])
            for channel, event, number, time in zip(*columns, strict=True)
        )
        alone = by_the_decoder_alone(path)
        untimed = {key: count for key, count in alone.items() if key[3] is None}
        assert not alone - own - Counter(untimed), path.name
        assert reading.events.num_rows >= alone.total(), path.name
