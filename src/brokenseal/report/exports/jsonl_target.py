"""Tables as JSON lines: one object a row, each with every column, exact text."""

from __future__ import annotations

from collections.abc import Callable

from brokenseal.report.exports.exported_text import exact, json_line
from brokenseal.report.exports.tables import TABLES, Table
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import IncidentDocument


def _writer(table: Table) -> Callable[[IncidentDocument, Options], Written]:
    def write(document: IncidentDocument, _options: Options) -> Written:
        rows = (dict(zip(table.columns, map(exact_value, row), strict=True)) for row in table.rows(document))
        return Written(b"".join(map(json_line, rows)))

    return write


def exact_value(value: object) -> object:
    """A value of a table for formats that have types; text exact, but bounded and valid Unicode."""
    if isinstance(value, str):
        return exact(value)
    return [exact(str(item)) for item in value] if isinstance(value, list) else value


TARGET = Target("jsonl", ".jsonl", {table.name: _writer(table) for table in TABLES})
