"""Mail read as audit records tell it: bind, sync, throttled, repeats, other people's use; to the documented schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from brokenseal import scan
from brokenseal.report.document import validate

INTRUDER, HOME = "203.0.113.7", "192.0.2.20"


def accessed(number: int, at: str, kind: str, *messages: str, ip: str = INTRUDER, **more: Any) -> dict[str, Any]:
    """A MailItemsAccessed record as Microsoft documents it."""
    items = [{"InternetMessageId": f"<{each}@corp.example>", "SizeInBytes": 100} for each in messages]
    return {
        "Id": f"{number:08x}-0000-4000-8000-000000000000",
        "CreationTime": f"2021-03-03T{at}",
        "Operation": "MailItemsAccessed",
        "RecordType": 50,
        "Workload": "Exchange",
        "UserId": "anna@corp.example",
        "ClientIPAddress": ip,
        "ClientInfoString": "Client=REST;Odd/7;",
        "MailboxOwnerUPN": "anna@corp.example",
        "MailboxGuid": "0b2c6e7a-54d1-4c8e-9d2f-7a1b2c3d4e5f",
        "LogonType": 0,
        "OperationProperties": [
            {"Name": "MailAccessType", "Value": kind},
            {"Name": "IsThrottled", "Value": str(more.pop("throttled", False))},
        ],
        "Folders": [{"Path": "\\Inbox", "FolderItems": items}] if kind == "Bind" else [],
        **({"Item": {"ParentFolder": {"Path": "\\Archive"}}} if kind == "Sync" else {}),
        **more,
    }


def found(folder: Path, records: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    (folder / "audit.json").write_text("".join(json.dumps(record) + "\n" for record in records))
    options = {"actor_ips": [INTRUDER], **options}
    incident = scan([folder], **options)
    assert incident.unread == ()
    assert validate(incident.document) == []
    rows = incident.document["mailboxes"]
    assert isinstance(rows, list)
    return rows


def test_messages_are_counted_once_whatever_records_name_them(tmp_path: Path) -> None:
    (row,) = found(
        tmp_path / "e", [accessed(1, "03:00:00", "Bind", "a", "b"), accessed(2, "05:00:00", "Bind", "b", "c")]
    )
    assert (row["mailbox"], row["access"], row["requests"]) == ("anna@corp.example", "audited", 2)
    assert (row["items_at_least"], row["items_at_most"], row["complete"]) == (3, 3, True)
    assert (row["first"], row["last"]) == ("2021-03-03T03:00:00.000Z", "2021-03-03T05:00:00.000Z")
    assert (row["folders"], row["source_ips"]) == (["\\Inbox"], [INTRUDER])
    assert row["actions"] == [{"operation": "MailItemsAccessed", "count": 2}]
    assert [reference["line"] for reference in row["evidence"]] == [1, 2]


def test_what_the_owner_reads_is_not_the_intruders(tmp_path: Path) -> None:
    records = [accessed(1, "03:00:00", "Bind", "a"), accessed(2, "03:01:00", "Bind", "b", "c", ip=HOME)]
    (row,) = found(tmp_path / "e", records)
    assert (row["items_at_least"], row["requests"]) == (1, 1)
    assert found(tmp_path / "e", records, actor_ips=["198.51.100.1"]) == []


def test_a_synchronised_folder_has_no_upper_bound(tmp_path: Path) -> None:
    (row,) = found(tmp_path / "e", [accessed(1, "03:00:00", "Sync")])
    assert (row["items_at_least"], row["items_at_most"], row["bytes_at_most"], row["complete"]) == (
        0,
        None,
        None,
        False,
    )
    assert any("whole folders" in reason for reason in row["incomplete_because"])
    assert row["folders"] == ["\\Archive"]


def test_a_throttled_mailbox_is_incomplete(tmp_path: Path) -> None:
    (row,) = found(tmp_path / "e", [accessed(1, "03:00:00", "Bind", "a", throttled=True)])
    assert (row["items_at_least"], row["items_at_most"], row["confidence"]) == (1, None, "low")
    assert any("throttled" in reason for reason in row["incomplete_because"])


def test_records_that_are_repeated_count_once(tmp_path: Path) -> None:
    first = accessed(1, "03:00:00", "Bind", "a")
    same = {**first, "Id": "00000009-0000-4000-8000-000000000000", "CreationTime": "2021-03-03T03:20:00"}
    (row,) = found(tmp_path / "e", [first, first, same])
    assert (row["requests"], row["items_at_least"]) == (1, 1)


def test_records_in_one_line_are_told_apart(tmp_path: Path) -> None:
    records = [accessed(1, "03:00:00", "Bind", "a"), accessed(2, "03:00:01", "Bind", "b")]
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "audit.json").write_text(json.dumps(records))
    rows: Any = scan([tmp_path / "e"], actor_ips=[INTRUDER]).document["mailboxes"]
    assert (rows[0]["requests"], rows[0]["items_at_least"]) == (2, 2)


def test_what_else_was_done_is_listed_and_is_no_reading(tmp_path: Path) -> None:
    rule = {**accessed(2, "04:00:00", "Bind"), "Operation": "New-InboxRule", "RecordType": 1, "Folders": []}
    (row,) = found(tmp_path / "e", [accessed(1, "03:00:00", "Bind", "a"), rule])
    assert {each["operation"]: each["count"] for each in row["actions"]} == {"MailItemsAccessed": 1, "New-InboxRule": 1}
    (alone,) = found(tmp_path / "e", [rule])
    assert (alone["access"], alone["items_at_least"], alone["items_at_most"]) == ("settings-changed", 0, None)


def test_ids_of_messages_are_private(tmp_path: Path) -> None:
    (row,) = found(tmp_path / "e", [accessed(1, "03:00:00", "Bind", "a")])
    assert "messages" not in row
    assert "<a@corp.example>" not in json.dumps(row)
    (row,) = found(tmp_path / "e", [accessed(1, "03:00:00", "Bind", "a")], subjects=True)
    assert row["messages"] == ["<a@corp.example>"]


def test_an_application_is_known_by_its_agent_or_id(tmp_path: Path) -> None:
    records = [accessed(1, "03:00:00", "Bind", "a", AppId="f00dcafe-0000-4000-8000-000000000001")]
    for text in ("odd/7", "F00DCAFE-0000-4000-8000-000000000001"):
        (row,) = found(tmp_path / "e", records, actor_ips=[], actor_agents=[text])
        assert row["items_at_least"] == 1


def test_a_cloud_export_alone_is_no_mail_server(tmp_path: Path) -> None:
    found(tmp_path / "e", [accessed(1, "03:00:00", "Bind", "a")])
    document: Any = scan([tmp_path / "e"]).document
    assert document["verdict"] == "cannot_tell"
    assert [entry["source"] for host in document["hosts"] for entry in host["coverage"]] == ["mail_audit"]


def test_a_record_that_names_neither_user_nor_application_is_one_all_the_same(tmp_path: Path) -> None:
    record = accessed(1, "03:00:00", "Bind", "a")
    for name in ("UserId", "ClientInfoString"):
        del record[name]
    (row,) = found(tmp_path / "e", [record])
    assert (row["items_at_least"], row["users"], row["protocols"]) == (1, [], [])
