"""Write the Parquet parts of one task: small tables are gathered, so that a thousand small files make few row groups."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from brokenseal.events.case import Case

ROWS_PER_GROUP = 1 << 16

REJECT_SCHEMA = pa.schema(
    [
        pa.field("source_id", pa.int32(), metadata={"meaning": "number of the source file in the case"}),
        pa.field("line", pa.int64(), metadata={"meaning": "line of the source file, from 1"}),
        pa.field("offset", pa.int64(), metadata={"meaning": "byte offset of the line"}),
        pa.field("reason", pa.string(), metadata={"meaning": "why the row is no event"}),
        pa.field("text", pa.string(), metadata={"meaning": "how the row begins, at most 4096 bytes"}),
    ]
)


class _Part:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # The parts of a case are read back a few times at most: a fast codec is worth more than a small file.
        self._writer = pq.ParquetWriter(
            path.with_suffix(".parquet.new"), schema, compression="lz4", write_statistics=False
        )
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= ROWS_PER_GROUP // 2:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROWS_PER_GROUP)
        self._waiting, self._rows = [], 0

    def finish(self) -> Path:
        self._flush()
        self._writer.close()
        unfinished = self.path.with_suffix(".parquet.new")
        with unfinished.open("r+b") as stream:
            os.fsync(stream.fileno())
        unfinished.replace(self.path)
        return self.path


class TaskParts:
    """The parts of one task, opened when the first row for a table comes."""

    def __init__(self, case: Case, name: str) -> None:
        self.name = name
        self._case = case
        self._open: dict[tuple[str, str], _Part] = {}

    def write(self, table: str, kind: str, rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        part = self._open.get((table, kind))
        if part is None:
            part = self._open[table, kind] = _Part(self._case.part_path(table, kind, self.name), rows.schema)
        part.write(rows)

    def finish(self) -> list[Path]:
        """Close all parts and give their paths; only now may the journal name them."""
        return [self._open[key].finish() for key in sorted(self._open)]
