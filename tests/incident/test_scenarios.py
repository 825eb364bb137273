"""The simulator knows what happened; a scan of what it wrote must find exactly that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.document import validate
from brokenseal.simulate import SCENARIOS

Make = Callable[..., tuple[Path, dict[str, Any]]]


def document_of(evidence: Path, **arguments: Any) -> dict[str, Any]:
    incident = scan([evidence], **arguments)
    assert validate(incident.document) == []
    return dict(incident.document)


FORGED = ("ews-ssrf", "other-ssrf")
#: What the incident calls the state of a shell that is there and was never asked for.
STATES = {"never answered": "alive"}


def used(row: dict[str, Any], first: str, last: str) -> tuple[Any, ...]:
    # IIS, where use is seen, logs whole seconds.
    seconds = [row[name] and row[name][:19] for name in (first, last)]
    return row["url"], *seconds, STATES.get(row["state"], row["state"]), row["requests"]


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in ("quiet", "logs-missing")])
@pytest.mark.parametrize("seed", [1, 2021])
def test_verdict_shells_and_mail_are_those_of_the_truth(simulated: Make, scenario: str, seed: int) -> None:
    evidence, truth = simulated(scenario, seed=seed)
    found = document_of(evidence)
    assert found["verdict"] == truth["verdict"]
    shells = [shell for intrusion in found["intrusions"] for shell in intrusion["webshells"]]
    planted = truth["planted_shells"]
    assert [used(s, "first_used", "last_used") for s in shells] == [used(s, "first_use", "last_use") for s in planted]
    for shell, true in zip(shells, planted, strict=True):
        assert shell["path"] == true["path"]
        assert shell["sha256"] == true["sha256"]
        assert shell["times_set_back"] is true["timestomped"]
        assert shell["findings"]
        assert shell["evidence"]
        # The event log and the $MFT say it to the millisecond or so, a written time to the second.
        came = datetime.fromisoformat(shell["planted"]["time"]) - datetime.fromisoformat(true["planted"])
        assert abs(came) < timedelta(seconds=1)
    forged = [m for m in found["mailboxes"] if m["access"] in FORGED or m["access"] == "export-request"]
    mail = {(m["mailbox"], m["requests"], m["items_at_least"], m["bytes_at_least"]) for m in forged}
    read = {(m["mailbox"], m["requests"], m["items"], m["bytes"]) for m in truth["mailboxes"]}
    # Exported once, and logged twice: as a cmdlet and as an event. Neither log says how much it was.
    assert mail == read | {(export["mailbox"], 1, 0, 0) for export in truth["exports"]}


@pytest.mark.parametrize("scenario", ["hafnium", "mail-only", "oab-write"])
def test_the_attackers_addresses_are_in_one_intrusion_and_nobody_elses(simulated: Make, scenario: str) -> None:
    evidence, truth = simulated(scenario)
    found = document_of(evidence)
    assert [intrusion["source_ips"] for intrusion in found["intrusions"]] == [sorted(truth["attacker_ips"])]


@pytest.mark.parametrize("scenario", ["hafnium", "mail-only", "oab-write", "failed", "probed"])
def test_the_flaws_and_their_outcome_are_those_of_the_truth(simulated: Make, scenario: str) -> None:
    evidence, truth = simulated(scenario)
    found = document_of(evidence)
    outcomes = {cve["id"]: cve["outcome"] for intrusion in found["intrusions"] for cve in intrusion["cves"]}
    if scenario == "probed":
        assert found["intrusions"] == []
        assert {finding["outcome"] for finding in found["findings"]} == {"probed"}
    else:
        assert outcomes == truth["cves"]


def test_a_quiet_server_whose_logs_cover_the_campaign_shows_no_evidence(simulated: Make) -> None:
    evidence, _ = simulated("quiet", users=1, start=date(2021, 1, 1), days=75)
    found = document_of(evidence)
    assert (found["verdict"], found["findings"], found["intrusions"], found["mailboxes"]) == ("no_evidence", [], [], [])


def test_the_same_server_with_logs_of_a_few_days_cannot_be_judged(simulated: Make) -> None:
    evidence, _ = simulated("quiet")
    found = document_of(evidence)
    assert found["verdict"] == "cannot_tell"
    assert any("2021-01-01 to 2021-02-27" in sentence for sentence in found["not_seen"])


def test_missing_logs_hide_the_break_in_and_the_report_says_which(simulated: Make) -> None:
    evidence, truth = simulated("logs-missing")
    found = document_of(evidence)
    assert (found["verdict"], truth["verdict"]) == ("cannot_tell", "cannot_tell")
    assert any("HttpProxy" in sentence for sentence in found["not_seen"])


def test_a_theft_that_crosses_two_servers_is_one_intrusion_with_both_mailboxes(simulated: Make) -> None:
    evidence, truth = simulated("hafnium", servers=2)
    found = document_of(evidence)
    assert len(found["intrusions"]) == 1
    exported = {export["mailbox"] for export in truth["exports"]}
    assert {m["mailbox"] for m in found["mailboxes"]} == {m["mailbox"] for m in truth["mailboxes"]} | exported
    assert all(m["complete"] is (m["mailbox"] not in exported) for m in found["mailboxes"])


def test_without_the_back_end_log_the_bytes_stay_in_a_row_of_their_own(simulated: Make) -> None:
    evidence, truth = simulated("mail-only", sources=["iis", "httpproxy", "ecp_server"])
    found = document_of(evidence)
    [row] = found["mailboxes"]
    assert row["mailbox"] is None
    assert row["bytes_at_least"] == sum(m["bytes"] for m in truth["mailboxes"])
    assert not row["complete"]
    assert found["verdict"] == "mail_read"


def test_iis_alone_shows_the_break_in(simulated: Make) -> None:
    evidence, _ = simulated("hafnium", sources=["iis"])
    found = document_of(evidence)
    assert found["verdict"] == "breached"
    assert [s["state"] for i in found["intrusions"] for s in i["webshells"]] == ["removed"]
