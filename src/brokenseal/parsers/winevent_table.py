"""From what an exporter wrote about events to rows of the table, the same for JSON and for CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Parsed
from brokenseal.parsers.blocks import Block, Positions
from brokenseal.parsers.columns import Cell
from brokenseal.parsers.windows_event import CMDLET_PROVIDER, QueryError, query
from brokenseal.parsers.winevent_columns import keywords, levels, severities, whole_numbers

#: The log that a provider writes to, as Windows has set it up, for sources that do not name it.
CHANNELS = {
    "ESENT": "Application",
    "MSExchange CmdletLogs": "MSExchange Management",
    "MSExchange Common": "Application",
    "MSExchange Unified Messaging": "Application",
    "Microsoft-IIS-Configuration": "Microsoft-IIS-Configuration/Operational",
    "Microsoft-Windows-Bits-Client": "Microsoft-Windows-Bits-Client/Operational",
    "Microsoft-Windows-DNS-Client": "Microsoft-Windows-DNS Client Events/Operational",
    "Microsoft-Windows-PowerShell": "Microsoft-Windows-PowerShell/Operational",
    "Microsoft-Windows-Security-Auditing": "Security",
    "Microsoft-Windows-Sysmon": "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-TaskScheduler": "Microsoft-Windows-TaskScheduler/Operational",
    "Microsoft-Windows-TerminalServices-LocalSessionManager": (
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
    ),
    "Microsoft-Windows-WMI-Activity": "Microsoft-Windows-WMI-Activity/Operational",
    "Microsoft-Windows-Windows Defender": "Microsoft-Windows-Windows Defender/Operational",
    "Microsoft-Windows-WinRM": "Microsoft-Windows-WinRM/Operational",
    "PowerShell": "Windows PowerShell",
    "PowerShellCore": "PowerShellCore/Operational",
    "Service Control Manager": "System",
}
_PROVIDERS, _LOGS = pa.array(CHANNELS), pa.array(CHANNELS.values())

Columns = dict[str, pa.ChunkedArray]
Rows = TypeVar("Rows", pa.Table, pa.ChunkedArray)

_CMDLET_SQL = """
SELECT CAST(CASE WHEN numbered AND json_exists(j, '$."Data#0"') THEN exchange_cmdlet(j, n)
    WHEN numbered THEN json_merge_patch(json_merge_patch('{}', cmdlet_said(m, n)), coalesce(j, '{}'))
    ELSE json_merge_patch(json_merge_patch('{}', cmdlet_joined(json_extract_string(j, '$.Data'), n)), coalesce(j, '{}'))
    END AS VARCHAR) AS d
FROM records
"""


def header_columns(texts: pa.Table, warnings: Counter[str]) -> Columns:
    """The table's columns from the texts of an event's header (those there are); what is no number is counted."""
    made: Columns = {}
    given = set(texts.column_names)
    for name in ("host", "Channel", "Provider_Name", "UserID", "Message"):
        if name in given:
            made[name] = texts.column(name)
    for name, cell in (
        ("EventRecordID", Cell.INT64),
        ("EventID", Cell.INT64),
        ("Task", Cell.INT32),
        ("Opcode", Cell.INT32),
    ):
        if name in given:
            made[name], lost = whole_numbers(texts.column(name), cell)
            if lost and name == "EventID":
                # Task and opcode may be given by their names alone.
                warnings[f"{name} is not a number (kept as empty)"] += lost
    if "Level" in given:
        made["Level"] = levels(texts.column("Level"))
    if "severity" in given:
        made["Level"] = pc.coalesce(made["Level"], severities(texts.column("severity"), texts.column("kind")))
    if "Keywords" in given:
        made["Keywords"] = keywords(texts.column("Keywords"))
    if "Provider_Name" in given:
        log = _LOGS.take(pc.index_in(made["Provider_Name"].combine_chunks(), _PROVIDERS))
        made["Channel"] = pc.coalesce(made["Channel"], log) if "Channel" in given else pa.chunked_array([log])
    return made


def with_cmdlets(
    data: pa.ChunkedArray, made: Mapping[str, pa.ChunkedArray], *, joined: bool = False
) -> pa.ChunkedArray:
    """The events' fields (*data*), with those of Exchange's cmdlet log by name as well.

    They come from the numbered items, or, where these are *joined* by commas, from that text, or else from the message.
    Raises QueryError.
    """
    cmdlets = pc.fill_null(pc.equal(made["Provider_Name"], CMDLET_PROVIDER), False)
    if not pc.any(cmdlets).as_py():
        return data
    count = pc.sum(cmdlets).as_py()
    message = made.get("Message")
    rows = {
        "j": data.filter(cmdlets),
        "m": pa.chunked_array([pa.nulls(count, pa.string())]) if message is None else message.filter(cmdlets),
        "n": made["EventID"].filter(cmdlets),
        "numbered": pa.chunked_array([pa.array(np.full(count, not joined))]),
    }
    named = query(pa.table(rows), _CMDLET_SQL).column(0)
    return pa.chunked_array(
        [pc.replace_with_mask(data.combine_chunks(), cmdlets.combine_chunks(), named.combine_chunks())]
    )


def bisected(rows: Rows, run: Callable[[Rows], pa.Table]) -> tuple[pa.Table | None, Positions]:
    """What *run* gives for *rows*, and which of them it cannot take (they cost more memory than there is), found by halving.

    None if there is nothing.
    """
    nothing = np.zeros(0, dtype=np.int64)
    if not len(rows):
        return None, nothing
    try:
        return run(rows), nothing
    except QueryError:
        if len(rows) == 1:
            return None, np.zeros(1, dtype=np.int64)
    half = len(rows) // 2
    first, failed = bisected(rows.slice(0, half), run)
    second, failed_after = bisected(rows.slice(half), run)
    tables = [table for table in (first, second) if table is not None]
    return pa.concat_tables(tables) if tables else None, np.concatenate([failed, failed_after + half])


def note_odd_lines(block: Block, parsed: Parsed) -> None:
    """Count lines of *block* whose bytes were no text."""
    if block.invalid_utf8_lines:
        parsed.warnings["bytes that are not UTF-8 (kept as \\xNN)"] += block.invalid_utf8_lines
    if block.nul_lines:
        parsed.warnings["NUL bytes in the line"] += block.nul_lines


def event_table(schema: pa.Schema, made: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """The rows of the table; columns that were not made are null."""
    count = len(made["time"])
    return pa.Table.from_arrays(
        [made[field.name] if field.name in made else pa.nulls(count, field.type) for field in schema], schema=schema
    )
