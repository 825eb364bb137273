"""Message tracking log (MSGTRK): each step of each message, with sender, recipients, subject and size.

References:
    https://learn.microsoft.com/en-us/exchange/mail-flow/transport-logs/message-tracking
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from brokenseal.parsers.columns import Cell, Column, text_columns
from brokenseal.parsers.exchange_log import (
    ADDRESS_SHAPE,
    GUID_SHAPE,
    INTEGER_SHAPE,
    NAME_SHAPE,
    ExchangeLogParser,
    has_fields,
    log_type,
)


class MessageTracking(ExchangeLogParser):
    __doc__ = __doc__
    kind = "message_tracking"
    hints: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("source", "event-id"), r"[A-Z]+"),
        "internal-message-id": INTEGER_SHAPE,
        "message-id": r"(?:<.*>)?",
        "network-message-id": GUID_SHAPE,
        "recipient-address": r"(?:[^,]*@[^,]*)?",
        **dict.fromkeys(("sender-address", "return-path"), r"(?:<>|[^@,\s]+@[^@,\s]+)?"),
        "directionality": NAME_SHAPE,
        **dict.fromkeys(("original-client-ip", "original-server-ip"), ADDRESS_SHAPE),
    }
    columns = (
        *text_columns("client-ip", "client-hostname", "server-ip", "server-hostname", "source-context", "connector-id"),
        *text_columns("source", "event-id", "internal-message-id", "message-id", "network-message-id"),
        Column("recipient-address", "recipients, separated by ';'"),
        *text_columns("recipient-status"),
        Column("total-bytes", "bytes of the message with attachments", Cell.INT64),
        Column("recipient-count", "number of recipients", Cell.INT64),
        *text_columns("related-recipient-address", "reference", "message-subject", "sender-address", "return-path"),
        *text_columns("message-info", "directionality", "tenant-id", "original-client-ip", "original-server-ip"),
        *text_columns("custom-data", "transport-traffic-type"),
    )

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return log_type(head) == "message tracking log" or has_fields(head, "internal-message-id", "recipient-address")

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)MSGTRK(M[SDA])?\d{8,10}-\d+\.log(\.gz)?$", name, re.IGNORECASE))
