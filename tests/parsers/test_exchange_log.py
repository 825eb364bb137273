"""Valid rows of every CSV kind against Python's csv module, and the headers that the kinds share."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import Settings, identify, kinds, parser_for
from brokenseal.parsers.columns import Cell
from brokenseal.parsers.exchange_log import ExchangeLogParser, has_fields, log_type, normal_build
from brokenseal.parsers.whole_file import read_log
from brokenseal.parsers.whole_lines import WholeLineParser

CSV_KINDS = [
    kind
    for kind in kinds()
    if issubclass(parser_for(kind), ExchangeLogParser) and not issubclass(parser_for(kind), WholeLineParser)
]
#: What can stand in a cell of a valid file; what a block does to odd characters is tested elsewhere.
CELLS = st.one_of(
    st.sampled_from(["", "a,b", 'say "x"', '"', '""', ",", " padded ", "#x", "Zoë", "a\u2028b", "-", "NULL", "null"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0\ufeff"), max_size=8),
)
NUMBERS = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
TIMES = st.datetimes(datetime(1970, 1, 1))


def test_there_are_five_csv_kinds() -> None:
    assert CSV_KINDS == ["cmdlet", "ews", "httpproxy", "mapi", "message_tracking"]


@pytest.mark.parametrize("kind", CSV_KINDS)
def test_valid_rows_are_what_csv_reads(kind: str) -> None:
    parser = parser_for(kind)
    columns = {column.log_fields[0]: column for column in parser.columns}

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        names = data.draw(
            st.lists(st.sampled_from([*columns, "Unknown1", "Unknown2"]), unique=True, min_size=1, max_size=8)
        )
        names.insert(0, "DateTime")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        text.write("#Fields: " + ",".join(names) + "\r\n")
        for _ in range(data.draw(st.integers(1, 5))):
            row: list[str] = []
            for name in names:
                column = columns.get(name)
                if name == "DateTime":
                    row.append(data.draw(TIMES).isoformat(timespec="milliseconds") + "Z")
                elif column is not None and column.cell is not Cell.TEXT:
                    number = data.draw(NUMBERS)
                    row.append("" if number is None else str(number))
                else:
                    row.append(data.draw(CELLS))
            writer.writerow(row)
        content = text.getvalue()
        expected = list(csv.reader(io.StringIO(content, newline=""), strict=True))[1:]

        reading = read_log(io.BytesIO(content.encode()), parser)
        assert not reading.rejects
        assert not reading.warnings
        found = reading.events.to_pylist()
        assert len(found) == len(expected)
        for event, cells in zip(found, expected, strict=True):
            for name, cell in zip(names, cells, strict=True):
                column = columns.get(name)
                if name == "DateTime":
                    assert event["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z") == cell
                elif column is not None:
                    value = event[column.name]
                    assert ("" if value is None else str(value)) == cell

    run()


@pytest.mark.parametrize("kind", CSV_KINDS)
def test_the_time_is_of_the_first_time_field_known_whatever_the_order(kind: str) -> None:
    for fields, row in [
        ("DateTime,TimeStamp", "2021-03-03T01:00:00.000Z,2020-01-01T00:00:00.000Z"),
        ("date-time,TimeStamp,DateTime", "2019-01-01T00:00:00.000Z,2020-01-01T00:00:00.000Z,2021-03-03T01:00:00.000Z"),
    ]:
        reading = read_log(io.BytesIO(f"#Fields: {fields}\n{row}\n".encode()), parser_for(kind))
        assert [time.year for time in reading.events["time"].to_pylist()] == [2021]


def test_an_absurd_header_is_none() -> None:
    content = "#Fields: DateTime" + ",x" * 5000 + "\n2021-03-03T01:00:00.000Z" + ",y" * 5000 + "\n"
    reading = read_log(io.BytesIO(content.encode()), parser_for("httpproxy"))
    assert [each.reason for each in reading.rejects] == [
        "no #Fields header before this row, and its layout is not known"
    ]


def test_the_header_of_one_file_is_not_that_of_the_next() -> None:
    first = parser_for("httpproxy")("a", Settings())
    second = parser_for("httpproxy")("b", Settings())
    assert isinstance(first, ExchangeLogParser)
    assert isinstance(second, ExchangeLogParser)
    first.directive("#Fields: DateTime,AnchorMailbox", 1)
    assert second.header is None


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("15.01.2375.007", "15.1.2375.7"),
        (" 15.0.0.0 ", "15.0.0.0"),
        ("15.1.2375", None),
        ("15.1.2375.x", None),
        ("15.1.٢.7", None),
        ("1.2.3.4.5", None),
        ("", None),
    ],
)
def test_normal_build(version: str, build: str | None) -> None:
    assert normal_build(version) == build


def test_log_type_and_fields_are_read_whatever_their_case_and_line_end() -> None:
    head = "#SOFTWARE: x\r\n#LOG-TYPE:  HttpProxy Logs \r\n#fields: DateTime, RequestId\r\n"
    assert log_type(head) == "httpproxy logs"
    assert has_fields(head, "datetime", "REQUESTID")
    assert not has_fields(head, "DateTime", "AnchorMailbox")
    assert log_type("row,#Log-type: HttpProxy Logs\n") is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("httpproxy", "Logging/HttpProxy/Owa/HttpProxy_2021030304-1.LOG"),
        ("httpproxy", "HttpProxy_2021030304-12.log.gz"),
        ("ews", "Logging/Ews/Ews_2021030304-1.LOG"),
        ("mapi", "Logging/MapiHttp/Mailbox/MapiHttp_2021030304-1.LOG"),
        ("cmdlet", "Logging/CmdletInfra/LocalPowerShell/Cmdlet/Rps_Cmdlet_2021030304-1.LOG"),
        ("message_tracking", "TransportRoles/Logs/MessageTracking/MSGTRKMA2021030304-1.LOG"),
        ("message_tracking", "MSGTRK2021030304-1.LOG"),
        ("ecp_server", "Logging/ECP/Server/ECPServer20210303-1.LOG"),
        ("oab_generator", "Logging/OABGeneratorLog/OABGen20210303-1.LOG"),
        ("oab_generator", "Logging/OABGeneratorSimpleLog/x.log"),
        ("iis", "inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"),
        ("iis", "u_ex210303_x.log.gz"),
    ],
)
def test_a_file_that_says_nothing_is_known_by_its_name(kind: str, name: str) -> None:
    for head in (b"", b"half a row\r\n"):
        parser = identify(head, name)
        assert parser is not None
        assert parser.kind == kind
    assert identify(b"#Log-type: SMTP Receive Protocol Log\r\n", name) is None
    assert identify(b"#Fields: a,b\r\n", name) is None
    assert identify(b"\x01\x02\x03\x04" * 50, name) is None


@pytest.mark.parametrize(
    "name", ["Logging/ECP/Activity/ECPActivity_11500_20210303-1.LOG", "RECV2021030304-1.LOG", "x.log", "ex.txt", ""]
)
def test_other_names_are_not_taken(name: str) -> None:
    assert identify(b"half a row\r\n", name) is None
