"""Listings in CSV: what is one and what only looks like one, and dates of either order."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.file_listing_csv import FileListingCsv
from brokenseal.parsers.listing_times import DAY_FIRST, MONTH_FIRST
from brokenseal.parsers.whole_file import Reading, read_log


def read(text: str, block_bytes: int | None = None) -> Reading:
    return read_log(io.BytesIO(text.encode()), FileListingCsv, block_bytes=block_bytes)


@pytest.mark.parametrize(
    "header",
    [
        "FullName,Length,LastWriteTimeUtc",
        '"FullName";"Length";"LastWriteTime"',
        "Full Name\tSize\tLast Write Time (UTC)",
        "OSPath,Size,Mode,MTime",
        "SourceFile,FileSize,Created,Modified",
        "Mode,LastWriteTime,Length,Name,Directory",
    ],
)
def test_headers_of_listings(header: str) -> None:
    assert FileListingCsv.recognise_content(header + "\n")


@pytest.mark.parametrize(
    "header",
    [
        "TimeCreated,Id,LogName,Message",
        "RecordNumber,EventRecordId,TimeCreated,EventId,Provider,Channel,Computer,SourceFile",
        "SourceFilename,SourceCreated,SourceModified,SourceAccessed,ExecutableName",
        "ControlSet,CacheEntryPosition,Path,LastModifiedTimeUTC,Executed",
        "FullName,Length",
        "Algorithm,Hash,Path",
        "hello",
    ],
)
def test_headers_of_other_things(header: str) -> None:
    assert not FileListingCsv.recognise_content(header + "\n")


def test_a_row_outside_the_web_folders_tells_the_order_of_the_dates() -> None:
    header = "FullName,Length,LastWriteTimeUtc\n"
    inside = "C:\\inetpub\\a.htm,1,03/04/2021 05:00:00\n"
    assert read(header + inside + "C:\\x,1,25/04/2021 05:00:00\n").events["time"][0].as_py().month == 4
    assert read(header + "C:\\x,1,04/25/2021 05:00:00\n" + inside).events["time"][0].as_py().month == 3
    untold = read(header + inside)
    assert (untold.events["time"][0].as_py().month, untold.warnings[MONTH_FIRST], untold.warnings[DAY_FIRST]) == (
        3,
        1,
        0,
    )


@pytest.mark.parametrize("block_bytes", [40, 1000, None])
def test_the_order_told_at_the_end_holds_from_the_start(block_bytes: int | None) -> None:
    rows = "".join(f'"C:\\inetpub\\{number}.htm","1","03.04.2021 05:00:00"\n' for number in range(300))
    text = '"FullName","Length","LastWriteTimeUtc"\n' + rows + '"C:\\x","1","25.04.2021 05:00:00"\n'
    reading = read(text, block_bytes)
    assert reading.events.num_rows == 300
    assert {time.month for time in reading.events["time"].to_pylist()} == {4}
    assert not reading.warnings[DAY_FIRST]


def test_a_hidden_system_folder_is_listed() -> None:
    reading = read("FullName,LastWriteTimeUtc,Attributes\nC:\\inetpub\\x,2021-03-03 05:00:00,22\n")
    assert reading.events["attributes"].to_pylist() == ["HSD"]
