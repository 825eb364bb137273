"""Unified audit log of Microsoft 365 as CSV: Search-UnifiedAuditLog, the Purview portal, Microsoft-Extractor-Suite.

Each row has its record as JSON in the cell `AuditData`; `time` is the record's own, in UTC. Where that cell is no JSON (a
spreadsheet cuts it at 32,767 characters) the row keeps what its other cells say, with a warning, and its times may hang on
the order of day and month in `CreationDate`.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/search-unifiedauditlog
    https://learn.microsoft.com/en-us/purview/audit-log-export-records
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.audit_csv import AuditCsvParser
from brokenseal.parsers.base import Parsed
from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.windows_event import query, valid

NO_RECORD = "AuditData is no JSON (only the row's other cells are kept)"
#: The export's own cells → the names that they have in JSON exports.
_CELLS = {
    "creationdate": "CreationDate",
    "recordtype": "RecordType",
    "operation": "Operation",
    "operations": "Operations",
    "userid": "UserId",
    "userids": "UserIds",
    "recordid": "RecordId",
    "identity": "Identity",
}


class UnifiedAuditCsv(AuditCsvParser):
    __doc__ = __doc__
    kind = "unified_audit_csv"
    no_header = "no header row of a unified audit log before this row"
    telling = ("auditdata",)
    dates_are_utc = True

    @classmethod
    def is_header(cls, names: frozenset[str]) -> bool:
        return "auditdata" in names and len(names & _CELLS.keys()) >= 2

    @classmethod
    def wanted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name == "auditdata" or name in _CELLS)

    def note(self, texts: pa.Table, parsed: Parsed) -> None:
        parsed.warnings[NO_RECORD] += pc.sum(pc.invert(valid(texts.column("auditdata")))).as_py() or 0

    def records(self, texts: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        data = texts.column("auditdata")
        return as_chunked(pc.if_else(valid(data), data, NULL_TEXT)), as_objects(texts, _CELLS)


def as_objects(texts: pa.Table, names: dict[str, str]) -> pa.ChunkedArray:
    """Each row as a JSON object of its cells by *names* (lower case → key), those there are. Raises QueryError."""
    pairs = ", ".join(f"'{key}', \"{name}\"" for name, key in names.items() if name in texts.column_names)
    return query(texts, f"SELECT CAST(json_object({pairs}) AS VARCHAR) AS j FROM records").column(0)
