"""A case judged again: with nothing left out it is the scan's document, else that of a scan whose rules find less."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from brokenseal.errors import CaseError
from brokenseal.incident.judged_again import judged_again, key_of
from brokenseal.incident.kept_results import KeptResult, latest_result
from brokenseal.incident.matches import build_matches
from brokenseal.incident.scan import scan
from brokenseal.report.document import validate
from brokenseal.review.opened_case import OpenedCase

Simulated = Callable[..., tuple[Path, Any]]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, simulated: Simulated) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def of(scenario: str) -> Path:
        if scenario not in made:
            made[scenario] = tmp_path_factory.mktemp("again") / "case"
            scan([simulated(scenario)[0]], case=made[scenario], jobs=2)
        return made[scenario]

    return of


def again(case: Path, chosen: Callable[[Any], bool]) -> tuple[Any, Any]:
    """The kept document, and that without the findings that are *chosen*."""
    kept = cast("KeptResult", latest_result(case))
    document: Any = kept.document
    with OpenedCase(case) as opened:
        keys = [key_of(one) for one in document["findings"] if chosen(one)]
        return document, json.loads(json.dumps(judged_again(opened, kept, keys, jobs=2)))


@pytest.mark.parametrize("scenario", ["hafnium", "stolen-session", "quiet", "logs-missing"])
def test_without_any_decision_it_says_what_the_scan_said(scanned: Callable[[str], Path], scenario: str) -> None:
    case = scanned(scenario)
    written = {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    before, after = again(case, lambda _: False)
    assert after == before
    assert {path: path.read_bytes() for path in case.rglob("*") if path.is_file()} == written


@pytest.mark.parametrize("scenario", ["hafnium", "forwarded-mail"])
def test_it_says_what_a_scan_without_these_rules_says(
    scanned: Callable[[str], Path], scenario: str, simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = scanned(scenario)
    rules = {one["rule"] for one in again(case, lambda _: False)[0]["findings"][::2]}

    def fewer(store: Any, found: Any) -> None:
        build_matches(store, found)
        for rule in rules:
            store.engine.execute(f"DELETE FROM matches WHERE rule = '{rule}'")

    before, after = again(case, lambda one: one["rule"] in rules)
    with monkeypatch.context() as patch:
        patch.setattr("brokenseal.incident.matching.build_matches", fewer)
        expected: Any = scan([simulated(scenario)[0]], jobs=2).document
    assert validate(after) == []
    assert (after["verdict"], after["advice"]) == (expected["verdict"], expected["advice"])
    amounts = ("mailbox", "access", "first", "last", "requests", "items_at_least", "bytes_at_least", "complete")
    assert [[row[name] for name in amounts] for row in after["mailboxes"]] == [
        [row[name] for name in amounts] for row in expected["mailboxes"]
    ]
    assert after["outflow"] == expected["outflow"]
    names = {key_of(one): one["id"] for one in before["findings"]}
    assert [key_of(one) for one in after["findings"]] == [key_of(one) for one in expected["findings"]]
    assert [one["id"] for one in after["findings"]] == [names[key_of(one)] for one in expected["findings"]]
    left = len(before["findings"]) - len(after["findings"])
    assert f"{left} findings that a review marked as false positives are left out." in after["summary"]


def test_one_address_less_makes_the_numbers_smaller(scanned: Callable[[str], Path]) -> None:
    before, after = again(
        scanned("hafnium"),
        lambda one: one["source_ip"] == "203.0.113.41" and "mail" in one["title"].lower(),
    )
    total = [sum(row["bytes_at_least"] for row in one["mailboxes"]) for one in (before, after)]
    assert total[1] < total[0]
    places = {(line["file"], line["offset"]) for line in before["cited"]["lines"]}
    assert {(line["file"], line["offset"]) for line in after["cited"]["lines"]} <= places


def test_what_is_not_as_it_was_is_refused(scanned: Callable[[str], Path], tmp_path: Path) -> None:
    case = scanned("quiet")
    kept = cast("KeptResult", latest_result(case))
    log = case / "results" / "custody.jsonl"
    content = log.read_bytes()
    try:
        with OpenedCase(case) as opened:
            for spoiled in (content.replace(b'"version":"', b'"version":"0.0.'), b""):
                log.write_bytes(spoiled)
                with pytest.raises(CaseError):
                    judged_again(opened, kept, [])
    finally:
        log.write_bytes(content)
