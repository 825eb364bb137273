"""Rows of the HttpProxy logs, where a front end writes each request and the back end it was sent to.

References:
    exchange-evidence.md 2.2 (header of Exchange 2016 and SE, the same in every protocol's folder).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from brokenseal.simulate.clock import DAY, iso
from brokenseal.simulate.organisation import SERVER_VERSION_NUMBER, TARGET_VERSION, Build, Server

FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId,Protocol,UrlHost,"
    "UrlStem,ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization,AnchorMailbox,UserAgent,"
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
_NO_TARGET = "," * 9  # ProxyAction to ServerLocatorLatency
_NO_LATENCIES = "," * 14  # TargetOutstandingRequests to ActivityContextLifeTime, and from there to CoreLatency


@dataclass(slots=True)
class FrontEndRequest:
    """One request at the front end. Empty text is an empty cell; ``target`` None means that the front end answered.

    ``query`` is without the question mark, ``took`` in milliseconds, sizes in bytes (None = not logged).
    ``down_level`` marks a request sent to a target whose claimed version is too old to be an Exchange 2013 or later.
    """

    protocol: str
    stem: str
    host: str
    client_ip: str
    agent: str
    method: str = "GET"
    query: str = ""
    action: str = ""
    authentication: str = "FBA"
    account: str = ""
    organization: str = ""
    anchor: str = ""
    client_request_id: str = ""
    status: int = 200
    took: int = 20
    request_bytes: int = 0
    response_bytes: int | None = None
    target: Server | None = None
    target_host: str = ""
    hint: str = ""
    sticky: bool = False
    back_stem: str = ""
    back_query: str = ""
    back_account: str = ""
    note: str = ""
    down_level: bool = False


@lru_cache(maxsize=512)
def without_commas(text: str) -> str:
    """Exchange replaces the commas of a user agent by spaces instead of quoting the cell."""
    return text.replace(",", " ")


def row(end: int, request_id: str, server: Server, build: Build, r: FrontEndRequest) -> str:
    """The row of a request that ended at ``end`` on front end ``server``."""
    authenticated = "true" if r.account else "false"
    return (
        f"{iso(end)},{request_id},{build.major},{build.minor},{build.build},{build.revision},{r.client_request_id},"
        f"{r.protocol},{r.host},{r.stem},{r.action},{r.authentication},{authenticated},{r.account},{r.organization},"
        f"{r.anchor},{without_commas(r.agent)},{r.client_ip},{server.name},{r.status},"
    ) + (_proxied(end, server, r) if r.target else _answered_here(end, r))


def _answered_here(end: int, r: FrontEndRequest) -> str:
    query = f"?{r.query}" if r.query else ""
    return (
        f",,{r.method}{_NO_TARGET}{r.request_bytes},{_size(r.response_bytes)}{_NO_LATENCIES}{r.took}{_NO_LATENCIES}"
        f"{r.took},,{r.took},{r.took},,{query},,BeginRequest={iso(end - r.took)};CorrelationID=<empty>;"
        f"SharedCacheGuard=0;{r.note}EndRequest={iso(end)};,,,,,,"
    )


def _proxied(end: int, server: Server, r: FrontEndRequest) -> str:
    target = r.target or server
    query = f"?{r.query}" if r.query else ""
    cookie = f"Database~{target.database}~~{iso(end + 30 * DAY)[:19]}" if r.sticky else ""
    inside = max(r.took - 3, min(r.took, 1))
    if r.down_level:
        version, kind, front_end = "0.00.0003.000", "CrossRegion", "FEAuth=BEVersion-3;ProxyToDownLevel=True;"
    else:
        version, kind = TARGET_VERSION, "IntraForest"
        front_end = f"FEAuth=BEVersion-{SERVER_VERSION_NUMBER};"
    database = f"|RoutingDB:{target.database}" if r.sticky or r.hint == "WindowsIdentity" else ""
    return (
        f"{r.status},,{r.method},Proxy,{r.target_host or target.fqdn},{version},{kind},{r.hint},{cookie},,,"
        f"{r.request_bytes},{_size(r.response_bytes)},,,0,1,,0,,0,,0,0,,0,{r.took},0,0,1,0,{inside},0,0,0,0,0,{r.took},0,"
        f"{inside},2,1,3,{r.took},,{query},,BeginRequest={iso(end - r.took)};CorrelationID=<empty>;ProxyState-Run=None;"
        f"{front_end}BeginGetResponse={iso(end - inside)};OnResponseReady={iso(end - 1)};"
        f"EndGetResponse={iso(end - 1)};ProxyState-Complete=ProxyResponseData;SharedCacheGuard=0;{r.note}"
        f"EndRequest={iso(end)};,,,{database},,,CafeV1"
    )


def _size(size: int | None) -> str:
    return "" if size is None else str(size)
