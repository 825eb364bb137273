"""Exchange PowerShell log (CmdletInfra, 'Rps Cmdlet Logs'): each cmdlet with its parameters, user and result.

References:
    https://learn.microsoft.com/en-us/powershell/exchange/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from brokenseal.parsers.columns import Column, text_columns
from brokenseal.parsers.exchange_log import (
    BUILD,
    INTEGER_SHAPE,
    NAME_SHAPE,
    ExchangeLogParser,
    has_fields,
    log_type,
)


class Cmdlet(ExchangeLogParser):
    __doc__ = __doc__
    kind = "cmdlet"
    host_field = "ServerHostName"
    hints: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("processid", "threadid"), INTEGER_SHAPE),
        "executingusersid": r"(?:S-[0-9-]+)?",
        "isadmin": r"(?i:true|false|)",
        "cmdlet": r"(?:[A-Za-z]+-[A-Za-z0-9]+)?",
        "executionresult": NAME_SHAPE,
    }
    columns = (
        *text_columns("StartTime", "RequestId", "ClientRequestId", "ServerHostName", "ProcessId", "ProcessName"),
        *text_columns("AuthenticatedUser", "ExecutingUserSid", "IsAdmin", "ClientApplication"),
        Column("Cmdlet", "name of the cmdlet, e.g. New-MailboxExportRequest"),
        Column("Parameters", 'its parameters as -Name "value"'),
        *text_columns("CmdletUniqueId", "ErrorType", "ExecutionResult", "GenericInfo", "GenericErrors"),
    )
    derived = (BUILD,)

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return log_type(head) == "rps cmdlet logs" or has_fields(head, "Cmdlet", "Parameters", "ExecutingUserSid")

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)Rps_Cmdlet_\d{8,10}-\d+\.log(\.gz)?$", name, re.IGNORECASE))
