"""Exchange's mailbox audit log as CSV: Search-MailboxAuditLog, also Search-AdminAuditLog, piped to Export-Csv.

Any selection of their columns is read, if the time and something of the mailbox, or of the cmdlet, is among them. Lists that
PowerShell wrote as the name of their type are null. `time` is the clock of the machine that exported, without a zone: it is
taken as UTC, with a warning.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/search-mailboxauditlog
    https://learn.microsoft.com/en-us/powershell/module/exchange/search-adminauditlog
    https://learn.microsoft.com/en-us/exchange/policy-and-compliance/mailbox-audit-logging/mailbox-audit-logging
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.audit_csv import AuditCsvParser
from brokenseal.parsers.columns import NULL_TEXT
from brokenseal.parsers.unified_audit_csv import as_objects
from brokenseal.parsers.windows_event import query

_NAMES = (
    "AggregatedRecordFoldersData",
    "AppId",
    "AuditOperationsCountInAggregatedRecord",
    "Caller",
    "ClientAppId",
    "ClientIP",
    "ClientIPAddress",
    "ClientInfoString",
    "ClientProcessName",
    "ClientVersion",
    "CmdletName",
    "CmdletParameters",
    "DestFolderPathName",
    "ExternalAccess",
    "FolderPathName",
    "Identity",
    "ItemId",
    "ItemInternetMessageId",
    "ItemSubject",
    "LogonType",
    "LogonUserDisplayName",
    "LogonUserSid",
    "MailboxGuid",
    "MailboxOwnerSid",
    "MailboxOwnerUPN",
    "MailboxResolvedOwnerName",
    "ModifiedProperties",
    "ObjectModified",
    "Operation",
    "OperationProperties",
    "OperationResult",
    "SessionId",
    "SourceFolders",
    "SourceItemFolderPathNamesList",
    "SourceItemIdsList",
    "SourceItemInternetMessageIdsList",
    "SourceItemSubjectsList",
    "SourceItems",
    "Succeeded",
)
_CELLS = {name.lower(): name for name in _NAMES}
#: The time of a row, under the name that exports of other logs have for it: both are read as one.
_TIMES = ("lastaccessed", "rundate")
_MAILBOX = {"mailboxguid", "mailboxownerupn", "mailboxresolvedownername", "logonuserdisplayname", "folderpathname"}
#: What PowerShell writes for a list.
_LIST = r"^(?:System|Microsoft)\.[A-Za-z0-9.]+(?:\[\]|`[0-9]+(?:\[.*)?|Collection|List|Item)?$"


class MailboxAuditCsv(AuditCsvParser):
    __doc__ = __doc__
    kind = "mailbox_audit_csv"
    no_header = "no header row of a mailbox audit log before this row"
    telling = _TIMES
    dates_are_utc = False

    @classmethod
    def is_header(cls, names: frozenset[str]) -> bool:
        mailbox = "lastaccessed" in names and bool(names & _MAILBOX)
        return mailbox or ("rundate" in names and "cmdletname" in names)

    @classmethod
    def wanted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in _CELLS or name in _TIMES)

    def records(self, texts: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        times = pc.coalesce(*(texts.column(name) for name in _TIMES if name in texts.column_names))
        cells = {
            name: pc.if_else(pc.match_substring_regex(texts.column(name), _LIST), NULL_TEXT, texts.column(name))
            for name in texts.column_names
            if name not in _TIMES
        }
        workload = pa.chunked_array([pa.array(["Exchange"]).take(pa.array([0] * texts.num_rows, pa.int32()))])
        objects = as_objects(pa.table(cells | {"workload": workload}), _CELLS | {"workload": "Workload"})
        dates = query(times, "SELECT CAST(json_object('CreationDate', j) AS VARCHAR) AS j FROM records").column(0)
        return objects, dates
