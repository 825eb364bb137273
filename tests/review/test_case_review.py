"""Opening a case: what is none is refused, the index is made once and again when the case changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from brokenseal.cli import main
from brokenseal.errors import CaseError, UsageError
from brokenseal.review.case_review import CaseReview
from brokenseal.review.event_columns import shown_kinds
from brokenseal.review.filters import Filter


def test_what_is_no_case_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="not a directory"):
        CaseReview(tmp_path / "none")
    with pytest.raises(UsageError, match="brokenseal scan"):
        CaseReview(tmp_path)
    assert main(["review", str(tmp_path), "--no-browser"]) == 2
    assert "brokenseal scan" in capsys.readouterr().err


def test_a_result_without_its_case_is_refused(scanned: Path, tmp_path: Path) -> None:
    shutil.copytree(scanned / "results", tmp_path / "results")
    with pytest.raises(CaseError, match="no brokenseal case"):
        CaseReview(tmp_path)
    (tmp_path / "case.json").write_text('{"layout": 99}')
    with pytest.raises(CaseError, match="another version"):
        CaseReview(tmp_path)


def test_the_index_is_made_once_and_again_for_another_state(scanned: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    shutil.copytree(scanned, case, ignore=shutil.ignore_patterns("review*"))
    made: list[int] = []
    for _ in range(2):
        with CaseReview(case, building=lambda: made.append(1)) as review:
            first = review.timeline.events
    assert made == [1]
    lines = (case / "journal.jsonl").read_bytes().splitlines(keepends=True)
    record = json.loads(lines[-1])
    (case / "journal.jsonl").write_bytes(b"".join(lines[:-1]))
    with CaseReview(case, building=lambda: made.append(2)) as review:
        kinds = shown_kinds()
        less = sum(one["events"] for one in record["sources"] if one["kind"] in kinds)
        assert review.timeline.events <= first and (review.timeline.events < first or less == 0)
    assert made == [1, 2]
    assert len(list((case / "review").glob("timeline-*.duckdb"))) == 1


def test_a_journal_cut_in_its_last_line_counts_up_to_there_and_stays(scanned: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    shutil.copytree(scanned, case, ignore=shutil.ignore_patterns("review*"))
    cut = (case / "journal.jsonl").read_bytes() + b'{"parts": ["events/ii'
    (case / "journal.jsonl").write_bytes(cut)
    with CaseReview(case) as review:
        assert review.timeline.events > 0
    assert (case / "journal.jsonl").read_bytes() == cut


def test_the_index_has_every_event_that_the_journal_counts(browser: Any) -> None:
    counted: dict[str, int] = {}
    for source in browser.review.store.sources.values():
        if source.kind in shown_kinds():
            counted[source.kind] = counted.get(source.kind, 0) + source.events
    assert {kind: browser.review.timeline.count(Filter(kind=kind), None) for kind in browser.review.timeline.kinds} == {
        kind: browser.review.timeline.count(Filter(kind=kind), None) for kind in counted if counted[kind]
    } | {kind: count for kind, count in counted.items() if count and kind in ("iis", "httpproxy", "ews")}


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_refused(scanned: Path, port: str) -> None:
    assert main(["review", str(scanned), "--no-browser", "--port", port]) == 2
