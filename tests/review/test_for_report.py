"""What the report of a case carries of its review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from brokenseal.report.html import render
from brokenseal.report.html.decided import Decided
from brokenseal.review.case_review import finding_target
from brokenseal.review.decisions import Decisions
from brokenseal.review.for_report import decided_in

SAMPLE: Any = json.loads((Path(__file__).parent.parent / "report" / "sample_document.json").read_text("utf-8"))


def test_nobody_decided_anything(tmp_path: Path) -> None:
    assert decided_in(tmp_path, SAMPLE) is None
    assert b"What the review decided" not in render(SAMPLE)


def test_false_alarms_change_the_verdict_that_the_report_shows(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path)
    for finding in SAMPLE["findings"]:
        decisions.add("false_positive", "finding", finding_target(finding), label=finding["title"])
    decided = decided_in(tmp_path, SAMPLE)
    assert decided is not None
    assert decided.verdict == "cannot_tell"
    page = render(SAMPLE, decided=decided).decode()
    assert "the verdict is: Cannot tell" in page
    assert "false alarm" in page


def test_what_was_taken_back_is_told_and_changes_nothing(tmp_path: Path) -> None:
    decisions = Decisions(tmp_path)
    finding = SAMPLE["findings"][0]
    number = decisions.add("false_positive", "finding", finding_target(finding), label=finding["title"])
    assert decisions.undo(number)
    decided = cast("Decided", decided_in(tmp_path, SAMPLE))
    assert decided.verdict is None
    page = render(SAMPLE, decided=decided).decode()
    assert "The verdict stays the same" in page
    assert "taken back" in page


def test_what_people_write_is_text() -> None:
    entry = {
        "made_at": "2026-11-24T12:00:00.000Z",
        "made_by": "<b>x</b>",
        "kind": "comment",
        "about": "\x1b[2J",
        "text": "<script>alert(1)</script>\u202e",
        "undone_at": "",
    }
    page = render(SAMPLE, decided=Decided(None, [entry])).decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
