"""A small intrusion as log rows, so that a scan of the benchmark's data has something to find.

Inert text of the published shape (which URL answered what, to which forged target): nothing here sends or could send a
request. Names are invented, addresses are of the documentation ranges.

References:
    https://www.volexity.com/blog/2021/03/02/active-exploitation-of-microsoft-exchange-zero-day-vulnerabilities/
    https://www.microsoft.com/en-us/security/blog/2021/03/02/hafnium-targeting-exchange-servers/
"""

from __future__ import annotations

from bench.httpproxy_lines import FIELDS
from bench.log_file import Change
from bench.population import SERVER, SERVER_FQDN, SERVER_IP

SOURCE_IP = "203.0.113.77"
SCANNER_IP = "203.0.113.9"
SHELL = "/aspnet_client/supp0rt.aspx"
STEM = "/ecp/y.js"
HOUR = 9  # of the day, UTC, at which it begins
_AGENT = "python-requests/2.25.1"
_CANARY = "msExchEcpCanary=benchmarkcanary."
#: Path the forged request was sent to, status, bytes of the answer.
_LADDER = (
    ("/autodiscover/autodiscover.xml?#", 200, 3_800),
    ("/mapi/emsmdb/?#", 200, 900),
    ("/ecp/proxyLogon.ecp?#", 241, 300),
    (f"/ecp/DDI/DDIService.svc/GetObject?{_CANARY}&schema=OABVirtualDirectory#", 200, 2_100),
    (f"/ecp/DDI/DDIService.svc/SetObject?{_CANARY}&schema=OABVirtualDirectory#", 200, 700),
    (f"/ecp/DDI/DDIService.svc/SetObject?{_CANARY}&schema=ResetOABVirtualDirectory#", 200, 600),
    (f"/ecp/DDI/DDIService.svc/SetObject?{_CANARY}&schema=OABVirtualDirectory#", 200, 700),
)
_MAIL_READS = 12
_SHELL_USES = 6
_PROBES = 3


def httpproxy_rows(day: str) -> list[tuple[float, Change]]:
    """Rows for the Ecp log of *day*: when (hour of the day, as a fraction) and the line that takes a row's place."""
    steps = [(path, status, size) for path, status, size in _LADDER]
    steps += [("/EWS/Exchange.asmx?#", 200, 180_000 + 1_000 * n) for n in range(_MAIL_READS)]
    rows: list[tuple[float, Change]] = []
    for n, (path, status, size) in enumerate(steps):
        anchor = f"ServerInfo~a]@{SERVER_FQDN}:444{path}"
        rows.append(_proxied(day, n, STEM, anchor, status, size, SOURCE_IP))
    for n in range(_PROBES):
        probe = _proxied(
            day, 600 + n, "/ecp/x.js", "ServerInfo~localhost/ecp/default.flt?", 500, 85, SCANNER_IP, number=900 + n
        )
        rows.append(probe)
    return rows


def iis_rows(day: str) -> list[tuple[float, Change]]:
    """Rows for the front-end IIS log of *day*, in the default fields: the forged requests and the use of the page."""
    rows = [
        _requested(day, n, "POST", STEM, f"&CorrelationID=<empty>;&cafeReqId={_request_id(n)};", 200, SOURCE_IP)
        for n in range(len(_LADDER) + _MAIL_READS)
    ]
    rows += [
        _requested(day, 60 + 5 * n, "GET" if n == 0 else "POST", SHELL, "-", 200, SOURCE_IP) for n in range(_SHELL_USES)
    ]
    rows += [
        _requested(day, 600 + n, "GET", f"/owa/auth/{name}.aspx", "-", 302, SCANNER_IP)
        for n, name in enumerate(("errorEE", "OutlookEN", "help"))
    ]
    return rows


def _request_id(number: int) -> str:
    return f"b0b0b0b0-0000-4000-8000-{number:012d}"


def _at(second: int) -> tuple[float, str]:
    return HOUR + second / 3600, f"{HOUR:02d}:{second // 60:02d}:{second % 60:02d}"


def _requested(day: str, second: int, method: str, stem: str, query: str, status: int, ip: str) -> tuple[float, Change]:
    hour, clock = _at(second)
    line = f"{day} {clock} {SERVER_IP} {method} {stem} {query} 443 - {ip} {_AGENT} - {status} 0 0 120\r\n".encode()
    return hour, lambda _row: line


def _proxied(
    day: str, second: int, stem: str, anchor: str, status: int, size: int, ip: str, *, number: int | None = None
) -> tuple[float, Change]:
    hour, clock = _at(second)
    cells = dict.fromkeys(FIELDS, "") | {
        "DateTime": f"{day}T{clock}.250Z",
        "RequestId": _request_id(second if number is None else number),
        "MajorVersion": "15",
        "MinorVersion": "1",
        "BuildVersion": "2106",
        "RevisionVersion": "2",
        "Protocol": "Ecp",
        "UrlHost": SERVER_IP,
        "UrlStem": stem,
        "AuthenticationType": "FBA",
        "IsAuthenticated": "false",
        "AnchorMailbox": anchor,
        "UserAgent": _AGENT,
        "ClientIpAddress": ip,
        "ServerHostName": SERVER,
        "HttpStatus": str(status),
        "BackEndStatus": str(status),
        "Method": "POST",
        "ProxyAction": "Proxy",
        "TargetServer": SERVER_FQDN,
        "TargetServerVersion": "15.01.2106.000",
        "RoutingType": "IntraForest",
        "RoutingHint": "X-BEResource-Cookie",
        "RequestBytes": "640",
        "ResponseBytes": str(size),
        "TotalRequestTime": "118",
        "GenericInfo": "ProxyState-Run=None;ProxyState-Complete=ProxyResponseData;",
    }
    line = (",".join(cells.values()) + "\r\n").encode()
    return hour, lambda _row: line
