"""Directory export as CSV: Get-Mailbox, Get-Recipient, Get-User, Get-ADUser piped to Export-Csv.

Any selection of their columns is read, if two of them name somebody. Lists of addresses are read however they were joined;
those that PowerShell wrote as the name of their type are lost. `time` is 1970-01-01T00:00:00Z: these are states, no events.

References:
    https://learn.microsoft.com/en-us/powershell/module/exchange/get-mailbox
    https://learn.microsoft.com/en-us/powershell/module/activedirectory/get-aduser
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from brokenseal.parsers.base import Parsed, reject
from brokenseal.parsers.blocks import Block, Positions
from brokenseal.parsers.directory import DirectoryParser
from brokenseal.parsers.directory_rows import ALL_NAMES, Row, columns_of_rows, row_of
from brokenseal.parsers.exported_csv import Columns, ExportedCsvParser

NOBODY = "row names nobody"
_IDENTITIES = {
    "primarysmtpaddress",
    "emailaddresses",
    "proxyaddresses",
    "legacyexchangedn",
    "userprincipalname",
    "samaccountname",
    "exchangeguid",
    "msexchmailboxguid",
    "distinguishedname",
    "objectsid",
    "sid",
    "mail",
    "windowsemailaddress",
}
_OF_MAIL = _IDENTITIES - {"samaccountname", "distinguishedname", "objectsid", "sid"}
#: Names of columns that a log has and a list of people has not.
_LOGS = {"operation", "operations", "auditdata", "timecreated", "eventid", "lastaccessed", "rundate", "creationdate"}


class MailboxListCsv(DirectoryParser, ExportedCsvParser):
    __doc__ = __doc__
    kind = "mailbox_list_csv"
    no_header = "no header row of a list of mailboxes or users before this row"
    telling = tuple(sorted(_OF_MAIL))

    @classmethod
    def is_header(cls, names: frozenset[str]) -> bool:
        return bool(names & _OF_MAIL) and len(names & _IDENTITIES) >= 2 and not names & _LOGS

    @classmethod
    def wanted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in ALL_NAMES)

    def columns_of(self, texts: pa.Table, block: Block, lines: Positions, parsed: Parsed) -> tuple[Columns, Positions]:
        rows: list[Row] = []
        kept: list[int] = []
        for at, cells in enumerate(texts.to_pylist()):
            row = row_of({name: (text,) for name, text in cells.items() if text is not None})
            if row is None:
                parsed.rejects.append(reject(block, int(lines[at]), NOBODY))
            else:
                rows.append(row)
                kept.append(at)
        return columns_of_rows(rows), np.array(kept, dtype=np.int64)
