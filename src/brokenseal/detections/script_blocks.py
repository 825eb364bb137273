"""PowerShell script blocks that were logged in parts, put together: one event a block, as if it had been logged whole.

Event 4104 cuts a long script into parts with ``MessageNumber`` of ``MessageTotal`` and the same ``ScriptBlockId``. A
rule whose
texts stand in different parts is true of the whole block only. Where parts are missing the others are joined all the same.

References:
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.core/about/about_logging_windows
"""

from __future__ import annotations

from brokenseal.detections.windows_matching import BATCH_COLUMNS
from brokenseal.events.engine import sql_name

SCRIPT_BLOCK_EVENT = 4104

_TOTAL, _NUMBER = (f"TRY_CAST(json_extract_string(Data, '/Message{name}') AS INTEGER)" for name in ("Total", "Number"))
_BLOCK = "nullif(json_extract_string(Data, '/ScriptBlockId'), '')"
#: True of an event that is one of several parts, and says of what and which; cheap where it is not.
IS_PART = (
    f"coalesce(EventID = {SCRIPT_BLOCK_EVENT} AND contains(Data, '\"MessageTotal\"') "
    f"AND {_TOTAL} > 1 AND {_NUMBER} IS NOT NULL AND {_BLOCK} IS NOT NULL, FALSE)"
)


def joined_blocks_sql(events: str) -> str:
    """SELECT (``BATCH_COLUMNS``) over *events* (rows of ``windows_event``): one row a block, in place of its first part.

    Needs the table ``source_ranks(source_id, rank)``, which says which of two copies of a part counts.
    """
    columns = ", ".join(f"first.{sql_name(name)}" for name in BATCH_COLUMNS if name != "Data")
    return (
        f"WITH parts AS (SELECT e.*, r.rank, {_NUMBER} AS part, json_extract_string(Data, '/ScriptBlockText') AS text, "
        f"lower(coalesce(e.host, '')) || ' ' || lower({_BLOCK}) AS block "
        f"FROM {events} e JOIN source_ranks r ON r.source_id = e.source_id WHERE {IS_PART}), "
        "once AS (SELECT * FROM parts QUALIFY row_number() OVER (PARTITION BY block, part ORDER BY rank, line) = 1), "
        "whole AS (SELECT block, string_agg(text, '' ORDER BY part) AS script FROM once GROUP BY block), "
        "first AS (SELECT * FROM once QUALIFY row_number() OVER (PARTITION BY block ORDER BY part) = 1) "
        f"SELECT {columns}, "
        "CAST(json_merge_patch(first.Data, json_object('ScriptBlockText', whole.script)) AS VARCHAR) AS Data "
        "FROM first JOIN whole ON whole.block = first.block"
    )
