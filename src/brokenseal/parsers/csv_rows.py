"""Read many rows at once with pyarrow's CSV reader, and say which ones it could not take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from brokenseal.parsers.decoding import Positions


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a format separates its cells; *empty* is what it writes for no value."""

    delimiter: str
    quoted: bool
    empty: str


def read_rows(
    data: bytes, count: int, names: Sequence[str], wanted: Sequence[str], dialect: Dialect
) -> tuple[pa.Table, Positions] | None:
    """The columns *wanted* (text) of the *count* rows of *data*, and which rows did not have as many cells as *names*.

    None if the reader cannot be trusted on these rows. Numbers come as text too: turning the few number columns afterwards
    is faster than letting the reader convert them, and one cell that is no number costs nothing.
    """
    invalid: list[int] = []

    def note(row: pacsv.InvalidRow) -> str:
        invalid.append(row.number - 1)
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.py_buffer(data),
            pacsv.ReadOptions(use_threads=False, column_names=list(names), block_size=len(data) + 1),
            pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char='"' if dialect.quoted else False,
                invalid_row_handler=note,
                ignore_empty_lines=False,
            ),
            pacsv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=list(wanted),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[dialect.empty] if dialect.empty == "" else [dialect.empty, ""],
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows + len(invalid) != count:
        return None
    return table, np.array(invalid, dtype=np.int64)
