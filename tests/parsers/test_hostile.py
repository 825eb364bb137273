"""Lines and files made to hurt: they cost no more than their size, and their neighbours are read."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers import EcpServer, HttpProxy, Iis, OabGenerator, Parser, kinds, parser_for
from brokenseal.parsers.blocks import MAX_LINE
from brokenseal.parsers.whole_file import Reading, read_log

MIB = 1 << 20
W3C = "#Fields: date time c-ip cs-uri-stem cs-uri-query sc-status\n"
CSV = "#Fields: DateTime,RequestId,AnchorMailbox,HttpStatus,GenericErrors\n"
ECP = "#Fields: TimeStamp,ServerName,EventId,EventData\n"


def read(text: str | bytes, parser: type[Parser]) -> Reading:
    return read_log(io.BytesIO(text if isinstance(text, bytes) else text.encode()), parser)


def w3c(stem: str) -> str:
    return f"2021-03-03 05:00:00 198.51.100.7 {stem} - 200\n"


def exchange(errors: str) -> str:
    return f"2021-03-03T05:00:00.000Z,id,ServerInfo~x,200,{errors}\n"


def test_a_line_of_one_mebibyte_is_read() -> None:
    stem = "/" + "a" * MIB
    reading = read(W3C + w3c("/before") + w3c(stem) + w3c("/after"), Iis)
    assert reading.events["cs-uri-stem"].to_pylist() == ["/before", stem, "/after"]
    errors = "x" * MIB
    reading = read(CSV + exchange(errors) + exchange(f'"{errors},"') + exchange(""), HttpProxy)
    assert reading.events["GenericErrors"].to_pylist() == [errors, errors + ",", None]


def test_a_line_of_twenty_mebibytes_is_named() -> None:
    long = w3c("/" + "a" * 20 * MIB)
    reading = read(W3C + w3c("/before") + long + w3c("/after"), Iis)
    assert reading.events["cs-uri-stem"].to_pylist() == ["/before", "/after"]
    assert reading.events["line"].to_pylist() == [2, 4]
    (reject,) = reading.rejects
    assert (reject.line, reject.offset) == (3, len(W3C + w3c("/before")))
    assert reject.reason == "line is too long"
    assert reject.text == long[:4096]
    assert len(long) > MAX_LINE


@pytest.mark.parametrize("kind", [kind for kind in kinds() if parser_for(kind).batches is Parser.batches])
@pytest.mark.parametrize(
    "line", ['"', '""', '",', "'", ";", ",", " ", "\r", "\0", "#", "S:CMD='", "\xff", "\U0001f600"]
)
def test_lines_of_one_character_many_times_leave_the_next_line_alone(kind: str, line: str) -> None:
    raw = (line * (MIB // 16 // len(line))).encode("latin-1" if line == "\xff" else "utf-8")
    row = {
        "iis": w3c("/next"),
        "ecp_server": "2021-03-03T05:00:00.000Z,EX01,ECP.Request,S:CMD=Get-Mailbox\n",
    }.get(kind, exchange("next"))
    header = {"iis": W3C, "ecp_server": ECP}.get(kind, CSV)
    date = "#Date: 2021-03-03T04:00:00.000Z\n"
    reading = read(date.encode() + header.encode() + raw + b"x\n" + row.encode(), parser_for(kind))
    assert 4 in reading.events["line"].to_pylist()
    assert reading.rows_in == reading.events.num_rows + len(reading.rejects) == 2


def test_a_hundred_thousand_directives() -> None:
    text = (W3C + "#Date: 2021-03-03 05:00:00\n#Remark: x\n") * 33_334 + w3c("/after")
    reading = read(text, Iis)
    assert reading.events["line"].to_pylist() == [100_003]
    text = (CSV + "#Version: 15.01.2375.007\n#Date: x\n") * 3_000 + exchange("after")
    assert read(text, HttpProxy).events["Build"].to_pylist() == ["15.1.2375.7"]


def test_a_header_before_every_row() -> None:
    rows = 3_000
    reading = read("".join(W3C + w3c(f"/{at}") for at in range(rows)), Iis)
    assert reading.events["cs-uri-stem"].to_pylist() == [f"/{at}" for at in range(rows)]
    reading = read("".join(CSV + exchange(str(at)) for at in range(rows)), HttpProxy)
    assert reading.events["GenericErrors"].to_pylist() == [str(at) for at in range(rows)]


def test_rows_that_all_need_repair() -> None:
    rows = 2_000
    reading = read(W3C + w3c("/x").replace(" - ", "  ") * rows + w3c("/a b c") * rows, Iis)
    assert (reading.events.num_rows, len(reading.rejects)) == (2 * rows, 0)
    reading = read(CSV + exchange('"open') * rows + exchange("a,b") * rows + "x\n" * rows, HttpProxy)
    assert (reading.events.num_rows, len(reading.rejects)) == (2 * rows, rows)


def test_comment_signs_and_quotes_inside_values_hide_nothing() -> None:
    reading = read(W3C + w3c("/#") + w3c('/"') + w3c("/#Fields:") + w3c("/'"), Iis)
    assert reading.events["cs-uri-stem"].to_pylist() == ["/#", '/"', "/#Fields:", "/'"]
    reading = read(CSV + exchange("#") + exchange("a#") + exchange('"#"') + exchange('"'), HttpProxy)
    assert reading.events["GenericErrors"].to_pylist() == ["#", "a#", "#", '"']


def test_an_ecp_line_of_forged_keys_is_read_in_time() -> None:
    forged = ";S:URL=/fake" * 20_000
    text = ECP + f"2021-03-03T05:00:00.000Z,EX01,ECP.Request,S:SID=a;'S:CMD=Set-X{forged}';S:URL=/own\n"
    reading = read(text, EcpServer)
    assert reading.events["URL"].to_pylist() == ["/own"]
    assert reading.events["CMD"].to_pylist() == [f"Set-X{forged}"]


def test_an_oab_line_of_many_sentences_gives_the_first_path() -> None:
    sentence = "Download failed and temporary file 'C:\\x{}' needs to be removed. "
    text = "2021-03-03T05:00:00.000Z," + "".join(sentence.format(at) for at in range(5_000)) + "\n"
    assert read(text, OabGenerator).events["Path"].to_pylist() == ["C:\\x0"]
