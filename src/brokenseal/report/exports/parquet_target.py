"""Tables as Parquet: times as UTC timestamps in milliseconds, lists as lists of text."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from brokenseal.report.exports.exported_text import instant
from brokenseal.report.exports.jsonl_target import exact_value
from brokenseal.report.exports.tables import TABLES, Table
from brokenseal.report.exports.target import Options, Target, Written
from brokenseal.report.shape import IncidentDocument

_GREATEST = (1 << 63) - 1
_KINDS = {
    "text": pa.string(),
    "number": pa.int64(),
    "yes_no": pa.bool_(),
    "time": pa.timestamp("ms", tz="UTC"),
    "texts": pa.list_(pa.string()),
}


def _writer(table: Table) -> Callable[[IncidentDocument, Options], Written]:
    def write(document: IncidentDocument, _options: Options) -> Written:
        columns: list[list[object]] = [[] for _ in table.columns]
        kinds = list(table.columns.values())
        for row in table.rows(document):
            for column, kind, value in zip(columns, kinds, row, strict=True):
                column.append(_typed(kind, value))
        schema = pa.schema([(name, _KINDS[kind]) for name, kind in table.columns.items()])
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
        return Written(bytes(sink.getvalue()))

    return write


def _typed(kind: str, value: object) -> object:
    if kind == "time" and isinstance(value, str):
        return instant(value)
    if kind == "number" and isinstance(value, int) and abs(value) > _GREATEST:
        return None
    return exact_value(value)


TARGET = Target("parquet", ".parquet", {table.name: _writer(table) for table in TABLES}, binary=True)
