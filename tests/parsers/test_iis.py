"""IIS: valid rows against ``split``, what other logs of the same look are, and the real samples."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import Iis, Settings, identify
from brokenseal.parsers.columns import Cell
from brokenseal.parsers.whole_file import Reading, read_log

DEFAULT = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status time-taken"
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0\ufeff "), min_size=1, max_size=8)
NUMBER = st.one_of(st.just("-"), st.integers(0, 2**31 - 1).map(str))


def read(text: str, zone: str = "UTC") -> Reading:
    return read_log(io.BytesIO(text.encode()), Iis, settings=Settings(iis_timezone=zone))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_valid_rows_are_what_split_gives(data: st.DataObject) -> None:
    columns = {name: column for column in Iis.columns for name in column.log_fields[:1]}
    fields = data.draw(st.lists(st.sampled_from([*columns, "x-one", "X-Two"]), unique=True, min_size=1, max_size=8))
    fields = ["date", *fields, "time", "sc-status" if "sc-status" not in fields else "x-three"]
    lines = ["#Fields: " + " ".join(fields)]
    for _ in range(data.draw(st.integers(1, 5))):
        cells: list[str] = []
        for field in fields:
            column = columns.get(field)
            if field == "date":
                cells.append(data.draw(st.dates(date(1970, 1, 1))).isoformat())
            elif field == "time":
                cells.append(data.draw(st.times()).isoformat("seconds"))
            else:
                cells.append(data.draw(TEXT if column is None or column.cell is Cell.TEXT else NUMBER))
        lines.append(" ".join(cells))
    reading = read("\n".join(lines) + "\n")

    assert not reading.rejects
    found = reading.events.to_pylist()
    assert len(found) == len(lines) - 1
    for event, line in zip(found, lines[1:], strict=True):
        cells = line.split(" ")
        moment = datetime.fromisoformat(f"{cells[0]}T{cells[fields.index('time')]}").replace(tzinfo=UTC)
        assert event["time"] == moment
        custom: list[str] = []
        for field, cell in zip(fields, cells, strict=True):
            if field in columns:
                value = event[columns[field].name]
                assert ("-" if value is None else str(value)) == cell
            elif field not in ("date", "time") and cell != "-":
                custom.append(f"{field}={cell}")
        assert (event["extra"] or "") == " ".join(custom)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 11 * 3600), min_size=1, max_size=12),
    st.integers(0, 86_399),
    st.integers(1, 400),
    st.sets(st.integers(0, 11)),
)
def test_times_without_a_date_pass_midnight(steps: list[int], first: int, block_bytes: int, spaced: set[int]) -> None:
    start = datetime(2021, 3, 3, tzinfo=UTC) + timedelta(seconds=first)
    moments = [start + timedelta(seconds=sum(steps[: at + 1])) for at in range(len(steps))]
    lines = [f"#Date: {start:%Y-%m-%d %H:%M:%S}", "#Fields: time c-ip cs-username cs-uri-stem sc-status"]
    for at, moment in enumerate(moments):
        user = "two words" if at in spaced else "-"
        lines.append(f"{moment:%H:%M:%S} 198.51.100.7 {user} /{at} 200")
    data = io.BytesIO("\n".join(lines).encode() + b"\n")
    reading = read_log(data, Iis, block_bytes=block_bytes)
    assert reading.events["time"].to_pylist() == moments
    assert reading.events["cs-uri-stem"].to_pylist() == [f"/{at}" for at in range(len(moments))]


@settings(max_examples=40, deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_local_times_are_read_as_the_zone_has_them(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    reading = read(f"#Fields: date time c-ip cs-uri-stem\n{local:%Y-%m-%d %H:%M:%S} 198.51.100.7 /\n", zone)
    assert reading.events["time"].to_pylist() == [local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)]


@pytest.mark.parametrize(
    "head",
    [
        # Windows firewall, HTTP.sys errors, FTP of IIS, another product's W3C log
        "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n"
        "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack info\n",
        "#Software: Microsoft HTTP API 2.0\n#Version: 1.0\n#Date: 2021-03-03 00:00:00\n"
        "#Fields: date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename\n",
        "#Software: Microsoft Internet Information Services 10.0\n"
        "#Fields: date time c-ip cs-username s-ip s-port cs-method cs-uri-stem sc-status x-session x-fullpath\n",
        "#Software: SomeProxy\n#Fields: date time c-ip cs-method cs-uri sc-status\n",
    ],
)
@pytest.mark.parametrize("name", ["u_ex210303.log", "x.log"])
def test_other_logs_in_the_same_syntax_are_not_taken(head: str, name: str) -> None:
    assert identify(head.encode(), name) is None


@pytest.mark.parametrize(
    "head",
    [
        "#Software: Microsoft Internet Information Services 8.5\n",
        "#Software: Microsoft Internet Information Services 5.0\n#Fields: date c-ip sc-status\n",
        "#Fields: date time c-ip cs-uri-stem\n",
        "2021-03-03 05:00:01 192.0.2.10 GET /owa/ - 443 - 198.51.100.7 UA - 200 0 0 31\r\n",
    ],
)
def test_iis_is_known_by_its_content(head: str) -> None:
    assert identify(head.encode(), "x.txt") is Iis
    assert identify(head.encode("utf-16"), "x.txt") is Iis


@pytest.mark.parametrize(
    ("row", "place"),
    [
        # fifteen cells, but not the default selection of fields
        ("2021-03-03 05:00:00 192.0.2.10 GET /owa/ - 443 - 198.51.100.7 UA 200 0 0 31 203.0.113.5", "time-taken"),
        ("2021-03-03 05:00:00 W3SVC1 192.0.2.10 GET /owa/ - 443 - 198.51.100.7 UA 200 0 0 31", "s-ip"),
        ("2021-03-03 05:00:00 192.0.2.10 GET /owa/ - 443 - 198.51.100.7 HTTP/1.1 UA - 200 0 0", "time-taken"),
        ("2021-03-03 05:00:00 192.0.2.10 GET owa - 443 - 198.51.100.7 UA - 200 0 0 31", "cs-uri-stem"),
        ("2021-03-03 05:00:00 192.0.2.10 GET /owa/ - 443 - 198.51.100.7 UA - 0 0 0 31", "sc-status"),
    ],
)
def test_a_row_without_header_is_only_read_if_it_can_be_nothing_else(row: str, place: str) -> None:
    reading = read(row + "\n")
    assert not reading.events.num_rows, place
    assert [each.reason for each in reading.rejects] == [
        "no #Fields header before this row, and its layout is not known"
    ]


def test_custom_fields_never_take_the_place_of_the_tables_own_columns() -> None:
    header = "#Fields: date time c-ip line offset host source_id Build\n"
    (event,) = read(header + "2021-03-03 05:00:00 192.0.2.1 9 9 x 9 y\n").events.to_pylist()
    assert (event["line"], event["offset"], event["host"], event["source_id"]) == (2, len(header), None, None)
    assert event["extra"] == "line=9 offset=9 host=x source_id=9 Build=y"


def test_a_name_that_looks_like_cells_does_not_move_the_address() -> None:
    row = "2021-03-03 05:00:00 192.0.2.10 GET / - 443 a 203.0.113.99 b 198.51.100.7 UA - 200 0 0 31"
    reading = read(f"#Fields: {DEFAULT}\n{row}\n")
    assert reading.events["c-ip"].to_pylist() == ["198.51.100.7"]
    assert reading.events["cs-username"].to_pylist() == ["a 203.0.113.99 b"]
