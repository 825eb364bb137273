"""CSV exports: header rows wherever they stand, and what is before them."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.exported_csv import WRONG_CELLS
from brokenseal.parsers.mailbox_list_csv import MailboxListCsv
from brokenseal.parsers.whole_file import Reading, read_log

PLAIN = "PrimarySmtpAddress,UserPrincipalName\n"
QUOTED = '"UserPrincipalName";"PrimarySmtpAddress"\n'


def read(text: str, block_bytes: int | None = None) -> Reading:
    return read_log(io.BytesIO(text.encode()), MailboxListCsv, block_bytes=block_bytes)


@pytest.mark.parametrize("block_bytes", [1, 33, None])
def test_columns_come_from_the_header_in_force(block_bytes: int | None) -> None:
    reading = read(PLAIN + "a@x.example,b@x.example\n" + QUOTED + '"c@x.example";"d@x.example"\n', block_bytes)
    assert reading.events["PrimarySmtpAddress"].to_pylist() == ["a@x.example", "d@x.example"]
    assert reading.events["UserPrincipalName"].to_pylist() == ["b@x.example", "c@x.example"]
    assert not reading.rejects


def test_rows_before_a_header_and_of_another_width_are_rejected() -> None:
    reading = read("one,two\n" + PLAIN + "a@x.example\n#TYPE System.Object\na@x.example,b@x.example\n")
    assert [(each.line, each.reason) for each in reading.rejects] == [(1, MailboxListCsv.no_header), (3, WRONG_CELLS)]
    assert reading.events["line"].to_pylist() == [5]


def test_a_type_line_and_blank_lines_come_before_the_header() -> None:
    assert MailboxListCsv.recognise_content("#TYPE Selected.Mailbox\r\n\r\n" + QUOTED)
    assert not MailboxListCsv.recognise_content("one,two\n" + PLAIN)
    assert not MailboxListCsv.recognise_content("")
