"""Filters by finding, rule, level, intrusion and false alarm reach every event that the scan counted."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from brokenseal.errors import UsageError
from brokenseal.incident.scan import scan
from brokenseal.review.case_review import CaseReview, finding_target
from brokenseal.review.filters import Filter

SCENARIOS = ("hafnium", "oab-write", "cloud-session")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, simulated: Callable[..., tuple[Path, Any]]) -> dict[str, Path]:
    made = {}
    for scenario in SCENARIOS:
        evidence, _ = simulated(scenario)
        made[scenario] = tmp_path_factory.mktemp("matches") / "case"
        scan([evidence], case=made[scenario], jobs=2)
    return made


@pytest.fixture(params=SCENARIOS)
def opened(request: pytest.FixtureRequest, cases: dict[str, Path], open_case: Callable[[Path], Any]) -> Any:
    return open_case(cases[request.param])


def count(opened: Any, **filters: str) -> int:
    """How many events the export of a filter has; the page says the same number."""
    query = Filter(**filters).query()  # type: ignore[arg-type]
    lines = opened.get(f"/timeline/export.jsonl?{query}").text.splitlines()
    number = f"<strong>{len(lines):,}</strong>"
    assert number in opened.text(f"/timeline?size=50&{query}") or not lines
    return len(lines)


def matched(opened: Any, **columns: str) -> set[tuple[str, str, int]]:
    """File, hash and line of the events in the case's file of matches that have these values."""
    rows = pq.read_table(opened.review.directory / "results" / "matches.parquet").to_pylist()
    fitting = [row for row in rows if all(row[name] == value for name, value in columns.items())]
    return {(row["file"], row["sha256"], row["line"]) for row in fitting}


def test_each_finding_has_as_many_events_as_it_counts(opened: Any) -> None:
    findings = opened.review.document["findings"]
    assert {one["id"]: count(opened, finding=one["id"]) for one in findings} == {
        one["id"]: one["count"] for one in findings
    }


def test_each_rule_has_the_events_of_all_its_findings(opened: Any) -> None:
    expected: Counter[str] = Counter()
    for one in opened.review.document["findings"]:
        expected[one["rule"]] += one["count"]
    assert {rule: count(opened, rule=rule) for rule in expected} == expected


def test_levels_and_intrusions_have_each_event_once(opened: Any) -> None:
    document = opened.review.document
    for level in {one["level"] for one in document["findings"]}:
        assert count(opened, level=level) == len(matched(opened, level=level))
    for one in document["intrusions"]:
        assert count(opened, intrusion=one["id"]) == len(matched(opened, intrusion=one["id"]))
        total = sum(opened.review.findings[name]["count"] for name in one["findings"])
        assert max(opened.review.findings[name]["count"] for name in one["findings"]) <= len(
            matched(opened, intrusion=one["id"])
        )
        assert len(matched(opened, intrusion=one["id"])) <= total


def test_some_finding_has_more_events_than_are_kept_as_evidence(cases: dict[str, Path], open_case: Any) -> None:
    opened = open_case(cases["hafnium"])
    many = [one for one in opened.review.document["findings"] if one["count"] > len(one["evidence"])]
    assert many
    page = opened.text(f"/findings/{many[0]['id']}")
    link = f'<a href="/timeline?finding={many[0]["id"]}">all {many[0]["count"]} in the timeline</a>'
    assert link in page
    listed = opened.text("/findings")
    assert f"{many[0]['count']} events of {many[0]['id']} in the timeline" in listed


def test_filters_by_finding_and_by_other_things_leave_what_fits_both(opened: Any) -> None:
    rows = list(opened.review.timeline.every(Filter(), None))
    for one in opened.review.document["findings"][:12]:
        own = [row for row in rows if one["id"] in opened.review.told.of(row.told)]
        for filters, fits in (
            ({"kind": own[0].kind}, lambda row, own=own: row.kind == own[0].kind),
            ({"text": "post"}, lambda row: "post" in row.text.lower()),
            ({"ip": "203.0.113.41"}, lambda row: row.ip == "203.0.113.41"),
        ):
            assert count(opened, finding=one["id"], **filters) == sum(map(fits, own))
        middle = own[len(own) // 2].key.ms
        wanted = Filter(finding=one["id"], from_ms=middle)
        exported = opened.get(f"/timeline/export.jsonl?{wanted.query()}").text.splitlines()
        assert len(exported) == sum(row.key.ms >= middle for row in own)


def test_false_alarms_have_all_their_events(cases: dict[str, Path], open_case: Any) -> None:
    opened = open_case(cases["hafnium"])
    try:
        assert count(opened, mark="false_positive") == 0
        most = max(opened.review.document["findings"], key=lambda one: int(one["count"]))
        opened.decide("finding", most["id"], "false_positive")
        assert count(opened, mark="false_positive") == most["count"]
        assert opened.review.decisions.marks().false_positive(finding_target(most))
    finally:
        (cases["hafnium"] / "review.sqlite").unlink(missing_ok=True)


def test_rows_and_exports_name_the_findings_of_an_event_that_is_no_evidence(
    cases: dict[str, Path], open_case: Any
) -> None:
    opened = open_case(cases["hafnium"])
    most = max(opened.review.document["findings"], key=lambda one: int(one["count"]))
    kept = {(line["file"], line["line"]) for line in most["evidence"]}
    lines = [json.loads(line) for line in opened.get(f"/timeline/export.jsonl?finding={most['id']}").text.splitlines()]
    beyond = [line for line in lines if (line["file"], line["line"]) not in kept]
    assert beyond and all(most["id"] in line["findings"] for line in beyond)
    last = opened.review.timeline.page(Filter(), opened.review.chosen(Filter(finding=most["id"]), None), None, 500)[0][
        -1
    ]
    assert f'href="/findings/{most["id"]}"' in opened.text(f"/events/{last.key}")


@pytest.fixture
def older(cases: dict[str, Path], tmp_path: Path) -> Path:
    """The case as a version left it that kept no matches."""
    case = tmp_path / "older"
    shutil.copytree(cases["hafnium"], case, ignore=shutil.ignore_patterns("review*", "matches.parquet"))
    key = json.loads((case / "results" / "key.json").read_bytes())
    del key["matches_sha256"]
    (case / "results" / "key.json").write_text(json.dumps(key))
    return case


def test_a_case_of_an_older_version_shows_what_it_kept_and_says_so(older: Path, open_case: Any) -> None:
    opened = open_case(older)
    most = max(opened.review.document["findings"], key=lambda one: int(one["count"]))
    assert count(opened, finding=most["id"]) == len(most["evidence"]) < most["count"]
    assert "kept the first 25 events of each finding" in opened.text(f"/timeline?rule={most['rule']}")
    assert "kept the first 25" not in opened.text("/timeline")
    assert f"{len(most['evidence'])} in the timeline</a>" in opened.text(f"/findings/{most['id']}")


def test_a_new_scan_of_an_older_case_keeps_the_matches(older: Path, simulated: Any) -> None:
    evidence, _ = simulated("hafnium")
    before = (older / "results" / "incident.json").read_bytes()
    scan([evidence], case=older, jobs=2)
    assert (older / "results" / "incident.json").read_bytes() == before
    with CaseReview(older, threads=2) as review:
        assert review.told.whole


@pytest.mark.parametrize("change", ["cut", "gone"])
def test_matches_that_were_changed_take_the_result_with_them(
    cases: dict[str, Path], tmp_path: Path, change: str
) -> None:
    case = tmp_path / "case"
    shutil.copytree(cases["oab-write"], case, ignore=shutil.ignore_patterns("review*"))
    matches = case / "results" / "matches.parquet"
    if change == "cut":
        matches.write_bytes(matches.read_bytes()[:-1])
    else:
        matches.unlink()
    with pytest.raises(UsageError, match="changed since"):
        CaseReview(case)


def test_more_numbers_than_stand_in_a_question_give_the_same(
    cases: dict[str, Path], open_case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_case(cases["hafnium"])
    expected = opened.get("/timeline/export.jsonl?level=high").text
    for module in ("chosen", "timeline"):
        monkeypatch.setattr(f"brokenseal.review.{module}.WRITTEN_NUMBERS", 1)
    assert opened.get("/timeline/export.jsonl?level=high").text == expected
    assert count(opened, level="high") == len(expected.splitlines())
