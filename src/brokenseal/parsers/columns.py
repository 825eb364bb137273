"""Declared columns: what each event table holds, in which type and unit, and from which log field it comes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

import pyarrow as pa

UTC_MS = pa.timestamp("ms", "UTC")
#: Made once: pyarrow looks for optional packages each time it makes a scalar.
NULL_TEXT = pa.scalar(None, pa.string())
EMPTY_TEXT = pa.scalar("", pa.string())


class Cell(Enum):
    """How the text of a cell is read."""

    TEXT = "text"
    INT32 = "int32"
    INT64 = "int64"

    @property
    def arrow(self) -> pa.DataType:
        return _ARROW[self]


_ARROW = {Cell.TEXT: pa.string(), Cell.INT32: pa.int32(), Cell.INT64: pa.int64()}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an event table.

    ``name`` as rules and queries see it; ``meaning`` with its unit; ``fields`` the log's own names for it (any case).
    """

    name: str
    meaning: str
    cell: Cell = Cell.TEXT
    fields: tuple[str, ...] = ()

    @property
    def log_fields(self) -> tuple[str, ...]:
        return self.fields or (self.name,)


#: The columns every event table starts with. ``host`` is null where the line does not name its server; ``line`` counts
#: from 1; ``offset`` is the byte of the file at which the line starts; ``source_id`` joins to the case's sources.
EVENT_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("host", pa.string(), "server named by the line itself, else null"),
    ("time", UTC_MS, "UTC, milliseconds"),
    ("source_id", pa.int32(), "number of the source file in the case"),
    ("line", pa.int64(), "line of the source file, from 1"),
    ("offset", pa.int64(), "byte offset of the line in the source file"),
)


@cache
def event_schema(columns: tuple[Column, ...], derived: tuple[Column, ...] = ()) -> pa.Schema:
    """The Arrow schema of a table: the common columns, then *columns*, then *derived* ones."""
    fields = [pa.field(name, kind, metadata={"meaning": meaning}) for name, kind, meaning in EVENT_COLUMNS]
    fields += [pa.field(c.name, c.cell.arrow, metadata={"meaning": c.meaning}) for c in (*columns, *derived)]
    return pa.schema(fields)


def text_columns(*names: str, meaning: str = "as logged") -> tuple[Column, ...]:
    """Several text columns that carry the log's own field of the same name."""
    return tuple(Column(name, meaning) for name in names)
