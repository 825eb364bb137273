"""Rows of the back end's MapiHttp log: Outlook's own protocol.

References:
    exchange-evidence.md 2.6 (header; front end and back end share the RequestId).
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.clock import iso
from brokenseal.simulate.organisation import DOMAIN, Build, Server

FIELDS = (
    "DateTime,RequestId,MapiRequestId,ClientRequestId,RequestType,HttpStatusCode,ResponseCode,StatusCode,ReturnCode,"
    "TotalRequestLatency,DeploymentRing,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,AuthenticatedUserEmail,"
    "UPN,Puid,TenantGuid,MailboxId,MDBGuid,ActAsUserEmail,ClientIP,SourceCafeServer,EdgeInfo,NetworkDeviceInfo,"
    "SessionCookie,SequenceCookie,MapiClientInfo,ClientSoftware,ClientSoftwareVersion,ClientMode,AuthenticationType,"
    "AuthModuleLatency,LiveIdBasicLog,LiveIdBasicError,LiveIdNegotiateError,OAuthLatency,OAuthError,OAuthErrorCategory,"
    "OAuthExtraInfo,AuthenticatedUser,RopIds,OperationSpecific,GenericInfo,GenericErrors"
)
_ROPS = {"Connect": "", "Execute": ">Logon>GetPropertiesSpecific>QueryRows", "NotificationWait": "", "Disconnect": ""}


@dataclass(slots=True)
class MapiCall:
    """``mailbox`` is the mailbox's guid, ``took`` in milliseconds."""

    request_type: str
    smtp: str
    account: str
    mailbox: str
    client_ip: str
    front_end: str
    session: str
    client_request_id: str
    software: str = "OUTLOOK.EXE"
    software_version: str = "16.0.13530.20316"
    mode: str = "Cached"
    took: int = 12


def row(end: int, request_id: str, server: Server, build: Build, c: MapiCall) -> str:
    return (
        f"{iso(end)},{request_id},{c.session}:1,{c.client_request_id},{c.request_type},200,0,0,0,{c.took},,"
        f"{build.major},{build.minor},{build.build},{build.revision},{c.smtp},{c.smtp},,,{c.mailbox}@{DOMAIN},"
        f"{server.database},,{c.client_ip},{c.front_end},,,{c.session},,,{c.software},{c.software_version},{c.mode},"
        f"Negotiate,1,,,,,,,,{c.account},{_ROPS[c.request_type]},,Dbl:WLM.TS={c.took},"
    )
