"""HttpProxy lines (74 columns) as an Exchange 2016 front end writes them, for the benchmark."""

from __future__ import annotations

import numpy as np
from bench.population import (
    BROWSERS,
    DATABASE,
    DOMAIN,
    EWS_CLIENTS,
    GUID_LENGTH,
    OUTLOOKS,
    PHONES,
    PUBLIC_HOST,
    SERVER,
    SERVER_FQDN,
    Person,
    guids,
)

_HEADER = (
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
FIELDS = _HEADER.split(",")
#: Protocols and what their requests look like: stem, agents, query, authentication.
PROTOCOLS = {
    "Owa": ("/owa/service.svc", BROWSERS, "?action=GetItem&EP=1&ID=-12&AC=1", "FBA"),
    "Ecp": ("/ecp/DDI/DDIService.svc/GetList", BROWSERS, "?schema=MailboxFolderService&workflow=GetList", "FBA"),
    "Eas": (
        "/Microsoft-Server-ActiveSync/default.eas",
        PHONES,
        "?Cmd=Sync&User={a}&DeviceId={d}&DeviceType=iPhone",
        "Basic",
    ),
    "Ews": ("/EWS/Exchange.asmx", EWS_CLIENTS, "", "Negotiate"),
    "Mapi": ("/mapi/emsmdb/", OUTLOOKS, "?MailboxId={m}@corp.example", "Negotiate"),
    "Autodiscover": ("/autodiscover/autodiscover.xml", OUTLOOKS, "", "Negotiate"),
}
#: The layout that a file changes to in its middle: without the last three columns.
FEWER_FIELDS = FIELDS[:-3]

_HOLE = "\0"
_SHAPES = 2_048
_NUMBERS = 1_024
_LATENCIES = slice(FIELDS.index("TargetOutstandingRequests"), FIELDS.index("UrlQuery"))


def directives(moment: str, fields: list[str]) -> bytes:
    """The five '#' lines of an Exchange log."""
    return (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2106.002\r\n#Log-type: HttpProxy Logs\r\n"
        f"#Date: {moment}\r\n#Fields: {','.join(fields)}\r\n"
    ).encode("ascii")


def header_row(fields: list[str]) -> bytes:
    return (",".join(fields) + "\r\n").encode("ascii")


class HttpProxyRows:
    """Rows of one protocol from *start* on, spread evenly over *days*; ``fields``: the columns in force."""

    def __init__(
        self,
        rng: np.random.Generator,
        users: list[Person],
        protocol: str,
        start: np.datetime64,
        days: int,
        fields: list[str],
    ) -> None:
        self._rng = rng
        self._start = start
        self._milliseconds = days * 86_400_000
        ids = guids(rng, _SHAPES)
        self._shapes: list[tuple[str, ...]] = []
        for n in range(_SHAPES):
            person = users[int(rng.integers(0, len(users)))]
            shape = _shape(person, protocol, n, ids[GUID_LENGTH * n : GUID_LENGTH * (n + 1)])
            self._shapes.append(tuple(_joined(shape, fields).split(_HOLE)))
        took = rng.gamma(1.2, 70.0, size=_NUMBERS).astype(np.int64).tolist()
        sizes = rng.gamma(0.7, 9_000.0, size=_NUMBERS).astype(np.int64).tolist()
        self._latencies = [_latencies(ms) for ms in took]
        self._sizes = [f"{400 + size % 3_000},{size}" for size in sizes]

    def __call__(self, start: int, count: int, total: int) -> list[str]:
        ids = guids(self._rng, count)
        rows = np.arange(start, start + count, dtype=np.int64)
        moments = self._start + (rows * self._milliseconds // total).astype("timedelta64[ms]")
        clock = np.datetime_as_string(moments, unit="ms").tolist()
        shapes = self._rng.integers(0, _SHAPES, size=count).tolist()
        sizes = self._rng.integers(0, _NUMBERS, size=count).tolist()
        latencies = self._rng.integers(0, _NUMBERS, size=count).tolist()
        made: list[str] = []
        for row, (time, shape, size, latency) in enumerate(zip(clock, shapes, sizes, latencies, strict=True)):
            a, b, c, d, e, f, g, h = self._shapes[shape]
            guid = ids[GUID_LENGTH * row : GUID_LENGTH * row + GUID_LENGTH]
            made.append(
                f"{a}{time}{b}{guid}{c}{self._sizes[size]}{d}{self._latencies[latency]}{e}{time}{f}{time}{g}{time}{h}"
            )
        return made


def _shape(person: Person, protocol: str, n: int, request: str) -> dict[str, str]:
    """The cells of one kind of request; what differs from row to row is a hole."""
    stem, agents, query, authentication = PROTOCOLS[protocol]
    anchor = (f"Sid~{person.sid}", f"SMTP:{person.smtp}", f"MailboxGuid~{person.mailbox}")[n % 3]
    failed = n % 40 == 0
    return {
        "DateTime": f"{_HOLE}Z",
        "RequestId": _HOLE,
        "MajorVersion": "15",
        "MinorVersion": "1",
        "BuildVersion": "2106",
        "RevisionVersion": "2",
        "ClientRequestId": "{" + request.upper() + "}",
        "Protocol": protocol,
        "UrlHost": PUBLIC_HOST,
        "UrlStem": stem,
        "AuthenticationType": authentication,
        "IsAuthenticated": "false" if failed else "true",
        "AuthenticatedUser": "" if failed else f"CORP\\{person.account}",
        "Organization": "" if failed else DOMAIN,
        "AnchorMailbox": "" if failed else anchor,
        "UserAgent": agents[n % len(agents)].replace(",", " "),
        "ClientIpAddress": person.ip,
        "ServerHostName": SERVER,
        "HttpStatus": "401" if failed else "200",
        "BackEndStatus": "" if failed else "200",
        "Method": "POST",
        "ProxyAction": "Proxy",
        "TargetServer": SERVER_FQDN,
        "TargetServerVersion": "15.01.2106.000",
        "RoutingType": "IntraForest",
        "RoutingHint": "MailboxGuidWithDomain" if n % 3 == 2 else "WindowsIdentity",
        "BackEndCookie": f"Database~{DATABASE}~~2021-04-02T00:00:00",
        "RequestBytes": _HOLE,
        "TargetOutstandingRequests": _HOLE,
        "UrlQuery": query.format(a=person.account, d=person.device, m=person.mailbox) if "{" in query else query,
        "GenericInfo": (
            f"BeginRequest={_HOLE}Z;CorrelationID=<empty>;ProxyState-Run=None;FEAuth=BEVersion-1942061114;"
            f"BeginGetResponse={_HOLE}Z;OnResponseReady={_HOLE}Z;ProxyState-Complete=ProxyResponseData;"
            f"SharedCacheGuard=0;BPRReq=1;DbAccess=1;Cpu.Serialize=0.{n % 97};DownlevelProxy=0;I32:ADS.C[DC01]=1;"
            f"F:ADS.AL[DC01]=1.{n % 9_973:04d}"
        ),
        "DatabaseGuid": f"|RoutingDB:{DATABASE}",
        "RoutingStatus": "CafeV1",
    }


def _joined(shape: dict[str, str], fields: list[str]) -> str:
    """The cells in the order of *fields*; the holes of sizes and of latencies stand for several cells each."""
    covered = {"ResponseBytes", *FIELDS[_LATENCIES][1:]}
    return ",".join(shape.get(field, "") for field in fields if field not in covered) + "\r\n"


def _latencies(took: int) -> str:
    inside = max(took - 3, 0)
    cells = dict.fromkeys(FIELDS[_LATENCIES], "")
    for name in FIELDS[_LATENCIES]:
        if name.endswith("Latency"):
            cells[name] = "0"
    cells |= {
        "BackendProcessingLatency": str(inside),
        "ActivityContextLifeTime": str(took),
        "RequestHandlerLatency": str(took),
        "ProxyTime": str(inside),
        "CoreLatency": "2",
        "HttpProxyOverhead": "3",
        "TotalRequestTime": str(took),
    }
    return ",".join(cells.values())
