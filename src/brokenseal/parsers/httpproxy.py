"""Front-end proxy log of Exchange (HttpProxy), one folder a protocol: Owa, Ecp, Ews, Mapi, Eas, Oab, PowerShell and others.

Every request that reaches the front end is here with the mailbox it was routed by (``AnchorMailbox``), the answer's status
and the bytes in and out. Of the latency columns only ``TotalRequestTime`` is kept; the line itself stays in the evidence.

References:
    https://learn.microsoft.com/en-us/exchange/architecture/client-access/client-access
    https://www.microsoft.com/en-us/security/blog/2021/03/02/hafnium-targeting-exchange-servers/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from brokenseal.parsers.columns import Cell, Column, text_columns
from brokenseal.parsers.exchange_log import BUILD, ExchangeLogParser, has_fields, log_type
from brokenseal.parsers.quoting import tolerant_cells

_FIELDS_74 = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,UrlStem,"
    "ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,"
    "ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction,TargetServer,"
    "TargetServerVersion,RoutingType,RoutingHint,BackEndCookie,ServerLocatorHost,ServerLocatorLatency,RequestBytes,"
    "ResponseBytes,TargetOutstandingRequests,AuthModulePerfContext,HttpPipelineLatency,CalculateTargetBackEndLatency,"
    "GlsLatencyBreakup,TotalGlsLatency,AccountForestLatencyBreakup,TotalAccountForestLatency,"
    "ResourceForestLatencyBreakup,TotalResourceForestLatency,ADLatency,SharedCacheLatencyBreakup,"
    "TotalSharedCacheLatency,ActivityContextLifeTime,ModuleToHandlerSwitchingLatency,ClientReqStreamLatency,"
    "BackendReqInitLatency,BackendReqStreamLatency,BackendProcessingLatency,BackendRespInitLatency,"
    "BackendRespStreamLatency,ClientRespStreamLatency,KerberosAuthHeaderLatency,HandlerCompletionLatency,"
    "RequestHandlerLatency,HandlerToModuleSwitchingLatency,ProxyTime,CoreLatency,RoutingLatency,HttpProxyOverhead,"
    "TotalRequestTime,RouteRefresherLatency,UrlQuery,BackEndGenericInfo,GenericInfo,GenericErrors,EdgeTraceId,"
    "DatabaseGuid,UserADObjectGuid,PartitionEndpointLookupLatency,RoutingStatus"
)
# Exchange 2013 in its first years (15.0.516): one unnamed column, request ids without hyphens.
_FIELDS_2013 = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlStem,"
    "ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,"
    "ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction,TargetServer,,"
    "TargetServerVersion,RoutingHint,BackEndCookie,ServerLocatorHost,ServerLocatorLatency,RequestBytes,ResponseBytes,"
    "TargetOutstandingRequests,AuthModulePerfContext,HttpPipelineLatency,CalculateTargetBackEndLatency,"
    "GlsLatencyBreakup,TotalGlsLatency,AccountForestLatencyBreakup,TotalAccountForestLatency,"
    "ResourceForestLatencyBreakup,TotalResourceForestLatency,ADLatency,ActivityContextLifeTime,"
    "ModuleToHandlerSwitching,FirstResponseByteReceived,ProxyTime,RequestHandlerLatency,HandlerToModuleSwitching,"
    "HttpProxyOverhead,TotalRequestTime,UrlQuery,GenericInfo,GenericErrors"
)
_GUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
#: A headerless file may begin in the middle of a row.
_HEAD_ROWS = 5


class HttpProxy(ExchangeLogParser):
    __doc__ = __doc__
    kind = "httpproxy"
    host_field = "ServerHostName"
    hints: ClassVar[Mapping[str, str]] = {
        "requestid": r"[0-9A-Fa-f-]{32,36}|",
        "protocol": r"[A-Za-z]*",
        "urlstem": r"/.*|",
        "method": r"[A-Z_]*",
        "targetserverversion": r"[0-9.]*",
        "routingtype": r"[A-Za-z]*",
        "urlquery": r"\?.*|",
        "authenticationtype": r"[\w-]*",
        "isauthenticated": r"(?i:true|false)",
        "anchormailbox": r"[A-Za-z]+[~:].*|",
        "serverhostname": r"[\w-]+",
        "httpstatus": r"[0-9]{3}",
        "totalrequesttime": r"[0-9]+",
        "genericinfo": r"BeginRequest=.*",
        "edgetraceid": r"[0-9A-Fa-f-]*",
    }
    known_layouts = (tuple(_FIELDS_74.split(",")), tuple(_FIELDS_2013.split(",")))
    columns = (
        Column("RequestId", "GUID of the request; equals cafeReqId in the IIS front-end log"),
        *text_columns("ClientRequestId", "Protocol", "UrlHost", "UrlStem", "ProtocolAction", "AuthenticationType"),
        Column("IsAuthenticated", "'true' or 'false'"),
        *text_columns("AuthenticatedUser", "Organization"),
        Column(
            "AnchorMailbox", "what the request was routed by, e.g. Sid~..., SMTP:..., MailboxGuid~..., ServerInfo~..."
        ),
        *text_columns("UserAgent", "ClientIpAddress", "ServerHostName"),
        Column("HttpStatus", "status sent to the client", Cell.INT32),
        Column("BackEndStatus", "status the back end gave; often empty", Cell.INT32),
        *text_columns("ErrorCode", "Method", "ProxyAction", "TargetServer", "TargetServerVersion", "RoutingType"),
        *text_columns("RoutingHint", "BackEndCookie"),
        Column("RequestBytes", "bytes of the request body", Cell.INT64),
        Column("ResponseBytes", "bytes of the response body", Cell.INT64),
        Column("TotalRequestTime", "milliseconds", Cell.INT64),
        *text_columns("UrlQuery", "GenericInfo", "GenericErrors", "DatabaseGuid"),
    )
    derived = (BUILD,)

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        if log_type(head) == "httpproxy logs":
            return True
        if has_fields(head, "RequestId", "AnchorMailbox", "UrlStem"):
            return True
        most = max(map(len, cls.known_layouts))
        rows = (tolerant_cells(line.rstrip("\r"), most) for line in head.split("\n", _HEAD_ROWS)[:_HEAD_ROWS])
        return any(
            len(cells) == len(layout) and cls._shape(dict(zip(layout, cells, strict=True)))
            for cells in rows
            for layout in cls.known_layouts
        )

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)HttpProxy_[^/]*\.log(\.gz)?$", name, re.IGNORECASE))

    def fits(self, cells: dict[str, str]) -> bool:
        return self._shape(cells)

    @staticmethod
    def _shape(cells: dict[str, str]) -> bool:
        return (
            bool(_TIME.match(cells["DateTime"]))
            and bool(_GUID.fullmatch(cells["RequestId"]))
            and cells["MajorVersion"].isdecimal()
            and (not cells["UrlStem"] or cells["UrlStem"].startswith("/"))
            and (not cells["HttpStatus"] or cells["HttpStatus"].isdecimal())
        )
