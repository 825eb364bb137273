"""What rests on findings marked as false positives: held against scans to which the rules of these findings say nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from brokenseal.incident.matches import build_matches
from brokenseal.incident.scan import scan
from brokenseal.report.html import render
from brokenseal.review.case_review import finding_target
from brokenseal.review.decisions import Decisions
from brokenseal.review.for_report import decided_in
from brokenseal.review.standing import Rest, standing
from brokenseal.review.verdict import Grades, known_access, known_grades

Scan = Callable[[str, Collection[str]], Any]


@pytest.fixture(scope="module")
def without(simulated: Callable[..., tuple[Path, Any]]) -> Scan:
    """``without(scenario, rules)`` → the document of a scan in which these rules match nothing."""
    made: dict[tuple[str, tuple[str, ...]], Any] = {}
    real = build_matches

    def make(scenario: str, rules: Collection[str]) -> Any:
        def fewer(store: Any, found: Any) -> None:
            real(store, found)
            for rule in rules:
                store.engine.execute(f"DELETE FROM matches WHERE rule = '{rule}'")

        key = scenario, tuple(sorted(rules))
        if key not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("brokenseal.incident.matching.build_matches", fewer)
                made[key] = scan([simulated(scenario)[0]], jobs=2).document
        return made[key]

    return make


def mail_rules(document: Any, access: str) -> set[str]:
    return {one["rule"] for one in document["findings"] if known_access().get(one["rule"]) == access}


def breaking_in(document: Any) -> set[str]:
    return {one["rule"] for one in document["findings"] if known_grades().of(one) in ("breached", "mail_read")}


def shell_rules(document: Any) -> set[str]:
    by_id = {one["id"]: one for one in document["findings"]}
    shells = [shell for one in document["intrusions"] for shell in one["webshells"]]
    return {by_id[name]["rule"] for shell in shells for name in shell["findings"]}


def everything(document: Any) -> set[str]:
    return {one["rule"] for one in document["findings"]}


@pytest.mark.parametrize(
    ("scenario", "chosen"),
    [
        ("hafnium", lambda document: mail_rules(document, "ews-ssrf")),
        ("hafnium", lambda document: mail_rules(document, "export-request")),
        ("hafnium", shell_rules),
        ("hafnium", lambda document: set()),
        ("stolen-session", breaking_in),
        ("stolen-session", everything),
        ("forwarded-mail", breaking_in),
        ("forwarded-mail", everything),
    ],
    ids=[
        *("forged mail", "exports", "shells", "nothing", "breaking in", "everything"),
        *("breaking in before mail is sent on", "everything of mail sent on"),
    ],
)
def test_what_is_said_to_fall_is_not_found_without_these_findings_and_the_rest_is(
    without: Scan, scenario: str, chosen: Callable[[Any], set[str]]
) -> None:
    document = without(scenario, ())
    rules = chosen(document)
    left_out = {one["id"] for one in document["findings"] if one["rule"] in rules}
    found = standing(document, left_out, known_grades(), known_access())
    again = without(scenario, rules)
    for one, rest in zip(document["mailboxes"], found.mailboxes, strict=True):
        still = {(each["mailbox"], each["access"]) for each in again["mailboxes"]}
        if rest.falls:
            assert (one["mailbox"], one["access"]) not in still, one
        elif not rest.marked:
            assert (one["mailbox"], one["access"]) in still, one
    shells = {shell["url"] for one in again["intrusions"] for shell in one["webshells"]}
    for one, rests in zip(document["intrusions"], found.webshells, strict=True):
        for shell, rest in zip(one["webshells"], rests, strict=True):
            assert rest.falls == (shell["url"] not in shells)
    if all(rest.falls for rest in found.intrusions):
        assert again["intrusions"] == []
    of_shells = (rest for rests in found.webshells for rest in rests)
    assert any(rest.falls for rest in (*found.mailboxes, *of_shells)) == bool(rules)


def test_what_the_user_named_rests_on_no_finding() -> None:
    finding = {"id": "F1", "rule": "r", "outcome": "succeeded", "source_ip": "203.0.113.7"}
    row = {"intrusion": "I1", "access": "signed-in", "source_ips": ["203.0.113.7"]}
    actor = {"intrusion": "I1", "ip": "203.0.113.7", "agent": None, "why": "address of intrusion I1"}
    document: Any = {
        "findings": [finding],
        "intrusions": [{"id": "I1", "findings": ["F1"], "webshells": []}],
        "mailboxes": [row, {**row, "intrusion": None}],
        "actors": [actor],
    }
    grades = Grades({}, set())
    assert standing(document, {"F1"}, grades, {}).mailboxes == [Rest(("F1",)), Rest()]
    actor["why"] = "named with --actor-ip"
    assert standing(document, {"F1"}, grades, {}).mailboxes == [Rest(), Rest()]


def test_the_pages_and_the_report_name_what_rests_on_false_positives(browser: Any) -> None:
    document = browser.review.document
    assert "rests" not in browser.text("/mailboxes") + browser.text("/webshells")
    shell = document["intrusions"][0]["webshells"][0]
    for name in shell["findings"]:
        browser.decide("finding", name, "false_positive")
    assert "Rests on" in browser.text("/webshells")
    assert "Rests on" not in browser.text("/mailboxes")
    assert "are not. The numbers are those of the scan." in browser.text("/findings")
    for one in document["findings"]:
        browser.decide("finding", one["id"], "false_positive")
    assert browser.text("/mailboxes").count("Rests on") == len(document["mailboxes"])
    assert "Rests on" in browser.text("/") and "Rests on" in browser.text("/findings")


def test_the_report_says_it_in_its_section_of_decisions(browser: Any) -> None:
    case, document = browser.review.directory, browser.review.document
    decisions = Decisions(case)
    forged = [one for one in document["findings"] if known_access().get(one["rule"]) == "ews-ssrf"]
    for one in forged:
        decisions.add("false_positive", "finding", finding_target(one), label=one["title"])
    decided = decided_in(case, document)
    assert decided is not None
    page = render(document, decided=decided).decode()
    section = page[page.index('id="decisions"') : page.index('id="story"')]
    for one in document["mailboxes"]:
        assert (f"<bdi>{one['mailbox']}</bdi> rests on" in section) == (one["access"] == "ews-ssrf")
    assert f'<a href="#finding-{document["findings"].index(forged[0]) + 1}">' in section
    assert "Intrusion <bdi>I1</bdi> rests on" in section
