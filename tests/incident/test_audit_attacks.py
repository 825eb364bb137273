"""Audit records that would make the ledger wrong: repeated messages, cut ones, applications, odd addresses."""

from __future__ import annotations

import csv
import io
import json
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal import scan
from brokenseal.incident.event_sql import client_sql
from brokenseal.report.document import validate

INTRUDER, HOME = "203.0.113.7", "192.0.2.20"
ANNA, APP = "anna@corp.example", "f00dcafe-0000-4000-8000-000000000001"
Item = tuple[str, int | None]


def bound(number: int, at: str, *items: Item, who: str = "anna", ip: str = INTRUDER, **more: Any) -> dict[str, Any]:
    """A MailItemsAccessed record of single messages; of an item with an id in brackets it is that of the message."""
    listed = [
        {"InternetMessageId" if name.startswith("<") else "Id": name} | ({} if size is None else {"SizeInBytes": size})
        for name, size in items
    ]
    throttled = str(more.pop("throttled", False))
    record = {
        "Id": f"{number:08x}-0000-4000-8000-000000000000",
        "CreationTime": f"2021-03-03T{at}",
        "Operation": "MailItemsAccessed",
        "RecordType": 50,
        "ResultStatus": "Succeeded",
        "Workload": "Exchange",
        "UserType": 0,
        "UserId": f"{who}@corp.example",
        "ClientIPAddress": ip,
        "ClientInfoString": "Client=REST;Odd/7;",
        "LogonType": 0,
        "MailboxGuid": f"0b2c6e7a-54d1-4c8e-9d2f-{who.encode().hex():0<12.12}",
        "MailboxOwnerUPN": f"{who}@corp.example",
        "OperationProperties": [
            {"Name": "MailAccessType", "Value": "Bind"},
            {"Name": "IsThrottled", "Value": throttled},
        ],
        "Folders": [{"Id": "L", "Path": "\\Inbox", "FolderItems": listed}],
        **more,
    }
    return {name: value for name, value in record.items() if value is not None}


def rows(folder: Path, *records: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    return of_files(folder, {"audit.json": "".join(json.dumps(record) + "\n" for record in records)}, **options)


def of_files(folder: Path, files: dict[str, str], **options: Any) -> list[dict[str, Any]]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    incident = scan([folder], **{"actor_ips": [INTRUDER], **options})
    assert validate(incident.document) == []
    found: Any = incident.document["mailboxes"]
    return list(found)


def numbers(row: dict[str, Any]) -> tuple[int | None, ...]:
    return tuple(row[f"{what}_at_{bound}"] for what in ("items", "bytes") for bound in ("least", "most"))


def test_a_message_in_two_records_counts_once_with_its_bytes(tmp_path: Path) -> None:
    first, second = (("<a@x>", 100), ("<b@x>", 200)), (("<b@x>", 200), ("<c@x>", 300))
    (row,) = rows(tmp_path / "e", bound(1, "03:00:00", *first), bound(2, "05:00:00", *second))
    assert (numbers(row), row["complete"]) == ((3, 3, 600, 600), True)
    # By an id of the mailbox alone it is the same.
    first, second = (("A", 100), ("B", 200)), (("B", 200), ("C", 300))
    (row,) = rows(tmp_path / "f", bound(1, "03:00:00", *first), bound(2, "05:00:00", *second))
    assert (numbers(row), row["complete"]) == ((3, 3, 600, 600), True)


def test_a_message_named_in_two_ways_may_be_one(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "e", bound(1, "03:00:00", ("<a@x>", 50)), bound(2, "05:00:00", ("A", 50)))
    assert numbers(row) == (1, None, 50, None)
    assert any("tell them apart" in reason for reason in row["incomplete_because"])


def test_sizes_of_some_messages_bound_nothing(tmp_path: Path) -> None:
    (row,) = rows(tmp_path / "e", bound(1, "03:00:00", ("<a@x>", 50), ("<b@x>", None)))
    assert numbers(row) == (2, None, 50, None)
    assert any("sizes of all messages" in reason for reason in row["incomplete_because"])
    # A message that grew between two readings: at least its smallest size.
    (row,) = rows(tmp_path / "f", bound(1, "03:00:00", ("<a@x>", 50)), bound(2, "05:00:00", ("<a@x>", 70)))
    assert (row["bytes_at_least"], row["bytes_at_most"]) == (50, None)


def test_sizes_beyond_all_measure_stop_nothing(tmp_path: Path) -> None:
    most = (1 << 63) - 1
    (row,) = rows(tmp_path / "e", bound(1, "03:00:00", ("<a@x>", most), ("<b@x>", most)))
    assert row["bytes_at_least"] == most


@pytest.mark.parametrize("at", ["02:00:00", "03:20:00", "20:00:00"])
def test_throttling_is_the_mailboxs_whoever_brought_it_about(tmp_path: Path, at: str) -> None:
    mine = bound(1, "03:00:00", ("<a@x>", 1))
    (row,) = rows(tmp_path / "e", mine, bound(2, at, ("<q@x>", 1), ip=HOME, throttled=True))
    assert (row["items_at_most"], row["complete"]) == (None, False)
    (row,) = rows(tmp_path / "f", mine, bound(2, at, ("<q@x>", 1), ip=HOME, who="bela", throttled=True))
    assert row["complete"]
    # The same messages again within the hour: a repeat, which says more than the first.
    (row,) = rows(tmp_path / "g", mine, bound(2, "03:20:00", ("<a@x>", 1), throttled=True))
    assert (row["requests"], row["complete"]) == (1, False)


@pytest.mark.parametrize("result", ["Failed", "False"])
def test_what_failed_was_not_read(tmp_path: Path, result: str) -> None:
    assert rows(tmp_path / "e", bound(1, "03:00:00", ("<a@x>", 1), ResultStatus=result)) == []


def test_an_application_without_an_address_is_known_by_its_id(tmp_path: Path) -> None:
    record = bound(1, "03:00:00", ("<a@x>", 1), ip="", AppId=APP, UserId="ServicePrincipal_1")
    (row,) = rows(tmp_path / "e", record, actor_ips=[], actor_agents=[APP])
    assert (row["mailbox"], row["items_at_least"], row["source_ips"]) == (ANNA, 1, [])
    assert rows(tmp_path / "f", record, bound(2, "04:00:00", ("<b@x>", 1), ip=HOME), actor_agents=["other"]) == []


def test_an_application_that_an_intruder_let_in_is_followed_without_an_address(tmp_path: Path) -> None:
    consent = {
        "Id": "00000009-0000-4000-8000-000000000000",
        "CreationTime": "2021-03-03T02:30:00",
        "Operation": "Consent to application.",
        "RecordType": 8,
        "Workload": "AzureActiveDirectory",
        "UserId": ANNA,
        "ClientIP": f"{INTRUDER}:4711",
        "ObjectId": APP,
        "ResultStatus": "Success",
        "ModifiedProperties": [{"Name": "ConsentContext.IsAdminConsent", "NewValue": "False", "OldValue": ""}],
    }
    record = bound(1, "03:00:00", ("<a@x>", 1), ip="", AppId=APP, UserId="ServicePrincipal_1")
    fields = (
        "DateTime,RequestId,Protocol,UrlStem,IsAuthenticated,AnchorMailbox,ClientIpAddress,ServerHostName,HttpStatus,"
    )
    fields += "Method,RoutingHint,ResponseBytes"
    forged = "2021-03-03T02:00:00.000Z,1,Ecp,/ecp/y.js,false,ServerInfo~a]@ex01:444/EWS/Exchange.asmx?#,"
    forged += f"{INTRUDER},EX01,200,"
    proxy = f"#Software: Microsoft Exchange Server\n#Log-type: HttpProxy Logs\n#Fields: {fields}\n"
    audit = "".join(json.dumps(each) + "\n" for each in (consent, record))
    files = {"proxy.log": f"{proxy}{forged}POST,X-BEResource-Cookie,900\n", "audit.json": audit}
    found = of_files(tmp_path / "e", files, actor_ips=[])
    (row,) = [row for row in found if row["access"] == "audited"]
    assert (row["mailbox"], row["intrusion"], row["items_at_least"]) == (ANNA, "I1", 1)
    # Audit records name an address or an application, not a person.
    assert (row["confidence"], row["confidence_because"]) == ("medium", "address")


@pytest.mark.parametrize(
    "logged",
    [
        "203.0.113.7:51234",
        "::ffff:203.0.113.7",
        "[::FFFF:203.0.113.7]:443",
        "[2001:db8::7]:51234",
        "2001:DB8::7",
        "2001:0db8:0000:0000:0000:0000:0000:0007",
        "2001:db8:0:0:0:0:0:7",
        "fe80::7%4",
    ],
    ids=range(8),
)
def test_an_address_is_the_same_however_it_is_written(tmp_path: Path, logged: str) -> None:
    records = [bound(1, "03:00:00", ("<a@x>", 1), ip=logged), bound(2, "03:00:00", ("<b@x>", 1), ip="2001:db8::8")]
    (row,) = rows(tmp_path / "e", *records, actor_ips=[INTRUDER, "2001:db8::7", "fe80::7"])
    assert row["items_at_least"] == 1


@given(st.lists(st.sampled_from([0, 0, 1, 0xFF, 0x100, 0xFFFF]), min_size=8, max_size=8))
def test_an_address_written_out_gets_its_short_form(groups: list[int]) -> None:
    address = IPv6Address(b"".join(group.to_bytes(2, "big") for group in groups))
    if address.ipv4_mapped is not None:
        return
    written = [address.exploded, address.exploded.upper(), ":".join(f"{group:x}" for group in groups), str(address)]
    listed = ", ".join(f"({text!r})" for text in written)
    found = duckdb.connect().execute(f"SELECT {client_sql('a')} FROM (VALUES {listed}) t(a)").fetchall()
    assert found == [(str(address),)] * len(written)


def test_a_search_shows_mail_and_no_record_says_how_much(tmp_path: Path) -> None:
    search = {
        "Id": "00000005-0000-4000-8000-000000000000",
        "CreationTime": "2021-03-03T03:00:00",
        "Operation": "SearchQueryInitiatedExchange",
        "RecordType": 169,
        "Workload": "Exchange",
        "UserId": ANNA,
        "ClientIP": INTRUDER,
        "QueryText": "password",
    }
    (row,) = rows(tmp_path / "e", search)
    assert (row["mailbox"], *numbers(row)) == (ANNA, 0, None, 0, None)
    assert any("searched" in reason for reason in row["incomplete_because"])
    (row,) = rows(tmp_path / "f", search, bound(1, "03:05:00", ("<a@x>", 5)))
    assert numbers(row) == (1, None, 5, None)
    # Files are no mail.
    assert (
        rows(tmp_path / "g", {**search, "Operation": "SearchQueryInitiatedSharePoint", "Workload": "SharePoint"}) == []
    )


def test_a_mailbox_is_one_also_where_a_record_has_only_its_guid(tmp_path: Path) -> None:
    records = [bound(1, "03:00:00", ("<a@x>", 1)), bound(2, "05:00:00", ("<b@x>", 1), MailboxOwnerUPN=None)]
    (row,) = rows(tmp_path / "e", *records)
    assert (row["mailbox"], row["items_at_least"]) == (ANNA, 2)


def test_a_cut_record_makes_its_users_mailbox_incomplete(tmp_path: Path) -> None:
    long = bound(1, "03:00:00", *((f"<{number}@x>", 1) for number in range(2000)))
    written = io.StringIO()
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerow(["RecordType", "CreationDate", "UserIds", "Operations", "AuditData"])
    for record in (long, bound(2, "05:00:00", ("<a@x>", 1)), bound(3, "05:00:00", ("<b@x>", 1), who="bela")):
        # A spreadsheet keeps so many characters of a cell.
        told = json.dumps(record)[:32767]
        table.writerow([50, record["CreationTime"], record["UserId"], record["Operation"], told])
    anna, bela = of_files(tmp_path / "e", {"audit.csv": written.getvalue()})
    assert (anna["items_at_least"], anna["items_at_most"], anna["complete"]) == (1, None, False)
    assert any("could not be read in whole" in reason for reason in anna["incomplete_because"])
    assert (bela["mailbox"], bela["complete"]) == ("bela@corp.example", True)


def shapes(records: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """The same records as three tools export them: name of the file and text."""
    portal = io.StringIO()
    table = csv.writer(portal, quoting=csv.QUOTE_ALL)
    table.writerow(["RecordType", "CreationDate", "UserIds", "Operations", "AuditData"])
    for one in records:
        table.writerow([50, one["CreationTime"], one["UserId"], one["Operation"], json.dumps(one)])
    graph = [
        {
            "id": one["Id"],
            "createdDateTime": f"{one['CreationTime']}Z",
            "auditLogRecordType": "exchangeItemAggregated",
            "operation": one["Operation"],
            "userPrincipalName": one["UserId"],
            "clientIp": one["ClientIPAddress"],
            "auditData": {"@odata.type": "#microsoft.graph.security.defaultAuditData", **one},
        }
        for one in records
    ]
    suite = [
        {
            "RecordType": "ExchangeItemAggregated",
            "CreationDate": f"{one['CreationTime']}Z",
            "UserIds": one["UserId"],
            "Operations": one["Operation"],
            "AuditData": json.dumps(one),
            "Identity": one["Id"],
        }
        for one in records
    ]
    return {
        "portal": ("u.csv", "\ufeff" + portal.getvalue()),
        "graph": ("g.json", json.dumps({"value": graph})),
        "suite": ("s.json", json.dumps(suite, indent=2)),
    }


def test_every_export_of_the_same_records_says_the_same_and_so_do_all_of_them_together(tmp_path: Path) -> None:
    records = [
        bound(1, "03:00:00", ("<a@x>", 100), ("<b@x>", 200)),
        bound(2, "05:00:00", ("<b@x>", 200), ("<c@x>", 300)),
        # Anna's own reading in between, and a colleague's.
        bound(3, "04:00:00", ("<z@x>", 9), ip=HOME),
        bound(4, "05:01:00", ("<y@x>", 9), who="bela", ip=HOME),
    ]
    told = shapes(records)
    folders = {name: {file: text} for name, (file, text) in told.items()} | {"all": dict(told.values())}
    for name, files in folders.items():
        (row,) = of_files(tmp_path / name, files)
        assert (row["mailbox"], row["requests"], numbers(row)) == (ANNA, 2, (3, 3, 600, 600)), name


HEAD = (
    "MailboxOwnerUPN,MailboxGuid,LogonType,LogonUserDisplayName,Operation,OperationResult,LastAccessed,ClientInfoString,"
    "ClientIPAddress,FolderPathName,ItemId,ItemSubject,ExternalAccess,Identity"
)


def on_premises(*entries: dict[str, str], without: tuple[str, ...] = ()) -> str:
    head = [name for name in HEAD.split(",") if name not in without]
    written = io.StringIO()
    written.write("#TYPE Microsoft.Exchange.Data.Storage.Management.MailboxAuditLogEvent\n")
    table = csv.DictWriter(written, head, extrasaction="ignore", quoting=csv.QUOTE_ALL)
    table.writeheader()
    for number, entry in enumerate(entries):
        usual = {
            "MailboxOwnerUPN": ANNA,
            "LogonType": "Delegate",
            "LogonUserDisplayName": "Zoe",
            "Operation": "MessageBind",
            "OperationResult": "Succeeded",
            "ClientIPAddress": INTRUDER,
            "FolderPathName": "\\Inbox",
            "ExternalAccess": "False",
            "Identity": f"id-{number}",
        }
        table.writerow({**usual, **entry})
    return written.getvalue()


def test_a_message_opened_twice_in_the_mailbox_audit_log_is_one(tmp_path: Path) -> None:
    entries = (
        {"ItemId": "A", "ItemSubject": "Hello", "LastAccessed": "3/3/2021 3:00:00 AM"},
        {"ItemId": "A", "ItemSubject": "Hello", "LastAccessed": "3/3/2021 9:00:00 PM"},
        {"ItemId": "B", "ItemSubject": "World", "LastAccessed": "3/13/2021 3:05:00 AM"},
        {"ItemId": "C", "ItemSubject": "No", "LastAccessed": "3/3/2021 3:06:00 AM", "OperationResult": "Failed"},
        {"ItemId": "D", "LastAccessed": "3/3/2021 3:07:00 AM", "MailboxOwnerUPN": "bela@x", "ClientIPAddress": HOME},
    )
    (row,) = of_files(tmp_path / "e", {"MailboxAudit.csv": on_premises(*entries)})
    assert (row["mailbox"], row["requests"], row["items_at_least"], row["bytes_at_most"]) == (ANNA, 3, 2, None)
    # Without ids only subjects tell messages apart, and two may have the same.
    (row,) = of_files(tmp_path / "f", {"MailboxAudit.csv": on_premises(*entries, without=("ItemId", "Identity"))})
    assert (row["items_at_least"], row["items_at_most"]) == (2, None)
    assert "Hello" not in json.dumps(row)
