"""The one door to the embedded SQL engine; nothing above ``events/`` knows which engine it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import duckdb
import numpy.typing as npt
import pyarrow as pa

from brokenseal.errors import CaseError


class Engine(Protocol):
    """What detections and the incident need of an engine: SQL text in, Arrow tables out."""

    def query(self, sql: str) -> pa.Table: ...

    def arrays(self, sql: str) -> Mapping[str, npt.NDArray[Any]]: ...

    def execute(self, sql: str) -> None: ...

    def register(self, name: str, table: pa.Table) -> None: ...

    def unregister(self, name: str) -> None: ...

    def batches(self, sql: str, rows: int) -> Iterator[pa.Table]: ...


class DuckEngine:
    """DuckDB in this process, in memory, spilling to a directory of its own.

    ``threads`` and ``memory_limit_mib`` bound what it takes; nothing is loaded from or sent to a network: automatic
    installation and loading of extensions is switched off.
    """

    def __init__(self, *, threads: int, memory_limit_mib: int = 160, spill: Path | None = None) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": str(max(1, threads)),
            "memory_limit": f"{memory_limit_mib}MiB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "false",
        }
        if spill is not None:
            config["temp_directory"] = str(spill)
        self._connection = duckdb.connect(":memory:", config=config)
        self._connection.execute("SET TimeZone = 'UTC'")

    def query(self, sql: str) -> pa.Table:
        with _damage_named():
            return self._connection.sql(sql).to_arrow_table()

    def arrays(self, sql: str) -> Mapping[str, npt.NDArray[Any]]:
        """The columns of a small result. Unlike with ``query``, the statement is planned once."""
        with _damage_named():
            found: dict[str, npt.NDArray[Any]] = self._connection.execute(sql).fetchnumpy()
            return found

    def execute(self, sql: str) -> None:
        with _damage_named():
            self._connection.execute(sql)

    def register(self, name: str, table: pa.Table) -> None:
        self._connection.register(name, table)

    def unregister(self, name: str) -> None:
        self._connection.unregister(name)

    def batches(self, sql: str, rows: int) -> Iterator[pa.Table]:
        """The result in tables of about so many *rows*, in any order; other queries may run in between.

        Registered and temporary tables are not seen.
        """
        cursor = self._connection.cursor()
        try:
            with _damage_named():
                cursor.execute("SET TimeZone = 'UTC'")
                for batch in cursor.sql(sql).to_arrow_reader(rows):
                    if batch.num_rows:
                        yield pa.Table.from_batches([batch])
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _damage_named() -> Iterator[None]:
    """What the engine says of a part that cannot be read, as an error of the case."""
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        if "parquet" not in str(error).lower():
            raise
        raise CaseError(
            "the case's files are damaged or gone; use a new case (nothing in the evidence is wrong)"
        ) from error


def sql_text(value: str) -> str:
    """*value* as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def sql_texts(values: Iterable[str]) -> str:
    """*values* as what stands in the parentheses of SQL's IN, sorted and each once; of no values, one that nothing is."""
    return ", ".join(sql_text(value) for value in sorted(set(values))) or "NULL"


def sql_name(name: str) -> str:
    """*name* as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def parquet_relation(paths: Iterable[Path]) -> str:
    """A relation over Parquet files, for use after FROM."""
    listed = ", ".join(sql_text(path.as_posix()) for path in paths)
    return f"read_parquet([{listed}], union_by_name=true)"
