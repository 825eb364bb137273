from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.detections.windows_alike import alike_rows, joined

SCHEMA = pa.schema([("source_id", pa.int32()), ("line", pa.int64()), ("EventID", pa.int64()), ("Data", pa.string())])
LOOKED_AT = frozenset(["EventID", "Data"])

Row = tuple[int | None, str | None]


def batch(rows: Sequence[Row], first: int = 1) -> pa.Table:
    columns = [
        pa.array([7] * len(rows), pa.int32()),
        pa.array(range(first, first + len(rows)), pa.int64()),
        pa.array([event for event, _ in rows], pa.int64()),
        pa.array([data for _, data in rows], pa.string()),
    ]
    return pa.table(columns, schema=SCHEMA)


def test_rows_that_differ_where_nobody_looks_are_one() -> None:
    found = alike_rows(batch([(1, "a"), (1, "a"), (2, "a"), (1, "a")]), LOOKED_AT)
    assert found.table.num_rows == 2
    assert found.members.column("line").to_pylist() == [1, 2, 3, 4]
    assert found.of[0] == found.of[1] == found.of[3] != found.of[2]


def test_what_is_kept_does_not_keep_the_batch() -> None:
    """Columns that come from the engine share one piece of memory: who keeps one of them keeps them all."""
    given = batch([(1, "a"), (1, "a")])
    found = alike_rows(given, LOOKED_AT)
    for name in ("source_id", "line"):
        kept, old = (table.column(name).combine_chunks().buffers()[1] for table in (found.members, given))
        assert kept.address != old.address


def test_missing_and_empty_are_two_kinds() -> None:
    assert alike_rows(batch([(1, None), (1, ""), (None, ""), (0, "")]), LOOKED_AT).table.num_rows == 4


def test_the_line_counts_where_it_is_looked_at() -> None:
    assert alike_rows(batch([(1, "a"), (1, "a")]), LOOKED_AT | {"line"}).table.num_rows == 2


def test_more_columns_than_a_number_can_tell_apart() -> None:
    """Each column alone has as many values as there are rows but one; their product has no room in 64 bits."""
    names = [f"c{number}" for number in range(8)]
    count = 1000
    values = [f"{at % (count - 1)}" for at in range(count)]
    table = pa.table({**{name: values for name in names}, "source_id": [1] * count, "line": list(range(count))})
    found = alike_rows(table, names)
    assert found.table.num_rows == count - 1
    assert found.of[0] == found.of[count - 1]


ROW = st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, "", "a", "b", "A"]))


@given(st.lists(st.lists(ROW, max_size=12), min_size=1, max_size=4), st.data())
def test_matches_of_kinds_are_those_of_all_their_rows(batches: list[list[Row]], data: st.DataObject) -> None:
    """Whatever a rule says of rows by what it looks at, it says of each row; also over the bounds of batches."""
    wanted = data.draw(st.sets(ROW))
    parts = []
    at = 1
    for rows in batches:
        parts.append(alike_rows(batch(rows, at), LOOKED_AT))
        at += len(rows)
    whole = joined(parts, LOOKED_AT)
    kinds = list(zip(whole.table.column("EventID").to_pylist(), whole.table.column("Data").to_pylist(), strict=True))
    assert len(set(kinds)) == len(kinds)
    hit = np.array([place for place, kind in enumerate(kinds) if kind in wanted], dtype=np.int64)
    lines = whole.members.column("line").take(pa.array(whole.matched(hit))).to_pylist()
    everything = [row for rows in batches for row in rows]
    assert lines == [line for line, row in enumerate(everything, start=1) if row in wanted]
