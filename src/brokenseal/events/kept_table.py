"""A table that a case keeps beside its events, as Parquet: the same rows give the same bytes, however they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 1 << 16


def write_table(path: Path, schema: pa.Schema, tables: Iterable[pa.Table], *, repeating: Sequence[str] = ()) -> None:
    """Write the rows of *tables* in their order to *path*; it is on the disk when this returns.

    ``repeating``: columns whose values repeat. Few rows are in memory at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=list(repeating)) as writer:
        for table in even(tables, schema, _ROWS):
            writer.write_table(table, row_group_size=_ROWS)
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def even(tables: Iterable[pa.Table], schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of multiples of *rows*, but for the last: how a file is divided is part of its bytes."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table.cast(schema))
        count += table.num_rows
        if count >= rows:
            together = pa.concat_tables(waiting)
            whole = count - count % rows
            yield together.slice(0, whole)
            waiting, count = [together.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(waiting)
