"""Directory exports as CSV: which headers are lists of people."""

from __future__ import annotations

import pytest

from brokenseal.parsers.mailbox_list_csv import MailboxListCsv


@pytest.mark.parametrize(
    "header",
    [
        "PrimarySmtpAddress,EmailAddresses",
        "Name;UserPrincipalName;SamAccountName",
        '"ExchangeGuid","LegacyExchangeDN"',
        "DistinguishedName,mail,SID",
    ],
)
def test_headers_that_are_known(header: str) -> None:
    assert MailboxListCsv.recognise_content(header + "\n")


@pytest.mark.parametrize(
    "header",
    [
        "DisplayName,Name",
        "SamAccountName,SID,DistinguishedName",
        "UserPrincipalName",
        "mail,time",
        "UserPrincipalName,SID,Operation",
        "MailboxGuid,MailboxOwnerUPN,LastAccessed",
        "FullName,Length,LastWriteTime",
    ],
)
def test_headers_of_something_else(header: str) -> None:
    assert not MailboxListCsv.recognise_content(header + "\n")
