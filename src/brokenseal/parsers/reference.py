"""The reference of all event tables, as Markdown: ``python -m brokenseal.parsers.reference > docs/parsers.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pyarrow as pa

from brokenseal.parsers.base import Parser, kinds, parser_for, parser_of_table, tables
from brokenseal.parsers.columns import EVENT_COLUMNS, Column

_INTRODUCTION = """\
# What the parsers read

<!-- Made by `python -m brokenseal.parsers.reference`; change the parsers, not this file. -->

One table a kind of log; formats that hold the same events share one. A file is known by its content first (`#Software`,
`#Log-type`, `#Fields`, a header row, or rows of an unmistakable layout; binary formats by their first bytes) and by its name
only if its content says nothing. Column positions come from the header in force and are taken anew whenever it changes.
Empty cells (in IIS logs `-`) are null.

Of a text log every line that is not blank, not a `#` directive and not a header row is a row, of an event log every record;
and every row becomes an event or a reject with its reason. Rows that do not fit their header are fitted only as far as it is
certain which value belongs to which column: a value is left empty rather than put into another column's place, and each such
row is counted as a warning. The last line of a file that is still being written is kept if it is whole. Bytes that are not
UTF-8 stay visible as `\\xNN`, NUL bytes as ␀, a carriage return inside a line as ␍.

The columns that every table starts with:
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    yield from _table([(name, _type(kind), meaning) for name, kind, meaning in EVENT_COLUMNS])
    for table in tables():
        yield f"\n## `{table}`\n"
        yield from _formats(table)
        parser = parser_of_table(table)
        yield ""
        yield from _table([_row(column) for column in parser.columns])
        if parser.derived:
            yield "\nWorked out from them:\n"
            yield from _table([_row(column) for column in parser.derived])


def _formats(table: str) -> Iterator[str]:
    """What is read into *table*: a description, or one a format where there are several."""
    parsers = [parser for kind in kinds() if (parser := parser_for(kind)).table == table]
    if len(parsers) == 1:
        yield _description(parsers[0])
        return
    names = ", ".join(f"`{parser.kind}`" for parser in parsers)
    yield f"The same events in {len(parsers)} formats: {names}."
    for parser in parsers:
        yield f"\n### `{parser.kind}`\n"
        yield _description(parser)
    yield "\n### Columns"


def _description(parser: type[Parser]) -> str:
    text, _, _ = (parser.__doc__ or "").partition("\nReferences:")
    return text.strip().replace("``", "`")


def _row(column: Column) -> tuple[str, str, str]:
    meaning = column.meaning
    others = [field for field in column.log_fields if field.lower() != column.name.lower()]
    if others:
        meaning += f" (in the log: {', '.join(f'`{field}`' for field in others)})"
    return column.name, _type(column.cell.arrow), meaning


def _type(kind: pa.DataType) -> str:
    return "timestamp (ms, UTC)" if pa.types.is_timestamp(kind) else str(kind)


def _table(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    yield "| Column | Type | Meaning |"
    yield "|---|---|---|"
    for name, kind, meaning in rows:
        yield f"| `{name}` | {kind} | {meaning.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(reference())
