from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from evtx import PyEvtxParser
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.simulate.binary_xml import ValueType
from brokenseal.simulate.evtx_file import Event, EventKind, EvtxWriter

COMPUTER = "EX01.corp.example"
NOON = 1_614_513_600_123  # 2021-02-28T12:00:00.123Z
NAMED = EventKind(
    "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-Sysmon",
    1,
    "5770385f-c22a-43e0-bf4c-06f5698ffbd9",
    (
        ("Image", ValueType.TEXT),
        ("ProcessId", ValueType.UINT32),
        ("LogonId", ValueType.HEX64),
        ("ProcessGuid", ValueType.GUID),
        ("TargetUserSid", ValueType.SID),
        ("Archived", ValueType.BOOL),
        ("StartTime", ValueType.FILETIME),
    ),
    version=5,
    task=1,
)
TEXT = EventKind(
    "System", "Example", 7, "555908d1-a6d7-4695-8e1e-26931d2012f4", (("a", ValueType.TEXT), ("b", ValueType.TEXT))
)
CLASSIC = EventKind(
    "MSExchange Management", "MSExchange CmdletLogs", 6, task=1, level=2, keywords=0x80000000000000, qualifiers=49152
)
BARE = EventKind("System", "Example", 8, "555908d1-a6d7-4695-8e1e-26931d2012f4", ())
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)


def _named(image: str = "C:\\x.exe", pid: int = 4) -> Event:
    values = (image, pid, 0x3E7, "6004d249-afab-604d-2327-000000000900", "S-1-5-21-1-2-4294967295-1105", True, NOON)
    return Event(NOON, NAMED, COMPUTER, values, 2284, 5252, "S-1-5-18")


def _written(path: Path, events: list[Event], first: int = 1) -> Path:
    writer = EvtxWriter(path, first)
    for event in events:
        writer.add(event)
    writer.close()
    return path


def _read(path: Path, *, separate: bool = False) -> list[dict[str, Any]]:
    parser = PyEvtxParser(str(path), validate_checksums=True, separate_json_attributes=separate)
    return [json.loads(record["data"])["Event"] for record in parser.records_json() if record is not None]


def _chunks(path: Path) -> list[bytes]:
    content = path.read_bytes()
    assert (len(content) - 4096) % 65536 == 0
    return [content[at : at + 65536] for at in range(4096, len(content), 65536)]


def test_an_event_comes_back_with_its_values_and_their_types(tmp_path: Path) -> None:
    (event,) = _read(_written(tmp_path / "a.evtx", [_named()], first=1742))
    assert event["System"] == {
        "Provider": {
            "#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"}
        },
        "EventID": 1,
        "Version": 5,
        "Level": 4,
        "Task": 1,
        "Opcode": 0,
        "Keywords": "0x8000000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": "2021-02-28T12:00:00.123000Z"}},
        "EventRecordID": 1742,
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 2284, "ThreadID": 5252}},
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": COMPUTER,
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    }
    assert event["EventData"] == {
        "Image": "C:\\x.exe",
        "ProcessId": 4,
        "LogonId": "0x3e7",
        "ProcessGuid": "6004D249-AFAB-604D-2327-000000000900",
        "TargetUserSid": "S-1-5-21-1-2-4294967295-1105",
        "Archived": True,
        "StartTime": "2021-02-28T12:00:00.123000Z",
    }


def test_both_ways_of_writing_attributes_read_every_record(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.evtx", [_named(pid=number) for number in range(300)])
    joined, separate = _read(path), _read(path, separate=True)
    assert [event["EventData"]["ProcessId"] for event in joined] == list(range(300))
    assert [event["EventData"]["ProcessId"] for event in separate] == list(range(300))
    assert separate[0]["System"]["Provider_attributes"]["Name"] == "Microsoft-Windows-Sysmon"


def test_data_without_names_keep_their_order_and_their_empty_items(tmp_path: Path) -> None:
    items = ("Set-Mailbox", '-Identity "Größe"', "", "", "S-1-5-18", "two\nlines", "")
    (event,) = _read(_written(tmp_path / "a.evtx", [Event(NOON, CLASSIC, COMPUTER, items)]))
    assert event["EventData"] == {"Data": {"#text": list(items)}}
    assert event["System"]["EventID"] == {"#attributes": {"Qualifiers": 49152}, "#text": 6}
    assert event["System"]["Level"] == 2
    assert event["System"].keys().isdisjoint({"Version", "Opcode", "Execution", "Correlation"})


def test_an_event_without_data_has_no_data_element(tmp_path: Path) -> None:
    (event,) = _read(_written(tmp_path / "a.evtx", [Event(NOON, BARE, COMPUTER, ())]))
    assert event.keys() == {"#attributes", "System"}


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("evtx") / "a.evtx"
    read = _read(_written(path, [Event(NOON, TEXT, COMPUTER, pair) for pair in pairs]))
    assert [(event["EventData"]["a"], event["EventData"]["b"]) for event in read] == pairs


@pytest.mark.parametrize(
    "text", ["", "\"\\ '", "a\r\nb\tc", "é 見 😀", "<x>&amp;]]>", " ", "%1 %%1833 {0}", "x" * 30_000]
)
def test_awkward_texts_stand_next_to_others(tmp_path: Path, text: str) -> None:
    events = [_named(), _named(text, 1), Event(NOON, CLASSIC, COMPUTER, (text, "end")), _named(pid=9)]
    read = _read(_written(tmp_path / "a.evtx", events))
    assert read[1]["EventData"]["Image"] == text
    assert read[2]["EventData"]["Data"]["#text"] == [text, "end"]
    assert read[3]["EventData"]["ProcessId"] == 9


@pytest.mark.parametrize("values", [("x" * 33_000, ""), ("x" * 20_000, "y" * 20_000)])
def test_what_does_not_fit_is_refused_and_leaves_no_trace(tmp_path: Path, values: tuple[str, str]) -> None:
    writer = EvtxWriter(tmp_path / "a.evtx")
    writer.add(_named(pid=1))
    with pytest.raises(ValueError, match="at most"):
        writer.add(Event(NOON, TEXT, COMPUTER, values))
    writer.add(_named(pid=2))
    writer.close()
    assert writer.records == 2
    read = _read(tmp_path / "a.evtx")
    assert [(event["System"]["EventRecordID"], event["EventData"]["ProcessId"]) for event in read] == [(1, 1), (2, 2)]
    _walk_tables(tmp_path / "a.evtx")


@pytest.mark.parametrize("values", [("a\0b", ""), ("only one",)])
def test_values_that_no_log_can_hold_are_refused(tmp_path: Path, values: tuple[str, ...]) -> None:
    writer = EvtxWriter(tmp_path / "a.evtx")
    with pytest.raises(ValueError, match=r"NUL|zip"):
        writer.add(Event(NOON, TEXT, COMPUTER, values))


def test_records_go_on_over_many_chunks(tmp_path: Path) -> None:
    kinds = (_named(), Event(NOON, CLASSIC, COMPUTER, ("Get-Mailbox", "x" * 700)), Event(NOON, BARE, COMPUTER, ()))
    path = _written(tmp_path / "a.evtx", [kinds[number % 3] for number in range(900)], first=5000)
    read = _read(path)
    assert [event["System"]["EventRecordID"] for event in read] == list(range(5000, 5900))
    assert [event["System"]["EventID"] if number % 3 != 1 else 6 for number, event in enumerate(read)] == [
        1,
        6,
        8,
    ] * 300
    assert len(_chunks(path)) > 5
    _walk_tables(path)


def test_headers_say_what_the_format_asks_for(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.evtx", [_named(pid=number) for number in range(500)], first=77)
    header, chunks = path.read_bytes()[:4096], _chunks(path)
    signature, first, last, next_record, size, minor, major, block, count = struct.unpack_from("<8s3QI4H", header)
    assert (signature, first, last, next_record) == (b"ElfFile\0", 0, len(chunks) - 1, 577)
    assert (size, minor, major, block, count) == (128, 1, 3, 4096, len(chunks))
    assert struct.unpack_from("<II", header, 120) == (0, zlib.crc32(header[:120]))
    expected = 77
    for chunk in chunks:
        signature, *numbers, size, last_at, free, checksum = struct.unpack_from("<8s4Q4I", chunk)
        assert (signature, size, numbers[0], numbers[:2]) == (b"ElfChnk\0", 128, expected, numbers[2:])
        assert checksum == zlib.crc32(chunk[512:free])
        assert struct.unpack_from("<I", chunk, 124)[0] == zlib.crc32(chunk[:120] + chunk[128:512])
        assert struct.unpack_from("<4sIQ", chunk, last_at)[::2] == (b"**\0\0", numbers[1])
        assert not any(chunk[free:])
        at = 512
        while at < free:
            length = struct.unpack_from("<I", chunk, at + 4)[0]
            assert length % 8 == 0
            assert struct.unpack_from("<I", chunk, at + length - 4)[0] == length
            at += length
        assert at == free
        expected = numbers[1] + 1
    assert expected == 577


def _listed(chunk: bytes, head: int) -> list[int]:
    """Offsets of a bucket's entries: from the newest, whose offset is ``head``, to the oldest."""
    found: list[int] = []
    while head:
        assert 512 < head < (found[-1] if found else struct.unpack_from("<I", chunk, 48)[0])
        found.append(head)
        head = struct.unpack_from("<I", chunk, head)[0]
    return found


def _walk_tables(path: Path) -> None:
    """Every name and template that the tables lead to is whole, once, and in its bucket."""
    for chunk in _chunks(path):
        names = []
        for bucket, head in enumerate(struct.unpack_from("<64I", chunk, 128)):
            for at in _listed(chunk, head):
                number, length = struct.unpack_from("<HH", chunk, at + 4)
                assert (number % 64, chunk[at + 8 + 2 * length : at + 10 + 2 * length]) == (bucket, b"\0\0")
                names.append(chunk[at + 8 : at + 8 + 2 * length].decode("utf-16-le"))
        assert len(names) == len(set(names))
        assert {"Event", "System", "Provider", "EventRecordID"} <= set(names)
        templates = [at for head in struct.unpack_from("<32I", chunk, 384) for at in _listed(chunk, head)]
        assert {chunk[at + 24 : at + 28] for at in templates} == {b"\x0f\x01\x01\0"}
        assert len({chunk[at + 4 : at + 20] for at in templates}) == len(templates)


def test_same_events_give_same_bytes(tmp_path: Path) -> None:
    events = [_named(pid=number) for number in range(200)]
    first, second = (_written(tmp_path / name, events).read_bytes() for name in ("a.evtx", "b.evtx"))
    assert first == second


def test_a_log_without_events_is_a_header_that_is_read_as_empty(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.evtx", [])
    assert path.stat().st_size == 4096
    assert _read(path) == []
