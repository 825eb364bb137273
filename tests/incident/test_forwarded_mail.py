"""Mail that a changed setting sent on, as message tracking shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from brokenseal import scan

if TYPE_CHECKING:
    from tests.incident.conftest import BrokenInto

Make = Callable[..., tuple[Path, dict[str, Any]]]
ANNA, DROP = "anna@corp.example", "drop@example.net"


def forwarding(broken_into: BrokenInto, to: str = DROP) -> None:
    parameters = f'-Identity "{ANNA}" -ForwardingSmtpAddress "smtp:{to}"'
    broken_into.cmdlet("03:00:00", "CORP\\EX01$", "Set-Mailbox", parameters)


def forwarded(found: dict[str, Any]) -> list[tuple[str, int, int]]:
    rows = [row for row in found["mailboxes"] if row["access"] == "forwarded"]
    assert all(row["items_at_most"] is row["bytes_at_most"] is None and not row["complete"] for row in rows)
    return [(row["mailbox"], row["items_at_least"], row["bytes_at_least"]) for row in rows]


def test_a_redirected_message_counts_once_on_all_its_ways(broken_into: BrokenInto) -> None:
    forwarding(broken_into)
    broken_into.track(
        "04:00:00", "ROUTING", "REDIRECT", "a", DROP, related_recipient_address=ANNA, sender_address="x@y.example"
    )
    broken_into.track("04:00:01", "SMTP", "SENDEXTERNAL", "a", DROP, sender_address="x@y.example")
    broken_into.track("04:00:02", "STOREDRIVER", "DELIVER", "a", ANNA, sender_address="x@y.example")
    found = broken_into.scanned()
    (row,) = [row for row in found["mailboxes"] if row["access"] == "forwarded"]
    assert forwarded(found) == [(ANNA, 1, 100)]
    assert (row["first"], row["last"]) == ("2021-03-03T04:00:00.000Z", "2021-03-03T04:00:01.000Z")
    assert [change["what"] for change in row["changes"]] == ["forwarding"]
    assert found["verdict"] == "mail_read"
    # No address has a part in it: the server's own account made the setting.
    assert (row["confidence"], row["confidence_because"]) == ("medium", "setting-server")


def test_what_a_rule_sends_is_a_message_of_the_mailbox(broken_into: BrokenInto) -> None:
    broken_into.rule("03:00:00", "CORP\\anna", "203.0.113.7", "c", DROP)
    broken_into.track("04:00:00", "MAILBOXRULE", "RECEIVE", "b", DROP, 70, sender_address=ANNA)
    broken_into.track("04:00:01", "SMTP", "SEND", "b", DROP, 70, sender_address=ANNA)
    # Without a directory nothing says that corp\anna is this address.
    assert forwarded(broken_into.scanned()) == []
    (broken_into.folder / "mailboxes.csv").write_text(f"PrimarySmtpAddress,SamAccountName\n{ANNA},CORP\\anna\n")
    found = broken_into.scanned()
    assert forwarded(found) == [(ANNA, 1, 70)]
    (row,) = [row for row in found["mailboxes"] if row["access"] == "forwarded"]
    assert row["confidence_because"] == "setting-address"


def test_mail_that_was_read_and_sent_on_is_said_to_be_both(broken_into: BrokenInto) -> None:
    forwarding(broken_into)
    broken_into.track("04:10:00", "SMTP", "SENDEXTERNAL", "b", DROP, sender_address=ANNA)
    broken_into.front("05:00:00", "Ews", ANNA, "203.0.113.7", UrlStem="/EWS/Exchange.asmx")
    found = broken_into.scanned()
    assert {row["access"] for row in found["mailboxes"]} >= {"forwarded", "signed-in"}
    assert found["summary"].startswith("Broken into, and mail was read or sent on: 1 mailbox")


def test_what_failed_for_the_address_or_came_before_does_not_count(broken_into: BrokenInto) -> None:
    forwarding(broken_into)
    broken_into.track("02:00:00", "SMTP", "SENDEXTERNAL", "early", DROP, sender_address=ANNA)
    broken_into.track("04:00:00", "ROUTING", "REDIRECT", "a", DROP, related_recipient_address=ANNA)
    broken_into.track("04:00:01", "SMTP", "FAIL", "a", DROP)
    assert forwarded(broken_into.scanned()) == []
    broken_into.track("05:00:01", "SMTP", "SENDEXTERNAL", "a", DROP)
    assert forwarded(broken_into.scanned()) == [(ANNA, 1, 100)]


def test_what_is_only_on_its_way_is_not_proved(broken_into: BrokenInto) -> None:
    forwarding(broken_into)
    broken_into.track("04:00:00", "ROUTING", "REDIRECT", "a", DROP, related_recipient_address=ANNA)
    broken_into.track("04:10:00", "SMTP", "SENDEXTERNAL", "b", DROP, sender_address=ANNA)
    broken_into.track("04:10:05", "SMTP", "FAIL", "b", DROP, sender_address=ANNA)
    assert forwarded(broken_into.scanned()) == []


def test_mail_of_others_to_the_address_is_not_the_mailboxs(broken_into: BrokenInto) -> None:
    forwarding(broken_into)
    broken_into.track("04:00:00", "SMTP", "SENDEXTERNAL", "a", DROP, sender_address="bela@corp.example")
    assert forwarded(broken_into.scanned()) == []
    broken_into.track("04:00:00", "SMTP", "SENDEXTERNAL", "b", f"x@y.example; {DROP.upper()}", sender_address=ANNA)
    assert forwarded(broken_into.scanned()) == [(ANNA, 1, 100)]


def test_ordinary_mail_to_a_colleague_is_no_forwarding(broken_into: BrokenInto) -> None:
    # The intruder sends anna's mail on to a mailbox inside; anna writes to its owner as ever.
    to = "bela@corp.example"
    forwarding(broken_into, to)
    broken_into.track("04:00:00", "STOREDRIVER", "DELIVER", "a", to, sender_address=ANNA)
    broken_into.track("04:01:00", "STOREDRIVER", "DELIVER", "b", f"{ANNA};{to}", sender_address="x@y.example")
    assert forwarded(broken_into.scanned()) == []
    broken_into.track("04:02:00", "ROUTING", "REDIRECT", "c", to, 60, related_recipient_address=ANNA)
    broken_into.track("04:02:01", "STOREDRIVER", "DELIVER", "c", to, 60, sender_address="x@y.example")
    assert forwarded(broken_into.scanned()) == [(ANNA, 1, 60)]


def test_a_transport_rule_reaches_whoever_the_message_was_of(broken_into: BrokenInto) -> None:
    broken_into.cmdlet("03:00:00", "CORP\\EX01$", "New-TransportRule", f'-Name "C" -BlindCopyTo "{DROP}"')
    broken_into.track("04:00:00", "STOREDRIVER", "SUBMIT", "a", "bela@corp.example", sender_address=ANNA)
    broken_into.track("04:00:01", "STOREDRIVER", "DELIVER", "a", "bela@corp.example", sender_address=ANNA)
    broken_into.track("04:00:02", "SMTP", "SENDEXTERNAL", "a", DROP, sender_address=ANNA)
    broken_into.track("04:01:00", "STOREDRIVER", "DELIVER", "other", "carla@corp.example", sender_address=ANNA)
    assert forwarded(broken_into.scanned()) == [(ANNA, 1, 100), ("bela@corp.example", 1, 100)]


@pytest.mark.parametrize("seed", [1, 3, 17, 2021])
@pytest.mark.parametrize("users", [3, 6])
def test_the_mail_sent_on_and_no_other(simulated: Make, seed: int, users: int) -> None:
    evidence, truth = simulated("forwarded-mail", seed=seed, users=users)
    document = dict(scan([evidence]).document)
    found = {mailbox: (items, size) for mailbox, items, size in forwarded(document)}
    assert found == {one["mailbox"]: (one["items"], one["bytes"]) for one in truth["forwarded"]}
    # Nobody is seen reading.
    boxes = "1 mailbox" if len(found) == 1 else f"{len(found)} mailboxes"
    assert str(document["summary"]).startswith(f"Broken into, and mail was sent on: {boxes}, at least ")


def test_without_message_tracking_a_forwarding_is_a_changed_setting(simulated: Make) -> None:
    kept = ["iis", "httpproxy", "ecp_server", "cmdlet", "directory_export"]
    evidence, truth = simulated("forwarded-mail", sources=kept)
    incident = scan([evidence])
    rows: Any = incident.document["mailboxes"]
    assert incident.verdict == "breached"
    assert "mail was read" not in incident.summary
    changed = {row["mailbox"] for row in rows if row["access"] == "settings-changed"}
    assert changed == {one["mailbox"] for one in truth["settings"] if one["mailbox"]}
    assert {row["access"] for row in rows} <= {"settings-changed", "other-ssrf"}


def test_on_two_servers_the_same_message_counts_once(simulated: Make) -> None:
    evidence, truth = simulated("forwarded-mail", seed=5, users=6, servers=2, start=date(2021, 2, 27))
    found = {mailbox: (items, size) for mailbox, items, size in forwarded(dict(scan([evidence]).document))}
    assert found == {one["mailbox"]: (one["items"], one["bytes"]) for one in truth["forwarded"]}
