"""Rows made in Python given to the engine as a table: names, spans of time, places; few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from brokenseal.events import EventStore

TEXT, NUMBER, DECIMAL = pa.string(), pa.int64(), pa.float64()


def register_rows(
    store: EventStore, name: str, columns: Mapping[str, pa.DataType], rows: Sequence[Sequence[object]]
) -> None:
    """Give SQL the table *name* with *columns* (type by name), whose values stand in each row in their order."""
    arrays = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(columns.values())]
    store.engine.register(name, pa.table(arrays, names=list(columns)))
