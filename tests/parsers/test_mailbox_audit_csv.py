"""Exchange's mailbox audit log as CSV: any selection of columns, and what PowerShell loses."""

from __future__ import annotations

import io
from typing import Any

import pytest

from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.whole_file import read_log


def event(**cells: str) -> dict[str, Any]:
    cells = {"LastAccessed": "2021-04-13T05:06:07Z", "MailboxOwnerUPN": "anna@corp.example"} | cells
    text = ",".join(cells) + "\n" + ",".join('"' + cell.replace('"', '""') + '"' for cell in cells.values()) + "\n"
    reading = read_log(io.BytesIO(text.encode()), MailboxAuditCsv)
    (row,) = reading.events.to_pylist()
    assert isinstance(row, dict)
    return row


@pytest.mark.parametrize(
    "header",
    [
        "LastAccessed,MailboxGuid",
        "MailboxOwnerUPN;Operation;LastAccessed",
        "CmdletName,RunDate,Caller",
        '"Operation","LastAccessed","LogonUserDisplayName"',
    ],
)
def test_headers_that_are_known(header: str) -> None:
    assert MailboxAuditCsv.recognise_content("#TYPE x\n" + header + "\n")


@pytest.mark.parametrize(
    "header", ["LastAccessed,FullName,Length", "Operation,LastAccessed", "RunDate,x", "MailboxGuid,x"]
)
def test_headers_of_something_else(header: str) -> None:
    assert not MailboxAuditCsv.recognise_content(header + "\n")


@pytest.mark.parametrize(
    "name", ["System.Collections.ArrayList", "System.String[]", "Microsoft.Exchange.Data.MultiValuedProperty`1[X]"]
)
def test_the_name_of_a_type_is_no_value(name: str) -> None:
    row = event(Operation="SoftDelete", SourceItems=name, SourceItemSubjectsList=name, OperationProperties=name)
    assert row["Items"] is row["Subjects"] is row["Parameters"] is None


def test_message_ids_and_the_destination() -> None:
    row = event(
        Operation="Move",
        SourceItemInternetMessageIdsList="<a@x.example>,<b@x.example>",
        DestFolderPathName="\\Archive",
        FolderPathName="\\Inbox",
    )
    assert (row["Items"], row["MessageIds"], row["Target"]) == (2, '["<a@x.example>","<b@x.example>"]', "\\Archive")
