"""Read one log at once: for notebooks, for small files, and for tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from brokenseal.parsers.base import Parser, Reject, Settings
from brokenseal.parsers.blocks import Readable, Tally


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a file: its events (in the parser's schema, by line), rejects by line, and the counts."""

    events: pa.Table
    rejects: tuple[Reject, ...]
    warnings: Counter[str]
    rows_in: int
    tally: Tally


def read_log(
    stream: Readable,
    parser: type[Parser],
    *,
    name: str = "log",
    settings: Settings | None = None,
    block_bytes: int | None = None,
) -> Reading:
    """Read *stream* to its end with *parser* (see ``identify``). Read errors are in ``tally.damage``, not raised."""
    reader = parser(name, settings or Settings())
    tally = Tally()
    tables = [parser.schema().empty_table()]
    rejects: list[Reject] = []
    warnings: Counter[str] = Counter()
    rows_in = 0
    for batch in reader.batches(stream, tally, block_bytes=block_bytes):
        parsed = batch.parsed
        tables.append(parsed.table)
        rejects += parsed.rejects
        warnings += parsed.warnings
        rows_in += parsed.rows_in
    return Reading(pa.concat_tables(tables).sort_by("line"), tuple(rejects), warnings, rows_in, tally)
