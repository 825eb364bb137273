"""MFTECmd's list of the $MFT: what it is known by, and that dropped rows are counted."""

from __future__ import annotations

import io

from brokenseal.parsers.mftecmd_csv import MftecmdCsv
from brokenseal.parsers.web_paths import OUTSIDE
from brokenseal.parsers.whole_file import read_log

HEADER = (
    "EntryNumber,SequenceNumber,InUse,ParentEntryNumber,ParentSequenceNumber,ParentPath,FileName,Extension,FileSize,"
    "ReferenceCount,ReparseTarget,IsDirectory,HasAds,IsAds,SI<FN,uSecZeros,Copied,SiFlags,NameType,Created0x10,"
    "Created0x30,LastModified0x10,LastModified0x30\n"
)


def row(path: str, name: str, entry: int = 1) -> str:
    times = "2021-03-03 05:12:44.1234567,,2021-03-03 05:12:44.1234567,"
    return f"{entry},1,True,2,1,{path},{name},.x,1,1,,False,False,False,False,False,False,Archive,Windows,{times}\n"


def test_other_lists_of_the_same_tool_are_not_taken() -> None:
    journal = (
        "Name,Extension,EntryNumber,ParentPath,UpdateSequenceNumber,UpdateTimestamp,UpdateReasons,FileAttributes\n"
    )
    assert MftecmdCsv.recognise_content(HEADER)
    assert MftecmdCsv.recognise_content("\n" + HEADER)
    assert not MftecmdCsv.recognise_content(journal)
    assert not MftecmdCsv.recognise_content("FullName,Length,LastWriteTimeUtc\n")


def test_rows_in_are_events_rejects_and_rows_that_were_dropped() -> None:
    rows = [row(".\\Windows\\System32", f"f{number}.dll", number) for number in range(2000)]
    rows[700] = row(".\\inetpub\\wwwroot", "a.aspx", 700)
    rows[900] = "broken\n"
    reading = read_log(io.BytesIO((HEADER + "".join(rows)).encode()), MftecmdCsv, block_bytes=10_000)
    assert reading.events["entry"].to_pylist() == [700]
    assert len(reading.rejects) == 1
    assert reading.warnings[OUTSIDE] == 1998
    assert reading.rows_in + reading.warnings[OUTSIDE] == 2000


def test_scripts_are_kept_wherever_they_lie() -> None:
    names = ["a.ASPX", "b.php", "c.jsp", "web.config", "d.txt", "e.aspx.bak"]
    text = HEADER + "".join(row(".\\data\\site", name) for name in names)
    reading = read_log(io.BytesIO(text.encode()), MftecmdCsv)
    assert reading.events["path"].to_pylist() == [f"\\data\\site\\{name}" for name in names[:4]]
