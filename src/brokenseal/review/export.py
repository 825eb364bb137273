"""Exactly what a filter of the timeline leaves, as CSV or as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

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

Record = dict[str, object]


def csv_export(portions: Iterable[Sequence[Record]]) -> Iterator[bytes]:
    """CSV for spreadsheets: cells that would be formulas are defused."""
    yield csv_bytes(HEADER, [])
    for records in portions:
        yield _lines(
            [
                [", ".join(map(str, value)) if isinstance(value, list) else value for value in one.values()]
                for one in records
            ]
        )


def json_export(portions: Iterable[Sequence[Record]]) -> Iterator[bytes]:
    """One JSON object a line, texts as logged."""
    for records in portions:
        yield "".join(json.dumps(record) + "\n" for record in records).encode()


def portions(review: CaseReview, wanted: Filter, chosen: Chosen | None, marks: Marks) -> Iterator[list[Record]]:
    """The records of all events that the filter leaves, some thousand at once."""
    waiting: list[Record] = []
    for row in review.timeline.every(wanted, chosen):
        waiting.append(_record(review, row, marks))
        if len(waiting) == _ROWS:
            yield waiting
            waiting = []
    yield waiting


def _lines(rows: list[list[object]]) -> bytes:
    # The byte order mark and the header are written once, with the header.
    mark_and_header = len(csv_bytes(HEADER, []))
    return csv_bytes(HEADER, rows)[mark_and_header:]


def _record(review: CaseReview, row: EventRow, marks: Marks) -> Record:
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
