"""The ledger without false positives on the page, in its exports, in the report and on the command line: always the same."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokenseal.cli.application import main
from brokenseal.report.html import render
from brokenseal.review.decisions import Decisions
from brokenseal.review.for_report import decided_in
from brokenseal.review.judged import Judged, judged_without, ledger_changes, marked_keys
from brokenseal.review.judging import Judging

KEY = ("rule", "EX01", "203.0.113.1")


def reading(document: Any) -> list[Any]:
    """The findings on mail read from one of the two addresses of the intruder."""
    return [one for one in document["findings"] if one["source_ip"] == "203.0.113.41" and "ailbox read" in one["title"]]


@pytest.fixture
def decided(browser: Any) -> Any:
    found = reading(browser.review.document)
    assert found
    for one in found:
        assert browser.decide("finding", one["id"], "false_positive", "our own scanner").status_code == 303
    browser.review.judging.wait()
    return browser


def test_the_page_shows_both_numbers(decided: Any) -> None:
    review = decided.review
    judged = review.judged(review.decisions.marks())
    changes = ledger_changes(review.document, judged.document)
    assert changes
    text = decided.text("/mailboxes")
    assert f"in {len(changes)} row" in text
    assert text.count("With decisions:") == len([one for one in changes if one.before is not None])
    for change in changes:
        if change.after is not None:
            assert f"{change.after['requests']:,} request" in text
        else:
            assert "not in the ledger" in text
    table = list(
        csv.DictReader(io.StringIO(decided.get("/mailboxes/ledger.csv?decided=1").content.decode("utf-8-sig")))
    )
    assert [int(row["bytes_at_least"]) for row in table] == [
        one["bytes_at_least"] for one in judged.document["mailboxes"]
    ]
    scans = list(csv.DictReader(io.StringIO(decided.get("/mailboxes/ledger.csv").content.decode("utf-8-sig"))))
    assert [int(row["bytes_at_least"]) for row in scans] == [
        one["bytes_at_least"] for one in review.document["mailboxes"]
    ]
    assert sum(int(row["bytes_at_least"]) for row in table) < sum(int(row["bytes_at_least"]) for row in scans)


def test_what_is_taken_back_counts_again(decided: Any) -> None:
    for one in decided.review.decisions.every():
        decided.post("/undo", {"id": str(one.id)})
    decided.review.judging.wait()
    assert "With decisions" not in decided.text("/mailboxes")
    assert "marked as" not in decided.text("/mailboxes")


def test_the_report_has_the_numbers_without_false_alarms(decided: Any) -> None:
    case, document = decided.review.directory, decided.review.document
    found = decided_in(case, document)
    assert found is not None and found.ledger
    page = render(document, decided=found).decode()
    assert "By the scan" in page and "Without the false alarms" in page
    names = {one.mailbox for one in found.ledger if one.mailbox}
    redacted = render(document, decided=found, redacted=("users",)).decode()
    assert names and not any(name in redacted for name in names)


def test_commands_give_the_scan_or_what_is_left(
    decided: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case = str(decided.review.directory)
    marked = {one["id"] for one in reading(decided.review.document)}
    before = sum(one["bytes_at_least"] for one in decided.review.document["mailboxes"])
    sums = []
    for more in ([], ["--decided"]):
        assert main(["ledger", case, "--format", "json", *more]) == 0
        printed = capfd.readouterr()
        sums.append(sum(one["bytes_at_least"] for one in json.loads(printed.out)["mailboxes"]))
        assert "marked as false positive" in printed.err if not more else "judging the case again" in printed.err
    assert sums[0] == before > sums[1]
    assert main(["export", case, "--to", "jsonl", "--table", "findings"]) == 0
    every = capfd.readouterr()
    assert "the export is that of the scan" in every.err
    assert main(["export", case, "--to", "jsonl", "--table", "findings", "--decided"]) == 0
    ids = [{json.loads(line)["finding"] for line in out.splitlines()} for out in (every.out, capfd.readouterr().out)]
    assert ids[0] - ids[1] == marked
    assert ids[1] < ids[0]
    assert main(["ledger", case, "--decided", "--redact", "users", "--format", "csv"]) == 0
    assert "corp.example" not in capfd.readouterr().out
    document = tmp_path / "incident.json"
    document.write_text(json.dumps(decided.review.document))
    assert main(["export", str(document), "--to", "jsonl", "--table", "findings", "--decided"]) == 2
    assert "needs the directory of a case" in capfd.readouterr().err


def test_a_report_can_leave_them_out_and_says_so(
    decided: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case, marked = str(decided.review.directory), reading(decided.review.document)
    pages = []
    for more in ([], ["--decided"], ["--decided", "--redact", "users"]):
        assert main(["report", case, "-o", str(tmp_path / "report.html"), *more]) == 0
        pages.append((tmp_path / "report.html").read_text("utf-8"))
    capfd.readouterr()
    for one in marked:
        heading = re.compile(rf'<span class="id">(<bdi>)?{one["id"]}<')
        assert [heading.search(page) is not None for page in pages] == [True, False, False]
    assert "leaves out 2 findings" in pages[1] and "leaves out" not in pages[0]
    assert "our own scanner" in pages[1]
    assert "corp.example" in pages[1] and "anna.berg" not in pages[2]
    manifest = tmp_path / "manifest.json"
    manifest.write_text("{}")
    assert main(["report", case, "--decided", "--manifest", str(manifest)]) == 2
    assert main(["report", "--json-in", str(manifest), "--decided"]) == 2


def test_a_case_that_cannot_be_judged_again_says_so(
    decided: Any, with_document: Callable[..., Path], open_case: Any
) -> None:
    """Its document is not the one that the chain of custody knows."""
    case = with_document(decided.review.directory, lambda document: document["advice"].append("more"))
    found = reading(decided.review.document)[0]
    other = open_case(case)
    other.decide("finding", found["id"], "false_positive")
    other.review.judging.wait()
    text = other.text("/mailboxes")
    assert "could not be computed" in text and "how it was scanned" in text
    answer = other.get("/mailboxes/ledger.csv?decided=1")
    assert answer.status_code == 503
    in_report = decided_in(case, other.review.document)
    assert in_report is not None
    assert "could not be computed" in render(other.review.document, decided=in_report).decode()
    assert main(["ledger", str(case), "--decided"]) == 2


def test_the_pages_do_not_wait_for_it() -> None:
    begin, end = threading.Event(), threading.Event()
    asked: list[int] = []

    def work(keys: Any) -> Judged:
        asked.append(len(keys))
        begin.set()
        assert end.wait(20)
        return Judged(len(keys), None, "")

    judging = Judging(work)
    one, two, three = (frozenset({(*KEY[:2], str(number)) for number in range(count)}) for count in (1, 2, 3))
    assert judging.ask(one) is None
    assert begin.wait(20)
    assert judging.ask(two) is None
    assert judging.ask(three) is None
    end.set()
    judging.wait()
    assert asked == [1, 3]
    assert judging.ask(three) == Judged(3, None, "")
    judging.close()


def test_a_failure_is_an_answer() -> None:
    def work(_: Any) -> Judged:
        raise RuntimeError("text of the evidence")

    judging = Judging(work)
    assert judging.ask(frozenset({KEY})) is None
    judging.wait()
    assert judging.ask(frozenset({KEY})) == Judged(1, None, "it failed (RuntimeError)")


def test_marks_are_of_findings_of_the_document(browser: Any) -> None:
    document = browser.review.document
    found = document["findings"][0]
    browser.decide("finding", found["id"], "false_positive")
    browser.review.judging.wait()
    keys = marked_keys(document, Decisions(browser.review.directory).marks())
    assert keys == {(found["rule"], found["host"], found["source_ip"] or "")}
    again = judged_without(browser.review.directory, keys).document
    assert again is not None
    assert found["id"] not in {one["id"] for one in again["findings"]}
