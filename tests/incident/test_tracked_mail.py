"""What message tracking adds: named messages, what arrived, and an estimate that is no bound."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.incident.tracked_mail import MOST_TRACKED
from brokenseal.report.document import validate

Make = Callable[..., tuple[Path, dict[str, Any]]]
FIELDS = (
    "date-time,source,event-id,internal-message-id,message-id,recipient-address,total-bytes,recipient-count,"
    "message-subject,sender-address"
)
INTRUDER, ANNA = "203.0.113.7", "anna@corp.example"


def tracked(*rows: tuple[str, str, str, str, int], day: str = "03") -> str:
    """A message tracking log: (time, event, message, recipients, size)."""
    lines = [
        f"2021-03-{day}T{time}.000Z,STOREDRIVER,{event},1,<{message}@corp.example>,{to},{size},2,Offer,X@Y.example"
        for time, event, message, to, size in rows
    ]
    head = f"#Software: Microsoft Exchange Server\n#Log-type: Message Tracking Log\n#Fields: {FIELDS}\n"
    return head + "".join(f"{line}\n" for line in lines)


def record(kind: str, *messages: str) -> str:
    items = [{"InternetMessageId": f"<{each}@corp.example>"} for each in messages]
    return json.dumps(
        {
            "Id": "00000001-0000-4000-8000-000000000000",
            "CreationTime": "2021-03-03T09:00:00",
            "Operation": "MailItemsAccessed",
            "RecordType": 50,
            "Workload": "Exchange",
            "UserId": ANNA,
            "ClientIPAddress": INTRUDER,
            "MailboxOwnerUPN": ANNA,
            "OperationProperties": [
                {"Name": "MailAccessType", "Value": kind},
                {"Name": "IsThrottled", "Value": "False"},
            ],
            "Folders": [{"Path": "\\Inbox", "FolderItems": items}],
        }
    )


def row_of(folder: Path, log: str, audit: str, **options: Any) -> dict[str, Any]:
    folder.mkdir()
    (folder / "MSGTRK.log").write_text(log)
    (folder / "audit.json").write_text(audit + "\n")
    incident = scan([folder], actor_ips=[INTRUDER], **options)
    assert incident.unread == ()
    assert validate(incident.document) == []
    rows: Any = incident.document["mailboxes"]
    (row,) = rows
    return dict(row)


def test_a_message_that_a_record_names_is_found_in_message_tracking(tmp_path: Path) -> None:
    log = tracked(
        ("07:00:00", "SUBMIT", "a", ANNA, 900),
        ("07:00:05", "DELIVER", "a", ANNA, 1000),
        ("08:00:00", "DELIVER", "other", ANNA, 5),
    )
    row = row_of(tmp_path / "e", log, record("Bind", "a", "b"), subjects=True)
    (message,) = row["tracked"]
    assert message == {
        "how": "read",
        "sender": "x@y.example",
        "recipients": 2,
        "bytes": 1000,
        "delivered": "2021-03-03T07:00:05.000Z",
        "id": "<a@corp.example>",
        "subject": "Offer",
    }
    # A size on the way is no size in the mailbox.
    assert (row["items_at_least"], row["bytes_at_least"], row["bytes_at_most"]) == (2, 0, None)
    assert (row["received"], row["estimate"]) == (None, None)


def test_single_messages_are_only_there_when_asked_for(tmp_path: Path) -> None:
    log = tracked(("07:00:05", "DELIVER", "a", ANNA, 1017), ("08:00:05", "DELIVER", "b", ANNA, 2019))
    row = row_of(tmp_path / "e", log, record("Bind", "a", "b"))
    assert row["tracked_total"] == {
        "messages": 2,
        "sent": 0,
        "senders": 1,
        "bytes": 3036,
        "first": "2021-03-03T07:00:05.000Z",
        "last": "2021-03-03T08:00:05.000Z",
    }
    # Neither the message itself nor whom it is from.
    assert not [told for told in ("Offer", "1017", "2019", "<a@", "x@y.example") if told in json.dumps(row)]
    # The sum over one message would be that message's size.
    alone = row_of(tmp_path / "f", log, record("Bind", "a"))["tracked_total"]
    assert alone == {"messages": 1, "sent": 0, "senders": 1, "bytes": None, "first": None, "last": None}
    row = row_of(tmp_path / "g", log, record("Bind", "a"), subjects=True)
    assert (row["tracked"][0]["id"], row["tracked"][0]["subject"]) == ("<a@corp.example>", "Offer")
    assert row["tracked_total"]["bytes"] == 1017


def test_sums_are_of_all_messages_also_where_the_list_is_cut(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(MOST_TRACKED + 7)]
    log = tracked(*(("07:00:05", "DELIVER", name, ANNA, 10) for name in names))
    row = row_of(tmp_path / "e", log, record("Bind", *names), subjects=True)
    assert len(row["tracked"]) == MOST_TRACKED
    assert (row["tracked_total"]["messages"], row["tracked_total"]["bytes"]) == (
        MOST_TRACKED + 7,
        10 * (MOST_TRACKED + 7),
    )


def test_what_arrived_bounds_the_mail_of_that_time_and_no_other(tmp_path: Path) -> None:
    log = tracked(
        ("05:00:00", "DELIVER", "first", "bela@corp.example", 7),
        ("06:00:00", "DELIVER", "a", f"bela@corp.example;{ANNA.upper()}", 100),
        ("06:00:01", "DELIVER", "a", ANNA, 100),
        ("07:00:00", "DELIVER", "b", ANNA, 200),
        ("07:30:00", "FAIL", "c", ANNA, 200),
        # After the last access.
        ("10:00:00", "DELIVER", "late", ANNA, 400),
    )
    row = row_of(tmp_path / "e", log, record("Sync"))
    assert row["received"] == {
        "first": "2021-03-03T05:00:00.000Z",
        "last": "2021-03-03T09:00:00.000Z",
        "messages": 2,
        "bytes": 300,
        "complete": True,
    }
    assert (row["items_at_most"], row["bytes_at_most"]) == (None, None)
    assert any("before message tracking begins (2021-03-03)" in reason for reason in row["incomplete_because"])


def test_a_mailbox_that_gets_nothing_here_has_no_bound(tmp_path: Path) -> None:
    row = row_of(tmp_path / "e", tracked(("05:00:00", "DELIVER", "a", "bela@corp.example", 7)), record("Sync"))
    assert row["received"] is None


def test_a_log_with_a_hole_says_so(tmp_path: Path) -> None:
    rows = [(f"{hour:02}:00:00", "DELIVER", f"m{hour}", ANNA, 5) for hour in range(24)]
    log = tracked(*rows, day="01").rstrip("\n") + "\n" + "\n".join(tracked(*rows[8:9]).splitlines()[3:]) + "\n"
    row = row_of(tmp_path / "e", log, record("Sync"))
    assert (row["received"]["messages"], row["received"]["complete"]) == (24, False)


def test_bytes_become_messages_only_as_an_estimate(tmp_path: Path) -> None:
    rows = [(f"05:00:{second:02}", "DELIVER", f"m{second}", ANNA, 100 + 10 * second) for second in range(20)]
    folder = tmp_path / "e"
    folder.mkdir()
    (folder / "MSGTRK.log").write_text(tracked(*rows))
    (folder / "u_ex210303.log").write_text(
        "#Software: Microsoft Internet Information Services 10.0\n"
        "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
        f"2021-03-03 06:00:00 EX01 POST /owa/service.svc {ANNA} {INTRUDER} 443 Odd/7 200 2925\n"
    )
    found: Any = scan([folder], actor_ips=[INTRUDER]).document["mailboxes"]
    (row,) = found
    assert row["estimate"] == {"messages": 15, "message_bytes": 195, "of": 20}
    assert (row["items_at_least"], row["items_at_most"], row["bytes_at_least"]) == (0, None, 2925)


@pytest.mark.parametrize("seed", [3, 17])
def test_what_arrived_is_what_the_logs_add_up_to(simulated: Make, seed: int) -> None:
    evidence, _ = simulated("stolen-session", seed=seed, users=5)
    rows: Any = scan([evidence]).document["mailboxes"]
    told = [row for row in rows if row["received"]]
    assert told
    for row in told:
        arrived: dict[str, int] = {}
        for path in evidence.rglob("MSGTRKMD*.LOG"):
            head, _, rows_of_day = path.read_text("utf-8-sig").partition("#Fields: ")
            assert head.startswith("#Software")
            for each in csv.DictReader(rows_of_day.splitlines()):
                if each["recipient-address"] == row["mailbox"] and each["date-time"] <= row["last"]:
                    arrived[each["message-id"]] = int(each["total-bytes"])
        assert (row["received"]["messages"], row["received"]["bytes"]) == (len(arrived), sum(arrived.values()))


def test_a_message_sent_in_a_users_name_has_its_size(simulated: Make) -> None:
    evidence, truth = simulated("stolen-session", seed=3, users=5)
    rows: Any = scan([evidence], subjects=True).document["mailboxes"]
    sent = {(row["mailbox"], each["bytes"]) for row in rows for each in row["tracked"] if each["how"] == "sent"}
    assert sent == {(one["mailbox"], one["bytes"]) for one in truth["mail_sent"]}
