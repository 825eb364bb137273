"""CmdletInfra: parameters come back as they were given."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import Cmdlet, identify
from brokenseal.parsers.whole_file import read_log

FIELDS = "DateTime,ServerHostName,AuthenticatedUser,ExecutingUserSid,IsAdmin,Cmdlet,Parameters,ExecutionResult"
PARAMETERS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=20)


@settings(max_examples=80, deadline=None)
@given(st.lists(PARAMETERS, min_size=1, max_size=3))
def test_quoted_parameters_come_back(values: list[str]) -> None:
    parameters = " ".join(f'-Name "{value}"' for value in values)
    text = io.StringIO()
    cells = [
        "2021-03-03T07:00:00.130Z",
        "EX01",
        "CORP\\admin",
        "S-1-5-21-1",
        "True",
        "Set-Mailbox",
        parameters,
        "Success",
    ]
    csv.writer(text).writerow(cells)
    reading = read_log(io.BytesIO(f"#Fields: {FIELDS}\r\n{text.getvalue()}".encode()), Cmdlet)
    (event,) = reading.events.to_pylist()
    assert event["Parameters"] == parameters
    assert event["ExecutionResult"] == "Success"
    assert not reading.warnings


def test_parameters_whose_quotes_were_not_doubled_do_not_change_who_did_it() -> None:
    parameters = '"-Mailbox "ceo, cfo" -x"'
    row = f"2021-03-03T07:00:00.130Z,EX01,CORP\\admin,S-1-5-21-1,True,New-MailboxExportRequest,{parameters},Success"
    (event,) = read_log(io.BytesIO(f"#Fields: {FIELDS}\r\n{row}\r\n".encode()), Cmdlet).events.to_pylist()
    assert (event["host"], event["AuthenticatedUser"], event["Cmdlet"]) == (
        "EX01",
        "CORP\\admin",
        "New-MailboxExportRequest",
    )
    assert event["Parameters"] == '-Mailbox "ceo, cfo" -x'
    assert event["ExecutionResult"] == "Success"


def test_it_is_known_by_its_content() -> None:
    assert identify(f"#Fields: {FIELDS}\r\n".encode(), "x.txt") is Cmdlet
    assert identify(b"#Log-type: Rps Cmdlet Logs\r\n", "x.txt") is Cmdlet
    assert identify(b"#Log-type: Rps Http Logs\r\n", "x.txt") is None
