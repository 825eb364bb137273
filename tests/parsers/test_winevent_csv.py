"""Windows events as CSV: records of many lines, damaged ones, dates in the exporting machine's own order."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.parsers import WineventCsv, identify, winevent_csv
from brokenseal.parsers.blocks import MAX_LINE
from brokenseal.parsers.csv_records import BROKEN, CUT_OFF, TOO_LONG
from brokenseal.parsers.whole_file import Reading, read_log
from brokenseal.parsers.winevent_clock import PUT_RIGHT, TAKEN_AS_UTC
from brokenseal.parsers.winevent_csv import DAY_FIRST, MONTH_FIRST, NO_TIME, WRONG_CELLS

CASES = Path(__file__).parent / "cases" / "winevent_csv"
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEAD = '"Message","Id","ProviderName","LogName","MachineName","TimeCreated"'
SYSMON = "Microsoft-Windows-Sysmon"


def row(
    number: int, message: str = "text", time: str = "2021-03-03 05:06:07", host: str = "EX01", source: str = "X"
) -> str:
    cells = (message, number, source, "Application", host, time)
    return ",".join('"' + str(cell).replace('"', '""') + '"' for cell in cells)


def sysmon(number: int, utc: str, time: str, host: str = "EX01") -> str:
    return row(number, f"File created:\r\nRuleName: -\r\nUtcTime: {utc}\r\nImage: System", time, host, SYSMON)


def read(*rows: str, head: str = HEAD, block_bytes: int | None = None) -> Reading:
    return read_bytes("".join(f"{each}\r\n" for each in (head, *rows)).encode(), block_bytes)


def read_bytes(data: bytes, block_bytes: int | None = None) -> Reading:
    return read_log(io.BytesIO(data), WineventCsv, block_bytes=block_bytes)


def numbers(reading: Reading) -> list[int]:
    found: list[int] = reading.events["EventID"].to_pylist()
    return found


def reasons(reading: Reading) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in reading.rejects]


def times(reading: Reading) -> list[str]:
    return [time.isoformat(sep=" ")[:19] for time in reading.events["time"].to_pylist()]


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        f"#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n{HEAD}",
        HEAD.replace('"', ""),
        HEAD.replace(",", ";"),
        HEAD.replace(",", "\t"),
        "TimeCreated,Id,LevelDisplayName,Message",
        '"EventID","MachineName","Index","EntryType","Message","Source","TimeGenerated"',
        "Level,Date and Time,Source,Event ID,Task Category",
        "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,Computer,Payload",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_is_known_by_its_header(head: str, encoding: str) -> None:
    assert identify(f"{head}\r\n".encode(encoding), "x.txt") is WineventCsv


@pytest.mark.parametrize(
    "head",
    [
        "a,b,c",
        "Id,Name",
        '"Message"',
        "TimeCreated,Message",
        "date,time,Id,TimeCreated x,Message",
        "",
        "Message,Id,TimeCreated"[::-1],
    ],
)
def test_other_csv_is_not_taken(head: str) -> None:
    assert identify(f"{head}\r\n1,2,3\r\n".encode(), "x.csv") is None


def test_line_and_offset_are_those_of_a_records_first_line() -> None:
    first, second = row(1, 'a\r\n\r\nb, "c"\nd'), row(2)
    reading = read(first, second)
    assert reading.events["line"].to_pylist() == [2, 6]
    assert reading.events["offset"].to_pylist() == [len(HEAD) + 2, len(HEAD) + len(first) + 4]
    assert reading.events["Message"].to_pylist() == ['a\r\n\r\nb, "c"\nd', "text"]


@pytest.mark.parametrize(
    "damaged",
    [
        row(9, "a\r\nb").replace('b"', "b"),
        row(9, "a\r\nb").replace('"a', "a"),
        row(9, 'say "x"').replace('""x""', '"x"'),
        row(9, "a\r\nb\r\nc")[:-30],
        '"',
        '"a" b',
        'a"b"',
    ],
)
def test_a_damaged_mark_costs_its_own_record(damaged: str) -> None:
    for block_bytes in (None, 5):
        reading = read(row(1, "a\r\nb"), damaged, row(2, "c\r\nd"), row(3), block_bytes=block_bytes)
        assert numbers(reading) == [1, 2, 3]
        assert reasons(reading)[0] == (4, BROKEN)
        assert reading.rows_in == 3 + len(reading.rejects)


def test_damage_at_the_end_and_in_a_row_of_other_length() -> None:
    reading = read(row(1), row(2) + ',"more"', '"less"', row(3), row(4, "a\r\nb")[:5])
    assert numbers(reading) == [1, 3]
    assert reasons(reading) == [(3, WRONG_CELLS), (4, WRONG_CELLS), (6, CUT_OFF)]


def test_a_record_that_is_too_long_is_rejected_and_the_next_one_read() -> None:
    long = "x" * 1000 + "\r\n"
    reading = read(row(1), row(2, long * (MAX_LINE // len(long) + 1)), row(3), block_bytes=1 << 20)
    assert numbers(reading) == [1, 3]
    assert [reason for _, reason in reasons(reading)][:1] == [TOO_LONG]
    reading = read(row(1), row(2, "a\r\n" + "x" * (MAX_LINE + 10) + "\r\nb"), row(3))
    assert numbers(reading) == [1, 3]
    assert [reason for _, reason in reasons(reading)][:2] == [CUT_OFF, "line is too long"]


def test_exports_put_together_in_one_file() -> None:
    other = '"Id","TimeCreated","LogName"'
    text = "\r\n".join(
        [
            HEAD,
            row(1),
            HEAD,
            row(2),
            "#TYPE x",
            other,
            '"3","2021-03-03 05:06:07","System"',
            HEAD.replace(",", ";"),
            row(4).replace(",", ";"),
        ]
    )
    reading = read_bytes(f"{text}\r\n".encode())
    assert numbers(reading) == [1, 2, 3, 4]
    assert reading.events["line"].to_pylist() == [2, 4, 7, 9]
    assert not reading.rejects


def test_rows_before_any_header_are_rejected() -> None:
    reading = read("b,c", HEAD, row(1), head="a")
    assert reasons(reading) == [(1, winevent_csv.NO_HEADER), (2, winevent_csv.NO_HEADER)]
    assert numbers(reading) == [1]


@pytest.mark.parametrize(
    ("rows", "wanted", "warnings"),
    [
        (["3/4/2021 1:00:00 AM", "3/13/2021 1:00:00 AM"], ["2021-03-04", "2021-03-13"], {}),
        (["3/4/2021 1:00:00 AM", "13/3/2021 1:00:00 AM"], ["2021-04-03", "2021-03-13"], {}),
        (["3/4/2021 1:00:00 AM", "3/3/2021 1:00:00 AM"], ["2021-03-04", "2021-03-03"], {MONTH_FIRST: 1}),
        (["03.04.2021 01:00:00"], ["2021-04-03"], {DAY_FIRST: 1}),
        (["2021-03-04 01:00:00"], ["2021-03-04"], {}),
        (["04.13.2021 01:00:00", "03.04.2021 01:00:00"], ["2021-04-13", "2021-03-04"], {}),
    ],
)
def test_day_and_month_are_told_by_the_whole_file(rows: list[str], wanted: list[str], warnings: dict[str, int]) -> None:
    for block_bytes in (None, 5):
        reading = read(*(row(1, time=time) for time in rows), block_bytes=block_bytes)
        assert [time[:10] for time in times(reading)] == wanted
        assert reading.warnings == {TAKEN_AS_UTC: len(rows)} | warnings


def test_only_so_much_of_a_file_is_read_ahead_for_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        row(1, time="3/4/2021 1:00:00 AM"),
        row(2, "x" * 500),
        row(3, time="13/4/2021 1:00:00 AM"),
        row(4, time="3/4/2021 1:00:00 AM"),
    ]
    monkeypatch.setattr(winevent_csv, "UNTOLD_BYTES", 400)
    for block_bytes in (None, 5, 700):
        reading = read(*rows, block_bytes=block_bytes)
        assert [time[:10] for time in times(reading)] == ["2021-03-04", "2021-03-03", "2021-04-13", "2021-03-04"]
        assert reading.warnings[MONTH_FIRST] == 2


def test_sysmons_utc_time_is_used_and_tells_order_and_zone() -> None:
    rows = [
        row(1, time="3/4/2021 1:00:00 AM"),
        sysmon(11, "2021-04-03 06:00:05.250", "3/4/2021 1:00:06 AM"),
        row(2, time="3/4/2021 1:00:07 AM"),
        row(3, time="3/4/2021 1:00:08 AM", host="EX02"),
    ]
    for block_bytes in (None, 5):
        reading = read(*rows, block_bytes=block_bytes)
        assert times(reading) == [
            "2021-04-03 01:00:00",
            "2021-04-03 06:00:05",
            "2021-04-03 06:00:07",
            "2021-04-03 01:00:08",
        ]
        assert reading.warnings == {TAKEN_AS_UTC: 2, PUT_RIGHT: 2}


@pytest.mark.parametrize("time", ["soon", "", "31.02.2021 01:00:00", "13/13/2021 1:00:00", "1/1/0000 1:00:00"])
def test_a_time_that_cannot_be_read_is_a_reject(time: str) -> None:
    reading = read(row(1, time=time), row(2))
    assert reasons(reading) == [(2, NO_TIME)]
    assert numbers(reading) == [2]


def test_without_a_message_or_a_source_a_row_is_still_an_event() -> None:
    reading = read("1,2021-03-03 05:06:07,Security", head="Id,TimeCreated,LogName")
    (event,) = reading.events.to_pylist()
    assert (event["EventID"], event["Channel"], event["Provider_Name"], event["Message"], event["Data"]) == (
        1,
        "Security",
        None,
        None,
        None,
    )


def test_a_message_of_any_text_becomes_json() -> None:
    message = 'tab\there \\ "quoted" \x01 ünï \U0001f600 ␞'
    head = HEAD.replace('"LogName"', '"Qualifiers"')
    reading = read(row(1, message), head=head)
    assert json.loads(reading.events["Data"][0].as_py()) == {"Data": message}


def corpus() -> list[bytes]:
    lines: set[bytes] = set()
    for path in CASES.glob("*/input.*"):
        if "utf16" not in path.parent.name:
            lines.update(line.rstrip(b"\r") for line in path.read_bytes().split(b"\n"))
    return sorted(lines)


def near_valid() -> st.SearchStrategy[bytes]:
    lines = st.sampled_from(corpus())
    rows = st.sampled_from(
        [row(1).encode(), row(2, "a\r\nb").encode(), row(3, time="13.3.2021 1:00:00").encode(), HEAD.encode()]
    )
    odd = st.sampled_from([b'"', b'""', b",", b";", b"\0", b"\xff", b"\r", b" ", b"\n", b"#", b"\xef\xbb\xbf"])
    damaged = st.builds(
        lambda line, at, piece: line[:at] + piece + line[at:], st.one_of(lines, rows), st.integers(0, 300), odd
    )
    body = st.lists(st.tuples(st.one_of(rows, lines, damaged), st.sampled_from([b"\n", b"\r\n"])), max_size=12)
    head = st.sampled_from([HEAD.encode() + b"\n", b""])
    return st.builds(
        lambda first, pieces, last: first + b"".join(a + b for a, b in pieces) + last,
        head,
        body,
        st.one_of(st.just(b""), damaged),
    )


@QUICK
@given(near_valid(), st.integers(1, 700), st.sampled_from([winevent_csv.UNTOLD_BYTES, 300]))
def test_what_comes_of_a_file_does_not_hang_on_the_block_size(data: bytes, block_bytes: int, untold: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winevent_csv, "UNTOLD_BYTES", untold)
        whole, pieces = read_bytes(data), read_bytes(data, block_bytes)
    assert pieces.events.to_pylist() == whole.events.to_pylist()
    assert pieces.rejects == whole.rejects
    assert pieces.warnings == whole.warnings
    assert pieces.tally == whole.tally
    assert whole.rows_in == pieces.rows_in == whole.events.num_rows + len(whole.rejects)
    assert whole.events["time"].null_count == 0
    lines = Counter(whole.events["line"].to_pylist())
    lines.update(each.line for each in whole.rejects)
    assert set(lines.values()) <= {1}, "a record became two"


LINES = st.text(st.sampled_from("ab,;\t #\\\xff"), min_size=1, max_size=30).filter(
    lambda text: text.strip("\t #") != ""
)


@QUICK
@given(
    st.lists(st.one_of(LINES, st.just(row(1)), st.just(row(2) + ","), st.just("#TYP")), max_size=12),
    st.integers(1, 300),
)
def test_every_line_is_accounted_for_where_no_cell_spans_lines(lines: list[str], block_bytes: int) -> None:
    for head in (HEAD, HEAD.replace('"', "")):
        reading = read(*lines, head=head, block_bytes=block_bytes)
        seen = sorted([*reading.events["line"].to_pylist(), *(each.line for each in reading.rejects)])
        if head is HEAD:
            # Lines without marks among such as have them are damage: it reaches to the next row in order.
            rows = [number for number, line in enumerate(lines, start=2) if line.startswith('"')]
            assert set(rows) <= set(seen)
            assert not lines or seen[0] == 2
        else:
            assert seen == list(range(2, len(lines) + 2))


@QUICK
@given(
    st.lists(st.tuples(st.text(max_size=40), st.sampled_from(["\n", "\r\n"])), min_size=1, max_size=8),
    st.integers(1, 300),
)
def test_any_message_comes_back_as_it_was(messages: list[tuple[str, str]], block_bytes: int) -> None:
    kept = [
        "".join(char for char in text if (char not in "\0\r\ufeff\ud800" and char.isprintable()) or char == "\n")
        for text, _ in messages
    ]
    text = (
        HEAD
        + "\n"
        + "".join(row(number, each) + end for number, (each, (_, end)) in enumerate(zip(kept, messages, strict=True)))
    )
    reading = read_bytes(text.encode("utf-8", "ignore"), block_bytes)
    assert not reading.rejects
    assert reading.events["Message"].to_pylist() == [each or None for each in kept]


def test_what_is_read_from_messages_is_what_the_events_have() -> None:
    """The OTRF data set has both: its messages, written as Get-WinEvent would, against the fields beside them."""
    from zipfile import ZipFile

    folder = Path(__file__).resolve().parents[3] / "shared" / "evidence" / "otrf-proxylogon"
    archives = sorted(folder.glob("*.zip"))
    if not archives:
        pytest.skip("no OTRF data set beside the repository")
    with ZipFile(archives[0]) as archive:
        data = archive.read(next(name for name in archive.namelist() if name.endswith(".json")))
    wanted: list[dict[str, Any]] = [json.loads(line) for line in data.splitlines()]
    reading = read(
        *(
            row(
                each["EventID"],
                each["Message"],
                each["TimeCreated"][:19].replace("T", " "),
                each["Hostname"],
                each["SourceName"],
            )
            for each in wanted
        )
    )
    assert (reading.events.num_rows, len(reading.rejects)) == (10_487, 0)
    for event, each in zip(reading.events.to_pylist(), wanted, strict=True):
        fields = json.loads(event["Data"] or "{}")
        if each["SourceName"] == SYSMON:
            assert set(fields) == set(fields) & set(each)
            assert {name: value.lower() for name, value in fields.items()} == {
                name: each[name].lower() for name in fields
            }
            assert "UtcTime" in fields
        elif each["EventID"] == 4688:
            telling = (
                "NewProcessName",
                "ParentProcessName",
                "CommandLine",
                "SubjectUserName",
                "NewProcessId",
                "ProcessId",
            )
            assert {name: fields.get(name, "") for name in telling} == {name: each.get(name, "") for name in telling}
