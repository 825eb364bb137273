from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from brokenseal.simulate import simulate

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulated, Simulation

    from brokenseal.simulate.mail_truth import MailAccessTruth

Record = dict[str, Any]


@pytest.fixture(params=[(1, 1), (4, 5)], ids=str)
def made(request: pytest.FixtureRequest, simulation: Simulation) -> Simulated:
    users, days = request.param
    return simulation("cloud-session", users=users, days=days)


def _records(made: Simulated) -> list[Record]:
    text = (made.evidence / "exports/unified-audit.jsonl").read_bytes().decode("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _rows(made: Simulated, name: str) -> list[dict[str, str]]:
    lines = (made.evidence / "exports" / name).read_bytes().decode("utf-8-sig").split("\r\n")
    return list(csv.DictReader([line for line in lines if not line.startswith("#TYPE")], strict=True))


def _actors(made: Simulated) -> set[str]:
    return {actor.ip for actor in made.truth.actor_ips}


def _accesses(made: Simulated, mailbox: str) -> list[Record]:
    return [
        record
        for record in _records(made)
        if record["Operation"] == "MailItemsAccessed"
        and record["MailboxOwnerUPN"] == mailbox
        and record["ClientIPAddress"] in _actors(made)
    ]


def _content(record: Record) -> str:
    return json.dumps({name: record[name] for name in record if name not in ("Id", "CreationTime")}, sort_keys=True)


def _different(records: list[Record]) -> list[Record]:
    """Without the records that repeat another one within an hour."""
    kept: list[Record] = []
    for record in sorted(records, key=lambda record: str(record["CreationTime"])):
        time = datetime.fromisoformat(record["CreationTime"])
        if not any(
            _content(each) == _content(record)
            and time - datetime.fromisoformat(each["CreationTime"]) <= timedelta(hours=1)
            for each in kept
        ):
            kept.append(record)
    return kept


def _items(record: Record) -> list[Record]:
    return [item for folder in record.get("Folders", ()) for item in folder["FolderItems"]]


def _property(record: Record, name: str) -> str:
    return next(str(each["Value"]) for each in record["OperationProperties"] if each["Name"] == name)


def _cloud(made: Simulated) -> list[MailAccessTruth]:
    """Read one by one, copied, read until throttled, read by an application."""
    return made.truth.mail_access[:4]


def test_the_truth_counts_the_different_records_of_the_intruder(made: Simulated) -> None:
    for access in _cloud(made):
        records = _different(_accesses(made, access.mailbox))
        assert access.access == "audited"
        assert access.requests == len(records)
        times = [f"{record['CreationTime']}.000Z" for record in records]
        assert (access.first, access.last) == (min(times), max(times))
        assert access.source_ips == [records[0]["ClientIPAddress"]]
        named = {item["InternetMessageId"]: item["SizeInBytes"] for record in records for item in _items(record)}
        whole = {_property(record, "MailAccessType") for record in records} == {"Bind"} and not any(
            _property(record, "IsThrottled") == "True" for record in records
        )
        # The first mailbox was searched as well: what that showed is in no record.
        assert access.complete_record is (whole and access is not made.truth.mail_access[0])
        assert len(named) <= access.items
        assert (len(named) == access.items) is whole
        assert (sum(named.values()) == access.bytes) is whole


def test_synchronised_folders_name_no_messages_and_the_throttled_record_is_the_last(made: Simulated) -> None:
    one, copied, throttled, application = _cloud(made)
    for record in _accesses(made, copied.mailbox):
        assert (_property(record, "MailAccessType"), _items(record)) == ("Sync", [])
        assert record["Item"]["ParentFolder"]["Path"] in {"\\Inbox", "\\Sent Items"}
    records = _accesses(made, throttled.mailbox)
    assert [_property(record, "IsThrottled") for record in records] == ["False"] * 40 + ["True"]
    assert sum(len(_items(record)) for record in records[:-1]) == 1_000
    assert (one.complete_record, application.complete_record) == (False, True)


def test_some_records_are_there_again_within_the_hour_under_another_id(made: Simulated) -> None:
    one, copied, *_ = _cloud(made)
    records = [*_accesses(made, one.mailbox), *_accesses(made, copied.mailbox)]
    assert len(records) - one.requests - copied.requests == 7
    assert len({record["Id"] for record in records}) == len(records)


def test_both_exports_hold_the_same_records_of_two_users(made: Simulated) -> None:
    records, rows = _records(made), _rows(made, "unified-audit.csv")
    one, copied, *_ = _cloud(made)
    wanted = [record for record in records if record["UserId"] in (one.mailbox, copied.mailbox)]
    assert [json.loads(row["AuditData"]) for row in reversed(rows)] == wanted
    assert {row["Operations"] for row in rows} >= {
        "HardDelete",
        "MailItemsAccessed",
        "New-InboxRule",
        "SearchQueryInitiatedExchange",
        "Send",
        "UpdateInboxRules",
        "UserLoggedIn",
    }
    assert {record["Workload"] for record in records} == {
        "AzureActiveDirectory",
        "Exchange",
        "MicrosoftTeams",
        "SharePoint",
    }
    assert made.truth.audit_logs == {
        "exports/unified-audit.csv": len(rows),
        "exports/unified-audit.jsonl": len(records),
        "exports/mailbox-audit.csv": len(_rows(made, "mailbox-audit.csv")),
    }


def test_an_application_ties_the_third_address(made: Simulated) -> None:
    third = made.truth.actor_ips[-1]
    assert (third.evidence, third.user_agents) == (["app-id"], [])
    assert third.ip not in made.truth.attacker_ips
    (app_id,) = third.app_ids
    records = [record for record in _records(made) if record.get("ClientIPAddress") == third.ip]
    assert {record["AppId"] for record in records} == {app_id}
    (consent,) = [record for record in _records(made) if record["Operation"] == "Consent to application."]
    assert (consent["ActorIpAddress"], consent["ObjectId"]) == (made.truth.attacker_ips[0], app_id)


def test_owners_and_a_colleague_use_the_same_mailboxes_meanwhile(made: Simulated) -> None:
    uses = {use.mailbox: use for use in made.truth.normal_use if use.access == "audited"}
    assert all(use.requests for use in uses.values())
    for access in _cloud(made):
        own = [
            record
            for record in _records(made)
            if record["Operation"] == "MailItemsAccessed"
            and record["MailboxOwnerUPN"] == access.mailbox
            and record["ClientIPAddress"] not in _actors(made)
            and access.first <= f"{record['CreationTime']}.000Z" <= access.last
        ]
        use = uses[access.mailbox]
        assert use.requests == len(own)
        assert set(use.source_ips) == {record["ClientIPAddress"] for record in own}
    delegates = [record for record in _records(made) if record.get("LogonType") == 2]
    assert {record["MailboxOwnerUPN"] for record in delegates} == {_cloud(made)[0].mailbox}
    assert delegates[0]["UserId"] != delegates[0]["MailboxOwnerUPN"]


def test_the_administrators_reading_is_in_the_mailbox_and_in_the_servers_logs(made: Simulated) -> None:
    signed_in, audited = made.truth.mail_access[4:]
    assert (signed_in.mailbox, signed_in.access, audited.access) == (audited.mailbox, "signed-in", "audited")
    rows = _rows(made, "mailbox-audit.csv")
    by_intruder = [row for row in rows if row["ClientIPAddress"] in _actors(made)]
    assert {row["LogonType"] for row in by_intruder} == {"Admin"}
    assert {row["MailboxOwnerUPN"] for row in rows} == {audited.mailbox}
    assert len(by_intruder) == audited.requests
    assert len({row["ItemId"] for row in by_intruder if row["Operation"] == "MessageBind"}) == audited.items
    calls = [row for row in made.rows("Logging/Ews") if row["AuthenticatedUser"] == "it.admin@corp.example"]
    assert {row["ImpersonatedUser"] for row in calls} == {signed_in.mailbox}
    read = sum(int(row["LocalIdCount"]) for row in calls if row["SoapAction"] == "GetItem")
    assert read == signed_in.items == audited.items
    colleague = [row for row in rows if row not in by_intruder]
    assert {row["LogonType"] for row in colleague} == {"Delegate"}
    assert {row["Operation"] for row in colleague} == {"FolderBind", "MessageBind"}


def test_exports_are_sources_that_can_be_left_out(tmp_path: Path) -> None:
    truth = simulate(tmp_path, "cloud-session", users=1, days=1, sources=["iis", "directory_export"])
    assert (truth.directory, truth.audit_logs) == ("exports/mailboxes.csv", {})
    assert [path.name for path in (tmp_path / "evidence/exports").iterdir()] == ["mailboxes.csv"]
