"""What all Windows event logs have in common: the table they make, and how their JSON becomes its columns.

Whatever the format, a record arrives here as one JSON text. It is taken apart by the embedded engine's JSON functions, a
block of records at a time; there is no Python object a record or a field.

References:
    https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-schema
    https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-systempropertiestype-complextype
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from brokenseal.parsers.base import Parser
from brokenseal.parsers.columns import Cell, Column
from brokenseal.parsers.winevent_sql import MACROS

TABLE = "windows_event"

#: The log of Exchange's cmdlets and its provider; its records name nothing, they only have an order.
CMDLET_PROVIDER = "MSExchange CmdletLogs"

#: What a query raises, whatever is wrong.
QueryError = duckdb.Error


class WindowsEventParser(Parser):
    """Base of the parsers of Windows events: one table for all formats."""

    table = TABLE
    columns = (
        Column("EventRecordID", "number that the log gave the record", Cell.INT64),
        Column("Channel", "name of the log, e.g. Security"),
        Column("Provider_Name", "source of the event"),
        Column("EventID", "what kind of event it is, within its provider", Cell.INT64),
        Column("Level", "1 critical, 2 error, 3 warning, 4 information, 5 verbose, 0 always logged", Cell.INT32),
        Column("Task", "category, within the provider", Cell.INT32),
        Column("Opcode", "step, within the task", Cell.INT32),
        Column("Keywords", "bits as logged, or their names"),
        Column("UserID", "SID of the account the provider ran as"),
        Column("Message", "the rendered text, where the source has it (an EVTX file has none)"),
    )
    derived = (
        Column(
            "Data",
            "the event's own fields as one flat JSON object, values as logged. Items without a name are joined by line ends "
            "as 'Data', and each is there as 'Data#0', 'Data#1' and so on. Events of Exchange's cmdlets have Cmdlet, "
            "Parameters, User, UserSid, HostApplication, Process, Outcome (succeeded, failed) and Exception as well",
        ),
    )


#: ``inner_of(x)``: the object inside UserData, whose own name says nothing. ``exchange_cmdlet(d, event)``: with its items
#: by name.
_MACROS = """
CREATE MACRO inner_key(x) AS list_filter(json_keys(x), lambda k: NOT ends_with(k, '_attributes') AND k <> '#attributes')[1];
CREATE MACRO inner_of(x) AS CASE WHEN json_type(x) = 'OBJECT'
    THEN json_extract(x, '$.*')[list_position(json_keys(x), inner_key(x))] END;
CREATE MACRO exchange_cmdlet(d, event) AS json_merge_patch(d, json_object(
    'Cmdlet', json_extract_string(d, '$."Data#0"'), 'Parameters', json_extract_string(d, '$."Data#1"'),
    'User', json_extract_string(d, '$."Data#2"'), 'UserSid', json_extract_string(d, '$."Data#3"'),
    'HostApplication', json_extract_string(d, '$."Data#5"'), 'Process', json_extract_string(d, '$."Data#6"'),
    'Outcome', CASE event WHEN 1 THEN 'succeeded' WHEN 6 THEN 'failed' WHEN 8 THEN 'failed' END,
    'Exception', CASE WHEN event IN (6, 8) THEN nullif(json_extract_string(d, '$."Data#12"'), '') END));
"""

#: Engines not in use, with the process that made each: threads come and go, and making one takes a while.
_idle: list[tuple[int, duckdb.DuckDBPyConnection]] = []
_lock = threading.Lock()


def valid(records: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Booleans: which of *records* are JSON objects."""
    return query(
        records, "SELECT coalesce(json_valid(j), FALSE) AND ltrim(j, ' \t') LIKE '{%' AS ok FROM records"
    ).column(0)


def query(records: pa.Array | pa.ChunkedArray | pa.Table, sql: str) -> pa.Table:
    """What *sql* gives over the relation ``records`` (of text alone: its one column is ``j``), in its order.

    Raises QueryError.
    """
    with _connection() as connection:
        connection.register("records", records if isinstance(records, pa.Table) else pa.table({"j": records}))
        try:
            return connection.sql(sql).to_arrow_table()
        finally:
            connection.unregister("records")


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that nobody else uses meanwhile: it sees nothing but the records it is given."""
    with _lock:
        borrowed = next((one for one in _idle if one[0] == os.getpid()), None)
        if borrowed is not None:
            _idle.remove(borrowed)
    connection = borrowed[1] if borrowed is not None else _new_connection()
    try:
        yield connection
    finally:
        with _lock:
            _idle.append((os.getpid(), connection))


def _new_connection() -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": "1",
        "memory_limit": "512MiB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_external_access": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(_MACROS + MACROS)
    return connection
