"""Ordinary internet scanners and crawlers: what reaches every mail server, every day, and is no attack on it.

References:
    exchange-evidence.md 1.2, 7 and the zgrab row of the HttpProxy samples.
"""

from __future__ import annotations

from brokenseal.simulate.client_requests import Site, front_end_only, through_front_end
from brokenseal.simulate.clock import DAY, SECOND
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.iis_rows import IisRow
from brokenseal.simulate.organisation import Server

_ABSENT = ("/wp-login.php", "/.env", "/phpmyadmin/index.php", "/boaform/admin/formLogin", "/favicon.ico", "/robots.txt")
_SCANNER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0.4280.88 Safari/537.36"
_CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
    "NetSystemsResearch studies the availability of various services across the internet.",
)
_EVERY_THIRD_DAY = 3


def scanner_day(site: Site, day: int, nth: int, seed: int, server: Server) -> None:
    """Write the scanners' visits to one server on one day.

    ``day`` is ``ms // DAY``, ``nth`` counts the simulated days.
    """
    draws = Draws(seed, "scanners", server.name, day)
    if nth % _EVERY_THIRD_DAY == 0:
        _zgrab(site, draws, server, day * DAY + draws.between(SECOND, DAY - 1))
    _rpc(site, draws, server, day * DAY + draws.between(SECOND, DAY - 1))
    _logon_page(site, draws, server, day * DAY + draws.between(SECOND, DAY - 1))
    at, address = day * DAY + draws.between(SECOND, DAY - 1), _address(draws)
    for stem in _ABSENT[draws.below(3) :]:
        request = IisRow(
            end=at, server_ip=server.ip, method="GET", stem=stem, client_ip=address, agent=_SCANNER, status=404
        )
        front_end_only(site, server, request)
        at += draws.between(200, 3 * SECOND)


def _address(draws: Draws) -> str:
    return f"198.51.100.{draws.between(100, 254)}"


def _zgrab(site: Site, draws: Draws, server: Server, at: int) -> None:
    stem = "/ecp/Current/exporttool/microsoft.exchange.ediscovery.exporttool.application"
    request = FrontEndRequest(
        protocol="Ecp",
        stem=stem,
        host=server.ip,
        client_ip=_address(draws),
        agent="Mozilla/5.0 zgrab/0.x",
        anchor="ServerVersion~Version 15.0 (Build 0.0)",
        took=draws.between(20, 40),
        response_bytes=10112,
        target=server,
        hint="EDiscoveryExportTool-ServerVersion",
        note="Krb=UA;CT=An;",
        back_stem=stem,
    )
    through_front_end(site, draws, server, at, request)


def _rpc(site: Site, draws: Draws, server: Server, at: int) -> None:
    request = FrontEndRequest(
        protocol="RpcHttp",
        stem="/rpc/",
        host=server.ip,
        client_ip=_address(draws),
        agent=_SCANNER,
        authentication="NTLM",
        status=401,
        took=1,
    )
    through_front_end(site, draws, server, at, request)


def _logon_page(site: Site, draws: Draws, server: Server, at: int) -> None:
    address, crawler = _address(draws), draws.pick(_CRAWLERS)
    asked = FrontEndRequest(
        protocol="Owa",
        stem="/owa/",
        host=server.ip,
        client_ip=address,
        agent=crawler,
        status=302,
        took=1,
        note="NoCookies=302 - GET/E14AuthPost;",
    )
    through_front_end(site, draws, server, at, asked)
    shown = FrontEndRequest(
        protocol="Owa",
        stem="/owa/auth/logon.aspx",
        host=server.ip,
        query=f"url=https%3a%2f%2f{server.ip}%2fowa%2f&reason=0",
        client_ip=address,
        agent=crawler,
        took=draws.between(2, 9),
    )
    through_front_end(site, draws, server, at + SECOND, shown)
