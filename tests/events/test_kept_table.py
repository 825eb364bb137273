"""A kept table: rows in their order, divided alike however they come."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.events.kept_table import even, write_table

SCHEMA = pa.schema([pa.field("line", pa.int64()), pa.field("name", pa.string())])


def rows(first: int, size: int) -> pa.Table:
    lines = range(first, first + size)
    return pa.table({"line": pa.array(lines, pa.int64()), "name": [f"n{line % 3}" for line in lines]}, schema=SCHEMA)


@given(sizes=st.lists(st.integers(0, 9), max_size=12), size=st.integers(1, 7))
def test_tables_of_any_sizes_are_divided_alike(sizes: list[int], size: int) -> None:
    total = sum(sizes)
    tables = [rows(sum(sizes[:number]), one) for number, one in enumerate(sizes)]
    divided = list(even(tables, SCHEMA, size))
    assert [line for table in divided for line in table.column("line").to_pylist()] == list(range(total))
    assert all(table.num_rows % size == 0 for table in divided[:-1])


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    many = 150_000
    write_table(tmp_path / "one", SCHEMA, [rows(0, many)], repeating=["name"])
    steps = [rows(first, min(7001, many - first)) for first in range(0, many, 7001)]
    write_table(tmp_path / "steps", SCHEMA, iter(steps), repeating=["name"])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "steps").read_bytes()
    assert pq.read_table(tmp_path / "steps").equals(rows(0, many))
    write_table(tmp_path / "none", SCHEMA, [])
    assert pq.read_table(tmp_path / "none").num_rows == 0
