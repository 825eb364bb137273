"""Timesketch: one event a moment, as JSON lines and as CSV.

References: Timesketch's user guide, "Create timeline from JSONL or CSV file" (mandatory: message, datetime,
timestamp_desc).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from brokenseal.report.exports.exported_text import Constant, json_line, tool_csv
from brokenseal.report.exports.moments import Moment, moments
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import IncidentDocument

COLUMNS = (
    "message",
    "datetime",
    "timestamp",
    "timestamp_desc",
    "tag",
    "host",
    "source_ip",
    "rule",
    "level",
    "file",
    "line",
    "sha256",
    "detail",
    "finding",
    "intrusion",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _jsonl(document: IncidentDocument, _options: Options) -> Written:
    found, timeless = moments(document)
    data = b"".join(
        json_line(
            {name: value for name, value in zip(COLUMNS, _values(moment), strict=True) if value not in ("", None)}
        )
        for moment in found
    )
    return Written(data, without_time(timeless))


def _csv(document: IncidentDocument, _options: Options) -> Written:
    found, timeless = moments(document)
    rows = [[_tags(cell) if isinstance(cell, list) else cell for cell in _values(moment)] for moment in found]
    return Written(tool_csv(COLUMNS, rows), without_time(timeless))


def without_time(timeless: int) -> tuple[str, ...]:
    return (f"{timeless:,} lines of evidence without a time",) if timeless else ()


def _values(moment: Moment) -> list[object]:
    return [
        moment.message,
        moment.time.removesuffix("Z") + "+00:00",
        (datetime.fromisoformat(moment.time) - _EPOCH) // timedelta(microseconds=1),
        moment.what,
        list(moment.tags),
        moment.host,
        moment.source_ip,
        moment.rule,
        moment.level,
        moment.file,
        moment.line,
        moment.sha256,
        moment.detail,
        moment.finding,
        moment.intrusion,
    ]


def _tags(tags: list[str]) -> Constant:
    """A JSON list, which Timesketch reads as tags; in brackets, so no spreadsheet takes it for a formula."""
    return Constant(json_line(tags).decode().rstrip("\n"))


TARGET = Target("timesketch", ".jsonl", {"timeline": _jsonl})
CSV_TARGET = Target("timesketch-csv", ".csv", {"timeline": _csv})
