"""What message tracking adds to a mailbox that was read, beside the numbers of at least and at most."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.incident.conftest import BrokenInto

INTRUDER, ANNA = "203.0.113.7", "anna.berg@corp.example"


def audited(broken_into: BrokenInto, *messages: str, time: str = "04:30:00") -> None:
    """An audit record: the intruder opened these messages of anna's."""
    record = {
        "CreationTime": f"2021-03-03T{time}",
        "Id": "00000000-0000-4000-8000-000000000001",
        "Operation": "MailItemsAccessed",
        "RecordType": 50,
        "Workload": "Exchange",
        "UserId": ANNA,
        "MailboxOwnerUPN": ANNA,
        "ClientIPAddress": INTRUDER,
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
        "Folders": [
            {
                "Path": "\\Inbox",
                "FolderItems": [{"InternetMessageId": f"<{name}@corp.example>"} for name in messages],
            }
        ],
    }
    broken_into.folder.mkdir(exist_ok=True)
    (broken_into.folder / "audit.json").write_text(json.dumps(record) + "\n", encoding="utf-8")


def row_of(found: dict[str, Any]) -> dict[str, Any]:
    (row,) = [row for row in found["mailboxes"] if row["mailbox"] == ANNA]
    return dict(row)


def test_a_message_that_a_record_names_is_known_by_its_way(broken_into: BrokenInto) -> None:
    cells = {"sender_address": "X@Supplier.example", "recipient_count": "2"}
    broken_into.track("03:00:00", "SMTP", "RECEIVE", "offer", f"{ANNA};bela@corp.example", 5000, **cells)
    broken_into.track("03:00:05", "STOREDRIVER", "DELIVER", "offer", ANNA, 5200, **cells)
    broken_into.track("03:10:00", "STOREDRIVER", "DELIVER", "other", ANNA, 7000, sender_address="y@supplier.example")
    audited(broken_into, "offer", "unknown")
    private = row_of(broken_into.scanned())
    (message,) = private["tracked"]
    assert message == {
        "how": "read",
        "sender": "x@supplier.example",
        "recipients": 2,
        "bytes": 5200,
        "delivered": "2021-03-03T03:00:05.000Z",
    }
    (named,) = row_of(broken_into.scanned(subjects=True))["tracked"]
    assert named == {**message, "id": "<offer@corp.example>", "subject": None}


def test_a_size_on_the_way_is_no_bound(broken_into: BrokenInto) -> None:
    audited(broken_into, "offer")
    before = row_of(broken_into.scanned())
    broken_into.track("03:00:05", "STOREDRIVER", "DELIVER", "offer", ANNA, 5200, sender_address="x@supplier.example")
    after = row_of(broken_into.scanned())
    assert len(after["tracked"]) == 1
    numbers = ("items_at_least", "items_at_most", "bytes_at_least", "bytes_at_most", "requests")
    assert [after[name] for name in numbers] == [before[name] for name in numbers]


def test_what_arrived_is_said_of_the_time_that_the_log_covers(broken_into: BrokenInto) -> None:
    user = "CORP\\anna"
    broken_into.folder.mkdir(exist_ok=True)
    (broken_into.folder / "mailboxes.csv").write_text(f"PrimarySmtpAddress,SamAccountName\n{ANNA},{user}\n")
    for minute in range(12):
        broken_into.track(f"03:{minute:02}:00", "STOREDRIVER", "DELIVER", f"m{minute}", ANNA, 1000 + minute)
    broken_into.track("03:30:00", "STOREDRIVER", "DELIVER", "bela", "bela@corp.example", 9000)
    broken_into.front("04:00:00", "Owa", user, INTRUDER, UrlStem="/owa/service.svc", ResponseBytes=50_000)
    broken_into.track("05:00:00", "STOREDRIVER", "DELIVER", "late", ANNA, 4000)
    row = row_of(broken_into.scanned())
    received = row["received"]
    assert (received["messages"], received["bytes"]) == (12, sum(1000 + minute for minute in range(12)))
    assert received["last"] == row["last"] == "2021-03-03T04:00:00.000Z"
    assert row["estimate"] == {"messages": round(50_000 / 1005), "message_bytes": 1005, "of": 12}
    assert (row["items_at_least"], row["items_at_most"]) == (0, None)


def test_of_few_messages_there_is_no_estimate(broken_into: BrokenInto) -> None:
    user = "CORP\\anna"
    broken_into.folder.mkdir(exist_ok=True)
    (broken_into.folder / "mailboxes.csv").write_text(f"PrimarySmtpAddress,SamAccountName\n{ANNA},{user}\n")
    for minute in range(9):
        broken_into.track(f"03:{minute:02}:00", "STOREDRIVER", "DELIVER", f"m{minute}", ANNA)
    broken_into.front("04:00:00", "Owa", user, INTRUDER, UrlStem="/owa/service.svc", ResponseBytes=50_000)
    row = row_of(broken_into.scanned())
    assert (row["received"]["messages"], row["estimate"]) == (9, None)
