"""The master file table as it is: records built after the format's documentation, whole, odd and hostile."""

from __future__ import annotations

import io
import struct
from datetime import datetime

import pytest

from brokenseal.parsers.listing_times import NO_TIME
from brokenseal.parsers.mft import CUT_OFF, NO_NAME, TORN_RECORD, Mft
from brokenseal.parsers.mft_folders import MOST_FOLDERS
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_file import Reading, read_log

#: 2021-03-03T05:12:44.1234567Z in units of 100 ns since 1601.
WHEN = int((datetime(2021, 3, 3, 5, 12, 44) - datetime(1601, 1, 1)).total_seconds()) * 10_000_000 + 1_234_567
IN_USE, FOLDER = 1, 2
SI, FN, DATA = 0x10, 0x30, 0x80


def attribute(kind: int, content: bytes, name: str = "") -> bytes:
    title = name.encode("utf-16-le")
    begin = (24 + len(title) + 7) & ~7
    size = (begin + len(content) + 7) & ~7
    head = struct.pack("<IIBBHHHIHBB", kind, size, 0, len(name), 24, 0, 0, len(content), begin, 0, 0)
    return (head + title).ljust(begin, b"\0") + content.ljust(size - begin, b"\0")


def far_away(size: int, first_cluster: int = 0, name: str = "") -> bytes:
    """A data attribute whose content lies elsewhere on the volume."""
    title = name.encode("utf-16-le")
    head = struct.pack("<IIBBHHH", DATA, 72 + (len(title) + 7 & ~7), 1, len(name), 64, 0, 0)
    return (head + struct.pack("<QQHHIQQQ", first_cluster, 0, 64, 0, 0, size, size, size) + title).ljust(
        72 + (len(title) + 7 & ~7), b"\0"
    )


def times(created: int = WHEN, modified: int = WHEN, flags: int = 0x20) -> bytes:
    return attribute(SI, struct.pack("<QQQQIIII", created, modified, WHEN, WHEN, flags, 0, 0, 0))


def named(name: str, folder: int, sequence: int = 1, kind: int = 1, when: int = WHEN) -> bytes:
    letters = name.encode("utf-16-le")
    head = struct.pack("<QQQQQQQII", folder | sequence << 48, when, when, when, when, 0, 0, 0x20, 0)
    return attribute(FN, head + bytes([len(letters) // 2, kind]) + letters)


def record(flags: int, *attributes: bytes, sequence: int = 1, base: int = 0, size: int = 1024) -> bytes:
    sectors = size // 512
    begin = (48 + 2 * (sectors + 1) + 7) & ~7
    body = b"".join(attributes) + struct.pack("<II", 0xFFFFFFFF, 0)
    head = b"FILE" + struct.pack(
        "<HHQHHHHIIQHHI", 48, sectors + 1, 0, sequence, 1, begin, flags, begin + len(body), size, base, 9, 0, 0
    )
    made = bytearray((head.ljust(begin, b"\0") + body).ljust(size, b"\0"))
    made[48:50] = b"\7\7"
    for sector in range(sectors):
        end = (sector + 1) * 512 - 2
        made[50 + 2 * sector : 52 + 2 * sector] = made[end : end + 2]
        made[end : end + 2] = b"\7\7"
    return bytes(made)


def table(*records: bytes, size: int = 1024) -> bytes:
    """A file of the records, after the 24 that each volume has: record 5 is the root, 24 is ``inetpub``."""
    own = [
        record(IN_USE, times(), named("$MFT" if number == 0 else f"$Own{number}", 5, 5), size=size)
        for number in range(24)
    ]
    own[5] = record(IN_USE | FOLDER, times(), named(".", 5, 5), sequence=5, size=size)
    return b"".join([*own, record(IN_USE | FOLDER, times(), named("inetpub", 5, 5), size=size), *records])


def read(data: bytes, name: str = "$MFT") -> Reading:
    return read_log(io.BytesIO(data), Mft, name=name)


def paths(reading: Reading) -> list[str]:
    found: list[str] = reading.events["path"].to_pylist()
    return found


def test_what_it_is_known_by() -> None:
    data = table()
    assert Mft.recognise_bytes(data[: 64 << 10])
    assert Mft.recognise_bytes(data[:1024])
    assert not Mft.recognise_bytes(b"FILE" + data[4:60])
    assert not Mft.recognise_bytes(b"FILE0 is a word, and $MFT another\n" * 40)
    assert Mft.recognise_name("uploads/C/$MFT")
    assert not Mft.recognise_name("uploads/C/$MFTMirr")


def test_all_digits_of_a_time_are_kept() -> None:
    (event,) = read(table(record(IN_USE, times(), named("a.aspx", 24)))).events.to_pylist()[1:]
    assert event["created"] == event["fn_modified"] == "2021-03-03T05:12:44.1234567Z"
    assert event["time"].isoformat(timespec="milliseconds") == "2021-03-03T05:12:44.123+00:00"
    assert (event["path"], event["line"], event["offset"]) == ("\\inetpub\\a.aspx", 26, 25 * 1024)


@pytest.mark.parametrize("size", [1024, 4096])
def test_records_of_both_sizes(size: int) -> None:
    long = "n" * 255
    data = table(record(IN_USE, times(), named(long, 24), far_away(123_456), size=size), size=size)
    (event,) = read(data).events.to_pylist()[1:]
    assert (event["path"], event["size"]) == (f"\\inetpub\\{long}", 123_456)


def test_the_size_is_that_of_the_file_not_of_another_stream_or_a_later_piece() -> None:
    data = attribute(DATA, b"x" * 9, "hidden") + far_away(77, name="far") + attribute(DATA, b"12345") + far_away(99, 4)
    (event,) = read(table(record(IN_USE, times(), named("a.aspx", 24), data))).events.to_pylist()[1:]
    assert event["size"] == 5


def test_a_file_set_back_in_time_and_a_record_without_its_own_times() -> None:
    old = WHEN - 10_000_000 * 86_400 * 365
    set_back = record(IN_USE, times(created=old - old % 10_000_000), named("a.aspx", 24))
    timeless = record(IN_USE, named("b.aspx", 24))
    nothing = record(IN_USE, named("c.aspx", 24, when=0))
    reading = read(table(set_back, timeless, nothing))
    first, second = reading.events.to_pylist()[1:]
    assert (first["si_before_fn"], first["zero_subseconds"]) == ("true", "true")
    assert (second["created"], second["attributes"], second["si_before_fn"]) == (None, None, None)
    assert second["time"].isoformat(timespec="milliseconds") == "2021-03-03T05:12:44.123+00:00"
    assert [(each.reason, each.line) for each in reading.rejects] == [(NO_TIME, 28)]


def test_short_names_are_only_taken_where_there_is_no_other() -> None:
    both = record(IN_USE, times(), named("LONGNA~1.ASP", 24, kind=2), named("longname.aspx", 24))
    alone = record(IN_USE, times(), named("ALONE~1.ASP", 24, kind=2))
    assert paths(read(table(both, alone)))[1:] == ["\\inetpub\\longname.aspx", "\\inetpub\\ALONE~1.ASP"]


def test_a_removed_folder_is_known_until_its_record_is_used_again() -> None:
    removed = record(FOLDER, times(), named("wwwroot", 24), sequence=2)
    inside = record(0, times(), named("a.htm", 25))
    used_again = record(IN_USE | FOLDER, times(), named("logs", 24), sequence=4)
    lost = record(0, times(), named("b.aspx", 27, sequence=2))
    reading = read(table(removed, inside, used_again, lost))
    assert paths(reading)[1:] == [
        "\\inetpub\\wwwroot",
        "\\inetpub\\wwwroot\\a.htm",
        "\\inetpub\\logs",
        "\\[unknown folder]\\b.aspx",
    ]
    assert reading.events["deleted"].to_pylist()[1:] == ["true", "true", None, "true"]


def test_folders_in_a_circle_and_too_deep_end_somewhere() -> None:
    circle = [record(IN_USE | FOLDER, times(), named("a", 26)), record(IN_USE | FOLDER, times(), named("b", 25))]
    inside = record(IN_USE, times(), named("x.aspx", 25))
    (path,) = paths(read(table(*circle, inside)))[1:]
    assert path.startswith("\\[unknown folder]\\")
    assert path.endswith("\\a\\x.aspx")
    deep = [record(IN_USE | FOLDER, times(), named("d", 24 + number)) for number in range(3 * MOST_FOLDERS)]
    reading = read(table(*deep))
    assert reading.events.num_rows == 1 + 3 * MOST_FOLDERS
    assert paths(reading)[2] == "\\inetpub\\d\\d"
    assert paths(reading)[-1].count("\\d") == MOST_FOLDERS + 1


def test_damaged_records_are_named_and_their_neighbours_read() -> None:
    torn = bytearray(record(IN_USE, times(), named("torn.aspx", 24)))
    torn[510] ^= 1
    wild = bytearray(record(IN_USE, times(), named("wild.aspx", 24)))
    wild[56 + 4 : 56 + 8] = struct.pack("<I", 0x7FFFFFFF)
    reading = read(table(bytes(torn), bytes(wild), record(IN_USE, times(), named("good.aspx", 24))) + b"FILE")
    assert [(each.line, each.reason) for each in reading.rejects] == [(26, TORN_RECORD), (29, CUT_OFF)]
    assert paths(reading)[1:] == ["\\inetpub\\good.aspx"]
    assert reading.warnings[NO_NAME] == 1


def test_a_record_that_continues_another_gives_no_row() -> None:
    reading = read(table(record(IN_USE, named("part.aspx", 24), base=24)))
    assert paths(reading) == ["\\inetpub"]
    assert reading.warnings == {OUTSIDE: 24, NO_NAME: 1}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("C/$MFT", "C:\\inetpub"),
        ("host/uploads/ntfs/D%3A/$MFT", "D:\\inetpub"),
        ("$MFT", "\\inetpub"),
        ("E:\\$MFT", "E:\\inetpub"),
    ],
)
def test_the_drive_comes_from_where_the_table_was(name: str, path: str) -> None:
    assert paths(read(table(), name)) == [path]
