"""Tables as CSV for spreadsheets: UTF-8 with a byte order mark, lists in a cell divided by ``; ``, formulas defused."""

from __future__ import annotations

from collections.abc import Callable

from brokenseal.report.csv_cells import csv_bytes
from brokenseal.report.exports.exported_text import LONG, shown
from brokenseal.report.exports.tables import TABLES, Table
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import IncidentDocument


def _writer(table: Table) -> Callable[[IncidentDocument, Options], Written]:
    def write(document: IncidentDocument, _options: Options) -> Written:
        rows = ([_cell(value) for value in row] for row in table.rows(document))
        return Written(csv_bytes(list(table.columns), rows))

    return write


def _cell(value: object) -> object:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return shown(value, LONG) if isinstance(value, str) else value


TARGET = Target("csv", ".csv", {table.name: _writer(table) for table in TABLES})
