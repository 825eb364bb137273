"""Rows of the message tracking log: the way of a mail through the server.

References:
    exchange-evidence.md 2.9; https://learn.microsoft.com/exchange/mail-flow/transport-logs/message-tracking
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.clock import iso
from brokenseal.simulate.exchange_csv import row as csv_row
from brokenseal.simulate.organisation import Build

FIELDS = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,"
    "tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"
)


@dataclass(slots=True)
class Mail:
    """One mail to one recipient; ``size`` in bytes."""

    number: int
    message_id: str
    network_id: str
    sender: str
    recipient: str
    subject: str
    size: int
    directionality: str


@dataclass(slots=True)
class Hop:
    """One event of a mail's way: who handed it over to whom."""

    source: str
    event: str
    client_ip: str
    client_host: str
    server_ip: str
    server_host: str
    connector: str = ""
    context: str = ""
    recipient_status: str = ""
    related: str = ""
    reference: str = ""


def row(ms: int, build: Build, mail: Mail, hop: Hop, log_id: str) -> str:
    return csv_row(
        (
            iso(ms), hop.client_ip, hop.client_host, hop.server_ip, hop.server_host, hop.context, hop.connector,
            hop.source, hop.event, str(mail.number), mail.message_id, mail.network_id, mail.recipient,
            hop.recipient_status, str(mail.size), "1", hop.related, hop.reference, mail.subject, mail.sender, mail.sender,
            "04I: ", mail.directionality, "", hop.client_ip, hop.server_ip, "S:DeliveryPriority=Normal", "Email", log_id,
            build.padded,
        )
    )  # fmt: skip
