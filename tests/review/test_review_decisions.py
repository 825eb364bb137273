"""Decisions are recorded with their time, change the verdict shown, and can be taken back; nothing is deleted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from brokenseal.errors import CaseError
from brokenseal.review.decisions import Decisions
from brokenseal.review.verdict import Grades, known_grades, reviewed

TARGET = ("rule", "EX01", "203.0.113.7")
NOW = datetime(2026, 3, 1, 12, 0, 5, 999, tzinfo=UTC)


def test_a_decision_is_kept_with_its_time_and_survives_being_taken_back(tmp_path: Path) -> None:
    kept = Decisions(tmp_path, now=lambda: NOW)
    assert kept.every() == [] and not kept.path.exists()
    number = kept.add("tag", "finding", TARGET, label="F1", value="  to   ask ")
    assert kept.undo(number) and not kept.undo(number) and not kept.undo(number + 1)
    again = Decisions(tmp_path).every()
    assert [(one.made_at, one.value, one.target, one.active) for one in again] == [
        ("2026-03-01T12:00:05Z", "to ask", TARGET, False)
    ]
    assert again[0].undone_at == "2026-03-01T12:00:05Z" and again[0].made_by == again[0].undone_by != ""
    assert Decisions(tmp_path).marks().of("finding", TARGET) == []


def test_the_same_star_is_made_once_and_the_same_note_twice(tmp_path: Path) -> None:
    kept = Decisions(tmp_path)
    assert kept.add("star", "event", TARGET, label="") == kept.add("star", "event", TARGET, label="")
    first = kept.add("comment", "event", TARGET, label="", value="seen")
    assert kept.add("comment", "event", TARGET, label="", value="seen") != first
    assert len(kept.every()) == 3


@pytest.mark.parametrize(
    ("kind", "about", "value"),
    [
        ("star", "mailbox", ""), ("delete", "finding", ""), ("tag", "finding", "  "), ("comment", "event", ""),
        ("false_positive", "event", ""), ("tag", "finding", "x" * 61), ("comment", "finding", "x" * 4001),
    ],
)  # fmt: skip
def test_what_is_no_decision_is_refused(tmp_path: Path, kind: str, about: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Decisions(tmp_path).add(kind, about, TARGET, label="", value=value)
    assert Decisions(tmp_path).every() == []


def test_the_file_is_one_file_and_of_a_version(tmp_path: Path) -> None:
    Decisions(tmp_path).add("star", "event", TARGET, label="")
    assert [path.name for path in tmp_path.iterdir()] == ["review.sqlite"]
    with sqlite3.connect(tmp_path / "review.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CaseError, match="another version"):
        Decisions(tmp_path)
    (tmp_path / "review.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(CaseError, match="cannot use"):
        Decisions(tmp_path)


def test_false_positives_change_the_verdict_shown_and_taking_back_restores_it(browser: Any) -> None:
    findings = browser.review.document["findings"]
    grading = [one["id"] for one in findings if browser.review.grades.of(one) == "mail_read"]
    assert grading and "Verdict with decisions" not in browser.text("/")
    for name in grading:
        assert browser.decide("finding", name, "false_positive", "backup software").status_code == 303
    text = browser.text("/")
    assert "Verdict of the scan: broken into, and mail was read" in text
    assert "Verdict with decisions: broken into</p>" in text
    assert "Marked as false positive" in browser.text(f"/findings/{grading[0]}")
    assert f"{len(grading)}</strong> of" in browser.text("/findings?decided=false_positive")
    for one in findings:
        browser.decide("finding", one["id"], "false_positive")
    left = "cannot tell" if browser.review.document["not_seen"] else "no evidence of a break-in"
    assert f"Verdict with decisions: {left}</p>" in browser.text("/")
    for decision in browser.review.decisions.every():
        assert browser.post("/undo", {"id": str(decision.id)}).status_code == 303
    assert "Verdict with decisions" not in browser.text("/")
    assert browser.text("/decisions").count("taken back") >= len(findings)


def test_without_decisions_the_rule_gives_the_verdict_of_the_scan(browser: Any) -> None:
    document = browser.review.document
    again = reviewed(document, {"no such finding"}, known_grades())
    assert again.before == again.after == document["verdict"]
    assert all(before == after for before, after in again.hosts.values())


@pytest.mark.parametrize("scenario", ["quiet", "failed", "logs-missing", "host-only", "forwarded-mail"])
def test_the_rule_agrees_with_other_verdicts_too(simulated: Any, tmp_path: Path, scenario: str) -> None:
    from brokenseal.incident.scan import scan

    evidence, _ = simulated(scenario)
    document: Any = scan([evidence], case=tmp_path / "case", jobs=2).document
    assert reviewed(document, {"none"}, known_grades()).after == document["verdict"]


def finding(identity: str, outcome: str, stage: str | None = None, rule: str = "r", host: str = "A") -> dict[str, Any]:
    return {"id": identity, "rule": rule, "outcome": outcome, "campaign": "c", "stage": stage, "host": host}


def document(*findings: dict[str, Any], verdict: str = "mail_read", not_seen: tuple[str, ...] = ()) -> Any:
    hosts = [{"host": name, "verdict": verdict} for name in ("A", "B")]
    nothing: dict[str, list[Any]] = {"intrusions": [], "mailboxes": [], "evidence": []}
    return {"verdict": verdict, "hosts": hosts, "findings": list(findings), "not_seen": list(not_seen), **nothing}


@pytest.mark.parametrize(
    ("left_out", "after", "host_a"),
    [({"F9"}, "mail_read", "mail_read"), ({"F1"}, "attempted", "attempted"), ({"F1", "F2"}, "probed", "no_evidence"),
     ({"F1", "F2", "F3"}, "no_evidence", "no_evidence")],
)  # fmt: skip
def test_the_worst_of_what_is_left_is_the_verdict(left_out: set[str], after: str, host_a: str) -> None:
    grades = Grades({("c", "mail"): "mail_read"}, {"context"})
    made = document(
        finding("F1", "succeeded", "mail"),
        finding("F2", "attempted", "mail"),
        finding("F3", "probed", host="B"),
        finding("F4", "observed"),
        finding("F5", "succeeded", "mail", rule="context"),
    )
    found = reviewed(made, left_out, grades)
    assert (found.before, found.after, found.hosts["A"][1]) == ("mail_read", after, host_a)


@pytest.mark.parametrize(
    ("named_by", "access", "left_out", "after"),
    [
        ("evidence", "signed-in", {"F9"}, "mail_read"),
        ("evidence", "forwarded", {"F9"}, "mail_read"),
        ("evidence", "settings-changed", {"F9"}, "breached"),
        # Without the finding that shows the break-in nobody's reading is an intruder's, but for whom the user names.
        ("evidence", "signed-in", {"F1"}, "no_evidence"),
        ("user", "signed-in", {"F1"}, "mail_read"),
    ],
)
def test_reading_that_the_ledger_shows_counts_with_its_intrusion(
    named_by: str, access: str, left_out: set[str], after: str
) -> None:
    made = document(finding("F1", "succeeded"))
    made["intrusions"] = [{"id": "I1", "named_by": named_by, "findings": ["F1"]}]
    made["mailboxes"] = [{"mailbox": "anna", "access": access, "intrusion": "I1", "evidence": [{"file": "x.log"}]}]
    made["evidence"] = [{"file": "x.log", "host": "B"}]
    found = reviewed(made, left_out, Grades({}, set()))
    assert found.after == after
    assert (found.hosts["B"][1] == "mail_read") is (after == "mail_read")


def test_nothing_left_where_not_all_was_seen_cannot_tell() -> None:
    found = reviewed(document(finding("F1", "succeeded"), not_seen=("IIS logs",)), {"F1"}, Grades({}, set()))
    assert found.after == "cannot_tell"


def test_the_list_of_decisions_is_exported_whole(browser: Any) -> None:
    browser.decide("finding", "F1", "comment", "a\nb <b>")
    key = next(iter(browser.review.proof_keys.values()))
    browser.decide("event", str(key), "star")
    browser.post("/undo", {"id": "2"})
    found = json.loads(browser.get("/decisions/export.json").text)
    assert found["verdict"] == {"of_the_scan": "mail_read", "with_decisions": "mail_read"}
    first, second = found["decisions"]
    assert (first["kind"], first["value"], first["finding"], first["undone_at"]) == ("comment", "a\nb <b>", "F1", None)
    assert first["target"]["rule"] == browser.review.findings["F1"]["rule"]
    assert second["target"]["line"] == str(key.line) and second["undone_at"] is not None
    assert "a\\nb &lt;b&gt;" in browser.text("/decisions")


@pytest.mark.parametrize(
    ("about", "target"),
    [("finding", "F999"), ("event", "1.1.1"), ("event", "F1"), ("mailbox", "x"), ("", ""), ("event", "1" * 400)],
)
def test_decisions_about_nothing_are_refused(browser: Any, about: str, target: str) -> None:
    assert browser.decide(about, target, "star").status_code == 404
    assert browser.decide("finding", "F1", "praise").status_code == 400
    assert browser.post("/undo", {"id": "-1"}).status_code == 404
    assert not browser.review.decisions.every()


def test_decisions_stay_when_findings_get_other_ids(
    scanned: Path, with_document: Any, open_case: Callable[[Path], Any]
) -> None:
    def renumber(document: dict[str, Any]) -> None:
        for one in document["findings"]:
            one["id"] = f"F{int(one['id'][1:]) + 500}"
        document["findings"] = [one for one in document["findings"] if one["id"] != "F502"]

    copy = with_document(scanned, renumber)
    before = open_case(scanned)
    for name in ("F1", "F2"):
        before.decide("finding", name, "false_positive")
    (scanned / "review.sqlite").replace(copy / "review.sqlite")
    after = open_case(copy)
    assert after.review.left_out(after.review.decisions.marks()) == {"F501"}
    assert "not in the present result" in after.text("/decisions")
