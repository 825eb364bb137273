"""The ledger against the truth of random scenarios: the mailboxes read and no other, and every number within its bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.document import validate

Make = Callable[..., tuple[Path, dict[str, Any]]]
WAYS = ("signed-in", "audited")


@pytest.mark.parametrize("scenario", ["stolen-session", "cloud-session"])
@pytest.mark.parametrize("seed", [3, 17, 2021])
@pytest.mark.parametrize("users", [5, 7])
def test_the_mailboxes_read_and_no_other_within_bounds(simulated: Make, scenario: str, seed: int, users: int) -> None:
    evidence, truth = simulated(scenario, seed=seed, users=users)
    incident = scan([evidence])
    assert incident.unread == ()
    assert validate(incident.document) == []
    assert incident.verdict == truth["verdict"]
    rows: Any = incident.document["mailboxes"]
    found = {(row["mailbox"], row["access"]): row for row in rows if row["access"] in WAYS}
    true = {(row["mailbox"], row["access"]): row for row in truth["mail_access"]}
    assert found.keys() == true.keys()
    for key, row in found.items():
        within(row["items_at_least"], true[key]["items"], row["items_at_most"])
        within(row["bytes_at_least"], true[key]["bytes"], row["bytes_at_most"])
        assert row["complete"] is true[key]["complete_record"], key
        assert set(true[key]["source_ips"]) <= set(row["source_ips"])
        assert row["intrusion"] == "I1"
        assert row["evidence"]
        if row["access"] == "signed-in":
            assert (row["requests"], row["first"], row["last"]) == tuple(
                true[key][name] for name in ("requests", "first", "last")
            )
            assert row["bytes_at_least"] == true[key]["bytes"]


def within(least: int, true: int, most: int | None) -> None:
    assert least <= true
    assert most is None or true <= most


@pytest.mark.parametrize("scenario", ["stolen-session", "cloud-session"])
def test_every_address_of_the_intruder_stands_first_among_those_that_nothing_explains(
    simulated: Make, scenario: str
) -> None:
    # Users need some days to have usual addresses.
    evidence, truth = simulated(scenario, seed=3, users=5, start=date(2021, 2, 15), days=18)
    document: Any = scan([evidence]).document
    ranked = [client["ip"] for client in document["outflow"]["clients"] if client["unexplained_bytes"]]
    theirs = {row["ip"] for row in document["outflow"]["clients"] if row["intrusion"]}
    assert theirs <= set(truth["attacker_ips"])
    assert set(ranked[: len(theirs)]) == theirs


def test_what_the_user_says_outweighs_what_was_worked_out(simulated: Make) -> None:
    evidence, truth = simulated("stolen-session", seed=3, users=5)
    spared: Any = scan([evidence], not_actor_ips=truth["attacker_ips"]).document
    assert [row for row in spared["mailboxes"] if row["access"] in WAYS] == []


def test_messages_sent_in_a_users_name_are_counted(simulated: Make) -> None:
    evidence, truth = simulated("stolen-session", seed=3, users=5)
    rows: Any = scan([evidence]).document["mailboxes"]
    sent = {
        row["mailbox"]: each["count"]
        for row in rows
        for each in row["actions"]
        if each["operation"] == "message sent (message tracking)"
    }
    assert sent == {row["mailbox"]: 1 for row in truth["mail_sent"]}
