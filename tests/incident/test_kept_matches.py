"""The file of all matches: what the findings count, in order, the same bytes for the same evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from brokenseal import scan
from brokenseal.incident import kept_matches

Make = Callable[..., tuple[Path, dict[str, Any]]]


def matches(case: Path) -> Path:
    return case / "results" / "matches.parquet"


@pytest.fixture(scope="module")
def scanned(simulated: Make, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """Evidence, case and document."""
    evidence, _ = simulated("hafnium", servers=2)
    case = tmp_path_factory.mktemp("kept") / "case"
    return evidence, case, scan([evidence], case=case, jobs=2).document


def test_they_are_the_events_that_the_findings_count_in_order(scanned: tuple[Path, Path, Any]) -> None:
    _, case, document = scanned
    rows = pq.read_table(matches(case)).to_pylist()
    assert Counter(row["finding"] for row in rows) == {one["id"]: one["count"] for one in document["findings"]}
    intrusion_of = {name: one["id"] for one in document["intrusions"] for name in one["findings"]}
    findings = {one["id"]: one for one in document["findings"]}
    for row in rows:
        finding = findings[row["finding"]]
        assert (row["rule"], row["level"]) == (finding["rule"], finding["level"])
        assert row["intrusion"] == intrusion_of.get(row["finding"])
    order = [(row["time"], row["file"], row["sha256"], row["line"], int(row["finding"][1:])) for row in rows]
    assert order == sorted(order)


def test_the_kept_evidence_is_the_beginning_of_each_finding(scanned: tuple[Path, Path, Any]) -> None:
    _, case, document = scanned
    rows = pq.read_table(matches(case)).to_pylist()
    for finding in document["findings"]:
        own = [row for row in rows if row["finding"] == finding["id"]]
        named = [(line["file"], line["sha256"], line["line"], line["offset"]) for line in finding["evidence"]]
        assert [(row["file"], row["sha256"], row["line"], row["offset"]) for row in own][: len(named)] == named


def test_the_same_bytes_whatever_the_threads_the_tasks_and_the_steps(
    scanned: tuple[Path, Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import brokenseal.events.ingest  # noqa: F401 - the package's attribute of this name is the function

    evidence, case, _ = scanned
    monkeypatch.setattr(sys.modules["brokenseal.events.ingest"], "TASK_FILES", 3)
    servers = sorted(evidence.iterdir())
    scan(list(reversed(servers)), case=tmp_path / "turned", jobs=1)
    straight = tmp_path / "straight"
    scan([servers[1]], case=straight)
    scan(servers, case=straight)
    assert matches(tmp_path / "turned").read_bytes() == matches(straight).read_bytes()
    scan([evidence], case=tmp_path / "again", jobs=1)
    assert matches(tmp_path / "again").read_bytes() == matches(case).read_bytes()


def test_nothing_found_leaves_a_file_without_rows(simulated: Make, tmp_path: Path) -> None:
    evidence, _ = simulated("quiet")
    scan([evidence], case=tmp_path / "case", jobs=2)
    assert pq.read_table(matches(tmp_path / "case")).schema.equals(kept_matches.SCHEMA)
    assert not list((tmp_path / "case" / "results").glob("*.new"))
