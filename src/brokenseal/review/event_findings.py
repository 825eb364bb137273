"""Which findings an event belongs to. Events of the same findings share a number, ``told``, in their rows of the index.

    told(told, finding)              the findings of each number
    told_span(told, span, events)    so many events of each number in each stretch of time, counted from 0

A rule can match a million events; the numbers stay as few as the findings and what they have in common.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from brokenseal.events import Engine, Source
from brokenseal.events.engine import parquet_relation
from brokenseal.report.shape import IncidentDocument

#: The table of :func:`register_told`: file, line and number.
TOLD_OF = "told_of"


def register_told(
    engine: Engine, attached: str, sources: Collection[Source], document: IncidentDocument, matches: Path | None
) -> None:
    """Make the tables :data:`TOLD_OF` in the engine and ``told`` in the database *attached*.

    ``matches``: the file of all matches of the case; without one the evidence that *document* names has to do.
    """
    engine.register("told_files", _files(sources))
    if matches is None:
        engine.register("told_lines", _evidence(document))
    lines = "told_lines" if matches is None else parquet_relation([matches])
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE told_match AS SELECT DISTINCT f.source_id, l.line, l.finding "
        f"FROM {lines} l JOIN told_files f ON f.file = l.file AND f.sha256 = l.sha256"
    )
    # A sum tells the sets of findings apart: lists of them would have to be in memory, all at once. Those of one finding
    # come one after the other, as far as that can be: a question for them is then one for a range.
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE told_mark AS SELECT source_id, line, "
        "(min(finding), max(finding), count(*), sum(hash(finding)::HUGEINT)) AS mark FROM told_match GROUP BY ALL"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE told_number AS SELECT mark, (row_number() OVER (ORDER BY mark))::INTEGER AS told, one "
        "FROM (SELECT mark, min((source_id, line)) AS one FROM told_mark GROUP BY mark)"
    )
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {TOLD_OF} AS SELECT m.source_id, m.line, n.told "
        "FROM told_mark m JOIN told_number n USING (mark)"
    )
    engine.execute(
        f"CREATE TABLE {attached}.told AS SELECT n.told, m.finding FROM told_number n "
        "JOIN told_match m ON (m.source_id, m.line) = n.one ORDER BY ALL"
    )
    for table in ("told_match", "told_mark", "told_number"):
        engine.execute(f"DROP TABLE {table}")


def count_told(engine: Engine, attached: str) -> None:
    """Make ``told_span`` in the database *attached*, whose tables ``event`` and ``span`` are filled."""
    engine.execute(
        f"CREATE TABLE {attached}.told_span AS WITH minute AS (SELECT told, ms // 60000 * 60000 AS at, count(*) AS events "
        f"FROM {attached}.event WHERE told IS NOT NULL GROUP BY ALL), "
        f"numbered AS (SELECT first_ms, row_number() OVER (ORDER BY first_ms) - 1 AS span FROM {attached}.span) "
        "SELECT m.told, n.span::INTEGER AS span, sum(m.events)::BIGINT AS events "
        "FROM minute m ASOF JOIN numbered n ON m.at >= n.first_ms GROUP BY ALL ORDER BY ALL"
    )


class EventFindings:
    """What the index says of findings. ``whole``: it knows all their events, and not only the first ones of each."""

    def __init__(self, engine: Engine, attached: str, *, whole: bool) -> None:
        self.whole = whole
        self._findings: dict[int, list[str]] = {}
        self._numbers: dict[str, list[int]] = {}
        for row in engine.query(f"SELECT told, finding FROM {attached}.told").to_pylist():
            self._findings.setdefault(row["told"], []).append(row["finding"])
            self._numbers.setdefault(row["finding"], []).append(row["told"])
        for names in self._findings.values():
            names.sort(key=lambda name: (len(name), name))
        counted = engine.query(f"SELECT told, sum(events)::BIGINT AS events FROM {attached}.told_span GROUP BY told")
        self._events: dict[int, int] = {row["told"]: row["events"] for row in counted.to_pylist()}

    def of(self, told: int | None) -> Sequence[str]:
        """Ids of the findings of an event with this number, in their order."""
        return self._findings.get(told, ()) if told is not None else ()

    def numbers(self, findings: Collection[str]) -> list[int]:
        """The numbers of the events that belong to one of these findings, sorted."""
        return sorted({number for name in findings for number in self._numbers.get(name, ())})

    def events(self, numbers: Collection[int]) -> int:
        """How many events with these numbers are in the timeline."""
        return sum(self._events.get(number, 0) for number in numbers)


def _files(sources: Collection[Source]) -> pa.Table:
    return pa.table(
        {
            "source_id": pa.array([source.id for source in sources], pa.int32()),
            "file": pa.array([source.name for source in sources], pa.string()),
            "sha256": pa.array([source.sha256 for source in sources], pa.string()),
        }
    )


def _evidence(document: IncidentDocument) -> pa.Table:
    lines = [(finding["id"], line) for finding in document["findings"] for line in finding["evidence"]]
    return pa.table(
        {
            "finding": pa.array([finding for finding, _ in lines], pa.string()),
            "file": pa.array([line["file"] for _, line in lines], pa.string()),
            "sha256": pa.array([line["sha256"] or "" for _, line in lines], pa.string()),
            "line": pa.array([line["line"] for _, line in lines], pa.int64()),
        }
    )
