"""Audit records taken apart: what counts as a message, and which records are one and the same."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from brokenseal.parsers.audit_shredding import audit_columns

Record = dict[str, Any]

ACCESS: Record = {
    "Id": "1",
    "CreationTime": "2024-05-06T07:08:09",
    "Operation": "MailItemsAccessed",
    "MailboxGuid": "6d4fbdae-e3ae-4530-8d0b-f62a14687939",
    "UserId": "anna@corp.example",
    "LogonType": 0,
    "ClientIPAddress": "192.0.2.1",
    "ClientInfoString": "Client=REST",
    "AppId": "app",
    "SessionId": "session",
    "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
    "Folders": [
        {"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<a@x>"}, {"InternetMessageId": "<b@x>"}]},
        {"Path": "\\Sent", "FolderItems": [{"InternetMessageId": "<c@x>"}]},
    ],
}


def columns(*records: Record | None, around: Record | None = None) -> list[Record]:
    texts = pa.chunked_array([[None if each is None else json.dumps(each) for each in records]], pa.string())
    outer = pa.chunked_array([[None if around is None else json.dumps(around)] * len(records)], pa.string())
    found: list[Record] = audit_columns(texts, outer).to_pylist()
    return found


def one(record: Record) -> Record:
    return columns(record)[0]


def test_the_same_access_logged_again_is_a_duplicate_in_whatever_order() -> None:
    again = ACCESS | {"Id": "2", "CreationTime": "2024-05-06T07:38:09", "Folders": ACCESS["Folders"][::-1]}
    first, second = columns(ACCESS, again)
    assert first["Duplicate"] == second["Duplicate"]
    assert first["RecordId"] != second["RecordId"]


@pytest.mark.parametrize(
    "change",
    [
        {"ClientIPAddress": "192.0.2.2"},
        {"ClientInfoString": "Client=OWA"},
        {"LogonType": 2},
        {"MailboxGuid": "7d4fbdae-e3ae-4530-8d0b-f62a14687939"},
        {"UserId": "bob@corp.example"},
        {"SessionId": "other"},
        {"AppId": "other"},
        {"OperationProperties": [{"Name": "MailAccessType", "Value": "Sync"}]},
        {"Folders": ACCESS["Folders"][:1]},
    ],
)
def test_an_access_that_differs_in_what_microsoft_compares_is_none(change: Record) -> None:
    first, second = columns(ACCESS, ACCESS | change)
    assert first["Duplicate"] != second["Duplicate"]


def test_other_records_are_told_apart_by_their_ids() -> None:
    assert one({"Operation": "Send", "Id": "7"})["Duplicate"] == "7"
    assert one({"Operation": "Send"})["Duplicate"] is None
    # Without folders and messages nothing says that two accesses are the same.
    assert one({"Operation": "MailItemsAccessed", "Id": "7"})["Duplicate"] == "7"


def test_a_synchronised_folder_is_no_message() -> None:
    item = {"Id": "LgAA", "ParentFolder": {"Id": "LgAA", "Path": "\\Inbox"}}
    row = one({"Operation": "MailItemsAccessed", "Item": item})
    assert (row["Folders"], row["Items"], row["MessageIds"]) == ('["\\\\Inbox"]', None, None)


def test_messages_are_counted_once_by_their_ids() -> None:
    items = [{"InternetMessageId": "<a@x>", "SizeInBytes": 5}, {"InternetMessageId": "<a@x>"}, {"Id": "RgAA"}]
    row = one({"Folders": [{"Path": "\\Inbox", "FolderItems": items}]})
    assert (row["Items"], row["MessageIds"], row["ItemBytes"]) == (2, '["<a@x>"]', 5)
    assert one({"Folders": [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<a@x>"}]}]})["ItemBytes"] is None


@pytest.mark.parametrize(
    ("logged", "meant"),
    [
        (0, "owner"),
        ("1", "admin"),
        (2, "delegate"),
        (3, "transport"),
        (4, "system"),
        (5, "best access"),
        (6, "delegated admin"),
        ("Delegate", "delegate"),
        ("DelegatedAdmin", "delegated admin"),
        (-1, None),
        ("Other", "other"),
        (None, None),
    ],
)
def test_logon_types(logged: object, meant: str | None) -> None:
    assert one({"LogonType": logged})["LogonType"] == meant


@pytest.mark.parametrize(
    ("logged", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("", None),
    ],
)
def test_addresses_without_port_and_brackets(logged: str, address: str | None) -> None:
    assert one({"ClientIPAddress": logged})["ClientIP"] == address


def test_properties_in_any_order_and_as_text() -> None:
    turned = [{"Value": "Sync", "Name": "MailAccessType"}, {"Value": "True", "Name": "IsThrottled"}]
    as_text = "MailAccessType:Bind; IsThrottled:False"
    for given, access, throttled in ((turned, "Sync", "true"), (as_text, "Bind", "false")):
        row = one({"OperationProperties": given})
        assert (row["AccessType"], row["Throttled"]) == (access, throttled)


def test_what_a_rule_is_called_is_no_property() -> None:
    named = [{"Name": "RuleName", "Value": '"Name":"MailAccessType","Value":"Sync"'}]
    row = one({"Operation": "UpdateInboxRules", "OperationProperties": named})
    assert row["AccessType"] is None
    assert row["Target"] == '"Name":"MailAccessType","Value":"Sync"'


def test_what_the_record_does_not_say_the_export_says() -> None:
    around = {"Operations": "Send", "UserIds": "anna@corp.example", "RecordType": "exchangeItem", "CreationDate": "x"}
    lost, found = columns(None, {"Operation": "Create", "RecordType": 2}, around=around)
    assert (lost["Operation"], lost["User"], lost["RecordType"]) == ("Send", "anna@corp.example", "ExchangeItem")
    assert (found["Operation"], found["RecordType"], found["exported"]) == ("Create", "ExchangeItem", "x")


@pytest.mark.parametrize("odd", [None, 5, "text", [], {}, [[]], [5], {"Path": 5}, [{"FolderItems": 5}], "[", "[1]"])
def test_odd_values_harm_nothing(odd: object) -> None:
    names = (
        "Folders",
        "AffectedItems",
        "Item",
        "OperationProperties",
        "Parameters",
        "ModifiedProperties",
        "SourceFolders",
    )
    row = one(dict.fromkeys(names, odd) | {"Operation": "Send", "LogonType": odd, "OperationCount": odd})
    assert row["Operation"] == "Send"
    if row["Parameters"] is not None:
        json.loads(row["Parameters"])
