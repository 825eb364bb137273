"""The common work of the delimited logs: what is a row, in which order things come, and what is said of the last line."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers import Iis, Parser, Settings, parser_for
from brokenseal.parsers.blocks import Tally, read_blocks
from brokenseal.parsers.delimited import HIDDEN_LINES, NO_HEADER, NOTHING, ODD_DIRECTIVE
from brokenseal.parsers.whole_file import Reading, read_log

HEADER = "#Fields: date time c-ip cs-uri-stem sc-status\n"
ROW = "2021-03-03 05:00:00 198.51.100.7 /{} 200\n"


def read(text: str, parser: type[Parser] = Iis) -> Reading:
    return read_log(io.BytesIO(text.encode()), parser)


def test_blank_lines_directives_and_headers_are_no_rows() -> None:
    reading = read("\n\r\n" + HEADER + "\n#Date: 2021-03-03\n\n" + HEADER)
    assert (reading.rows_in, reading.events.num_rows, reading.rejects) == (0, 0, ())
    assert reading.tally.lines == 7


def test_rejects_come_by_line_with_where_they_are_and_how_they_begin() -> None:
    text = (
        "early\n"
        + HEADER
        + "#odd\n"
        + ROW.format(1)
        + " \n"
        + "2021-02-31 05:00:00 198.51.100.7 /2 200\n"
        + "x" * 9000
        + "\n"
    )
    reading = read(text)
    assert [(each.line, each.reason) for each in reading.rejects] == [
        (1, NO_HEADER),
        (3, ODD_DIRECTIVE),
        (5, NOTHING),
        (6, "date or time cannot be read"),
        (7, "row has 1 cells, its header 5, and the values do not fit the columns"),
    ]
    for each in reading.rejects:
        line = text.encode()[each.offset :].split(b"\n")[0].decode()
        assert each.text == line[:4096]
    assert reading.events["line"].to_pylist() == [4]


@pytest.mark.parametrize("open_end", [True, False])
def test_the_last_line_of_a_file_that_is_still_written(open_end: bool) -> None:
    end = "" if open_end else "\n"
    for row, kept in [
        (ROW.format(1).strip(), True),
        (ROW.format(1)[:34], not open_end),
        ("#Fields: da", True),
        ("", True),
    ]:
        reading = read(HEADER + row + end)
        assert not reading.rejects if kept else reading.rejects[0].reason.endswith("; the file ends in this line")
        said = [warning for warning in reading.warnings if "no line end" in warning]
        assert said == (["last line has no line end (its last cell may be cut short)"] if open_end and row else [])


def test_rows_without_any_declared_column_are_still_events() -> None:
    reading = read("#Fields: time-x date time c-ip\nx 2021-03-03 05:00:00 -\n")
    assert reading.events["extra"].to_pylist() == ["time-x=x"]
    reading = read("#Fields: DateTime,Unknown\n2021-03-03T05:00:00.000Z,x\n", parser_for("httpproxy"))
    assert reading.events["line"].to_pylist() == [2]


def test_a_state_of_one_block_reaches_the_next() -> None:
    reader = Iis("log", Settings())
    text = (HEADER + "".join(ROW.format(at) for at in range(50))).encode()
    stems: list[str] = []
    for block in read_blocks(io.BytesIO(text), Tally(), block_bytes=64):
        parsed = reader.parse(block)
        assert not parsed.rejects
        stems += parsed.table["cs-uri-stem"].to_pylist()
    assert stems == [f"/{at}" for at in range(50)]


def test_rows_that_lone_carriage_returns_hide_behind_a_directive_are_not_lost_silently() -> None:
    reading = read(HEADER + "#Date: 2021-03-03\r" + ROW.format(1) + ROW.format(2))
    assert [(each.line, each.reason) for each in reading.rejects] == [(2, HIDDEN_LINES)]
    assert (reading.rows_in, reading.events.num_rows) == (2, 1)
