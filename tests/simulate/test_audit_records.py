"""Names and shapes are those of the documented schema of the unified audit log."""

from __future__ import annotations

from typing import Any

from brokenseal.simulate import audit_records
from brokenseal.simulate.audit_records import Client
from brokenseal.simulate.cloud_mailboxes import CloudMailbox, Message, mailboxes
from brokenseal.simulate.organisation import found

AT = 1_614_470_400_500  # 2021-02-28T00:00:00.500Z
NUMBER = "c0ffee00-0000-4000-8000-000000000001"
CLIENT = Client("203.0.113.9", "Client=OWA;Firefox;", "app", "session")


def _boxes() -> list[CloudMailbox]:
    return mailboxes(found(1, 2, 1, None), 1, (20, 30))


def _record(record: audit_records.Record) -> dict[str, Any]:
    return dict(record)


def test_mailboxes_in_the_cloud_belong_to_other_people_than_those_on_premises() -> None:
    organisation, boxes = found(1, 2, 1, None), _boxes()
    owners = [*organisation.users, *(box.owner for box in boxes)]
    for name in ("smtp", "sid", "mailbox"):
        assert len({getattr(user, name) for user in owners}) == 4
    assert [len(box.messages) for box in boxes] == [20, 30]
    assert len({message.message_id for box in boxes for message in box.messages}) == 50


def test_messages_are_listed_by_folder_with_their_sizes() -> None:
    box = _boxes()[0]
    messages = [
        Message("<1@x.example>", "i1", "\\Inbox", "a", 10),
        Message("<2@x.example>", "i2", "\\Archive", "b", 20),
        Message("<3@x.example>", "i3", "\\Inbox", "c", 30),
    ]
    record = _record(audit_records.bound(AT, NUMBER, box, CLIENT, messages, throttled=True))
    assert (record["CreationTime"], record["RecordType"], record["OperationCount"]) == ("2021-02-28T00:00:00", 50, 3)
    assert [(folder["Path"], len(folder["FolderItems"])) for folder in record["Folders"]] == [
        ("\\Inbox", 2),
        ("\\Archive", 1),
    ]
    assert record["Folders"][0]["FolderItems"][1] == {
        "Id": "i3",
        "InternetMessageId": "<3@x.example>",
        "SizeInBytes": 30,
    }
    assert record["OperationProperties"] == [
        {"Name": "MailAccessType", "Value": "Bind"},
        {"Name": "IsThrottled", "Value": "True"},
    ]
    assert (record["LogonType"], record["UserId"], record["MailboxOwnerUPN"]) == (0, box.owner.smtp, box.owner.smtp)


def test_somebody_elses_access_is_a_delegates_under_the_own_name() -> None:
    box, other = _boxes()
    record = _record(audit_records.bound(AT, NUMBER, box, CLIENT, box.messages[:1], by=other))
    assert (record["LogonType"], record["UserId"], record["LogonUserSid"]) == (2, other.owner.smtp, other.owner.sid)
    assert (record["MailboxOwnerUPN"], record["MailboxOwnerSid"]) == (box.owner.smtp, box.owner.sid)


def test_a_synchronised_folder_is_an_item_and_no_list() -> None:
    record = _record(audit_records.synchronised(AT, NUMBER, _boxes()[0], CLIENT, "\\Inbox"))
    assert "Folders" not in record
    assert record["Item"]["ParentFolder"] == {"Id": record["Item"]["Id"], "Name": "Inbox", "Path": "\\Inbox"}


def test_cmdlets_have_their_parameters_and_an_address_with_a_port() -> None:
    record = _record(audit_records.rule_made(AT, NUMBER, _boxes()[0], CLIENT, ".", "drop@example.net"))
    assert (record["Operation"], record["RecordType"], record["ResultStatus"]) == ("New-InboxRule", 1, "True")
    assert {"Name": "ForwardTo", "Value": "drop@example.net"} in record["Parameters"]
    address, _, port = record["ClientIP"].partition(":")
    assert address == "203.0.113.9"
    assert 49_152 <= int(port) < 65_536
