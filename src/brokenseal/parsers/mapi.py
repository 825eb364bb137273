"""Back-end log of MAPI over HTTP (Outlook): mailbox, request type, ROPs and the client of each request.

References:
    https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxcmapihttp
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from brokenseal.parsers.columns import Cell, Column, text_columns
from brokenseal.parsers.exchange_log import (
    BUILD,
    GUID_SHAPE,
    NAME_SHAPE,
    USER_SHAPE,
    ExchangeLogParser,
    has_fields,
    log_type,
)


class Mapi(ExchangeLogParser):
    __doc__ = __doc__
    kind = "mapi"
    hints: ClassVar[Mapping[str, str]] = {
        "requesttype": NAME_SHAPE,
        **dict.fromkeys(("authenticateduseremail", "upn", "actasuseremail"), USER_SHAPE),
        "mailboxid": r"(?:[0-9A-Fa-f-]+@[^@,]+)?",
        **dict.fromkeys(("tenantguid", "mdbguid"), GUID_SHAPE),
    }
    columns = (
        *text_columns("RequestId", "MapiRequestId", "ClientRequestId", "RequestType"),
        Column("HttpStatusCode", "status of the back end", Cell.INT32),
        *text_columns("ResponseCode", "StatusCode", "ReturnCode", "AuthenticatedUserEmail", "UPN"),
        Column("MailboxId", "mailbox as <guid>@<domain>"),
        *text_columns("MDBGuid", "ActAsUserEmail", "ClientIP", "SourceCafeServer", "ClientSoftware", "ClientMode"),
        *text_columns("AuthenticationType", "AuthenticatedUser", "RopIds", "OperationSpecific"),
        *text_columns("GenericInfo", "GenericErrors"),
    )
    derived = (BUILD,)

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        found = log_type(head)
        return bool(found and found.startswith("mapihttp")) or has_fields(
            head, "MapiRequestId", "RequestType", "RopIds"
        )

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)MapiHttp_\d{10}-\d+\.log(\.gz)?$", name, re.IGNORECASE))
