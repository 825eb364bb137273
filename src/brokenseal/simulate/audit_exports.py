"""Exports of audit records, as administrators make them with PowerShell: CSV and JSON lines.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/search-unifiedauditlog
    https://learn.microsoft.com/en-us/powershell/module/exchange/search-mailboxauditlog
    exchange-evidence.md 2.10 and 2.11.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from brokenseal.simulate.audit_records import Record
from brokenseal.simulate.clock import DAY, SECOND, day_of, milliseconds
from brokenseal.simulate.organisation import User

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAILBOX_AUDIT_COLUMNS = (
    "Operation", "OperationResult", "LogonType", "ExternalAccess", "DestFolderId", "DestFolderPathName", "FolderId",
    "FolderPathName", "ClientInfoString", "ClientIPAddress", "ClientMachineName", "ClientProcessName", "ClientVersion",
    "InternalLogonType", "MailboxOwnerUPN", "MailboxOwnerSid", "CrossMailboxOperation", "LogonUserDisplayName",
    "LogonUserSid", "SourceItems", "SourceFolders", "ItemId", "ItemSubject", "OriginatingServer", "MailboxGuid",
    "MailboxResolvedOwnerName", "LastAccessed", "Identity", "IsValid",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MailboxAuditEntry:
    """One entry of a mailbox's own audit log: somebody else (``display``, ``sid``) did something in it at ``time`` (ms)."""

    time: int
    operation: str
    logon: str
    owner: User
    display: str
    sid: str
    ip: str
    client: str
    folder: str
    identity: str
    item_id: str = ""
    subject: str = ""


def quoted_row(cells: Iterable[str]) -> str:
    """A row as Export-Csv writes it: every cell in quotes."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def csv_file(columns: Sequence[str], rows: Iterable[Iterable[str]], kind: str = "") -> bytes:
    """A file of Export-Csv in UTF-8; with ``kind`` its first line names the type of the objects."""
    lines = [f"#TYPE {kind}"] if kind else []
    lines += [quoted_row(columns), *(quoted_row(row) for row in rows)]
    return _BYTE_ORDER_MARK + ("\r\n".join(lines) + "\r\n").encode("utf-8")


def american(ms: int) -> str:
    """A time as PowerShell shows it in the United States: ``2/28/2021 11:05:09 PM``."""
    number, rest = divmod(ms, DAY)
    day, seconds = day_of(number), rest // SECOND
    hour, minute = seconds // 3600, seconds // 60 % 60
    half = "PM" if hour >= 12 else "AM"
    return f"{day.month}/{day.day}/{day.year} {hour % 12 or 12}:{minute:02}:{seconds % 60:02} {half}"


def search_unified_audit_log(records: Sequence[Record]) -> bytes:
    """``Search-UnifiedAuditLog | Select CreationDate,UserIds,Operations,AuditData | Export-Csv``: the newest first."""
    rows = [
        (
            american(milliseconds(f"{record['CreationTime']}Z")),
            str(record["UserId"]),
            str(record["Operation"]),
            _json(record),
        )
        for record in reversed(records)
    ]
    return csv_file(("CreationDate", "UserIds", "Operations", "AuditData"), rows)


def json_lines(records: Sequence[Record]) -> bytes:
    """One record a line, as collectors of the Management Activity API keep them."""
    return "".join(f"{_json(record)}\n" for record in records).encode("utf-8")


def search_mailbox_audit_log(entries: Sequence[MailboxAuditEntry]) -> bytes:
    """``Search-MailboxAuditLog -ShowDetails | Export-Csv``, by an administrator whose clock is UTC."""
    rows = []
    for entry in entries:
        known = {
            "Operation": entry.operation,
            "OperationResult": "Succeeded",
            "LogonType": entry.logon,
            "ExternalAccess": "False",
            "FolderPathName": entry.folder,
            "ClientInfoString": entry.client,
            "ClientIPAddress": entry.ip,
            "MailboxOwnerUPN": entry.owner.smtp,
            "MailboxOwnerSid": entry.owner.sid,
            "CrossMailboxOperation": "False",
            "LogonUserDisplayName": entry.display,
            "LogonUserSid": entry.sid,
            "SourceItems": "System.Collections.ArrayList",
            "SourceFolders": "System.Collections.ArrayList",
            "ItemId": entry.item_id,
            "ItemSubject": entry.subject,
            "OriginatingServer": f"{entry.owner.home.name} (15.01.2106.002)",
            "MailboxGuid": entry.owner.mailbox,
            "MailboxResolvedOwnerName": entry.owner.alias,
            "LastAccessed": american(entry.time),
            "Identity": entry.identity,
            "IsValid": "True",
        }
        rows.append([known.get(name, "") for name in _MAILBOX_AUDIT_COLUMNS])
    return csv_file(_MAILBOX_AUDIT_COLUMNS, rows, "Microsoft.Exchange.Data.Directory.Management.MailboxAuditLogEvent")


def _json(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
