"""Back-end log of Exchange Web Services: which SOAP action touched whose mailbox, and how many items it named.

``ActAsUser`` (from the security context in the request) and ``ImpersonatedUser`` name the mailbox; ``LocalIdCount`` and
``RemoteIdCount`` count the item ids in the call. ``ResponseSize`` is empty on real servers: bytes come from HttpProxy.

References:
    https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/ews-operations-in-exchange
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from brokenseal.parsers.columns import Cell, Column, text_columns
from brokenseal.parsers.exchange_log import (
    BUILD,
    GUID_SHAPE,
    INTEGER_SHAPE,
    NAME_SHAPE,
    USER_SHAPE,
    ExchangeLogParser,
    has_fields,
    log_type,
)


class Ews(ExchangeLogParser):
    __doc__ = __doc__
    kind = "ews"
    host_field = "ServerHostName"
    hints: ClassVar[Mapping[str, str]] = {
        "isauthenticated": r"(?i:true|false)",
        "serverhostname": r"[\w-]+",
        "soapaction": NAME_SHAPE,
        "httpstatus": r"[0-9]{3}",
        **dict.fromkeys(("impersonateduser", "proxyasuser", "actasuser"), USER_SHAPE),
        "correlationguid": GUID_SHAPE,
        **dict.fromkeys(("primaryorproxyserver", "tasktype"), NAME_SHAPE),
        **dict.fromkeys(("remotebackendcount", "processid"), INTEGER_SHAPE),
    }
    columns = (
        *text_columns("RequestId", "ClientRequestId", "AuthenticationType", "IsAuthenticated", "AuthenticatedUser"),
        *text_columns("Organization", "UserAgent", "ClientIpAddress", "ServerHostName", "FrontEndServer", "SoapAction"),
        Column("HttpStatus", "status of the back end", Cell.INT32),
        Column("RequestSize", "bytes of the request", Cell.INT64),
        Column("ResponseSize", "bytes of the response; empty on real servers", Cell.INT64),
        *text_columns("ErrorCode", "ImpersonatedUser", "ProxyAsUser", "ActAsUser", "Cookie", "CorrelationGuid"),
        Column("LocalMailboxCount", "mailboxes on this server in the call", Cell.INT64),
        Column("RemoteMailboxCount", "mailboxes elsewhere in the call", Cell.INT64),
        Column("LocalIdCount", "item ids in the call, mailbox on this server", Cell.INT64),
        Column("RemoteIdCount", "item ids in the call, mailbox elsewhere", Cell.INT64),
        *text_columns("GenericInfo", "GenericErrors"),
    )
    derived = (BUILD,)

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return log_type(head) == "ews logs" or has_fields(head, "RequestId", "SoapAction", "ActAsUser")

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)Ews_\d{10}-\d+\.log(\.gz)?$", name, re.IGNORECASE))
