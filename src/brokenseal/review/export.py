"""Exactly what a filter of the timeline leaves, as CSV or as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

from brokenseal.events.sources import rfc3339
from brokenseal.report.csv_cells import csv_bytes
from brokenseal.review.case_review import CaseReview
from brokenseal.review.chosen import Chosen
from brokenseal.review.decisions import Marks
from brokenseal.review.filters import Filter
from brokenseal.review.timeline import EventRow

HEADER = (
    "time", "host", "kind", "source_ip", "account", "mailbox", "text", "text_cut", "file", "sha256", "line", "findings",
    "star", "tags", "comments",
)  # fmt: skip
_ROWS = 2000


def csv_export(review: CaseReview, wanted: Filter, chosen: Chosen | None, marks: Marks) -> Iterator[bytes]:
    """CSV for spreadsheets: cells that would be formulas are defused."""
    yield csv_bytes(HEADER, [])
    waiting: list[list[object]] = []
    for row in review.timeline.every(wanted, chosen):
        record = _record(review, row, marks)
        waiting.append([", ".join(map(str, value)) if isinstance(value, list) else value for value in record.values()])
        if len(waiting) == _ROWS:
            yield _lines(waiting)
            waiting = []
    yield _lines(waiting)


def json_export(review: CaseReview, wanted: Filter, chosen: Chosen | None, marks: Marks) -> Iterator[bytes]:
    """One JSON object a line, texts as logged."""
    waiting: list[str] = []
    for row in review.timeline.every(wanted, chosen):
        waiting.append(json.dumps(_record(review, row, marks)) + "\n")
        if len(waiting) == _ROWS:
            yield "".join(waiting).encode()
            waiting = []
    yield "".join(waiting).encode()


def _lines(rows: list[list[object]]) -> bytes:
    # The byte order mark and the header are written once, with the header.
    mark_and_header = len(csv_bytes(HEADER, []))
    return csv_bytes(HEADER, rows)[mark_and_header:]


def _record(review: CaseReview, row: EventRow, marks: Marks) -> dict[str, object]:
    source = review.store.sources[row.key.source_id]
    target = review.event_target(row.key)
    held = marks.of("event", target) if target is not None else []
    return {
        "time": rfc3339(row.key.ms),
        "host": row.host,
        "kind": row.kind,
        "source_ip": row.ip,
        "account": row.account,
        "mailbox": row.mailbox,
        "text": row.text,
        "text_cut": row.cut,
        "file": source.name,
        "sha256": source.sha256,
        "line": row.key.line,
        "findings": list(review.told.of(row.told)),
        "star": any(one.kind == "star" for one in held),
        "tags": [one.value for one in held if one.kind == "tag"],
        "comments": [one.value for one in held if one.kind == "comment"],
    }
