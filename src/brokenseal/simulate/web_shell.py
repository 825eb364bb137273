"""Log rows of a web shell's use, and of the search for other people's web shells. Only rows: nothing runs.

References:
    exchange-evidence.md 2.1 (200 = it is there and ran, 302 = absent), 2.4 and 4 (published names).
"""

from __future__ import annotations

from brokenseal.simulate import oab_rows
from brokenseal.simulate.client_requests import front_end_only, through_front_end
from brokenseal.simulate.clock import SECOND
from brokenseal.simulate.evidence_tree import OAB_GENERATOR
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.iis_rows import IisRow
from brokenseal.simulate.mail_truth import PROBE, WEB_SHELL
from brokenseal.simulate.organisation import Server
from brokenseal.simulate.ssrf import Intruder

STAGE = "shell_used"
_PUBLISHED_IN_AUTH = (
    "errorEE",
    "errorEW",
    "OutlookEN",
    "RedirSuiteServerProxy",
    "TimeoutLogout",
    "help",
    "document",
    "web",
)
_PUBLISHED_IN_ASPNET_CLIENT = ("aspnet_client", "shell", "supp0rt")


def use(intruder: Intruder, at: int, server: Server, url: str, method: str, *, present: bool = True) -> int:
    """One request to a web shell's address: answered, or sent to the logon page because the file is gone.

    It ended at ``at``; returned is when it had begun.
    """
    request = FrontEndRequest(
        protocol="Owa",
        stem=url,
        host=server.ip,
        client_ip=intruder.ip,
        agent=intruder.agent,
        method=method,
        status=200 if present else 302,
        took=intruder.draws.between(40, 2_600) if present else 1,
        request_bytes=intruder.draws.between(300, 1_500) if method == "POST" else 0,
        note="" if present else f"NoCookies=302 - {method}/E14AuthPost;",
    )
    through_front_end(intruder.site, intruder.draws, server, at, request)
    intruder.truth.note_shell(url, server.name, at, answered=present)
    intruder.truth.note_actor(intruder.ip, (WEB_SHELL,), (intruder.agent,))
    if present:
        intruder.truth.note_stage(STAGE)
    return at - request.took


def look_for_published_names(intruder: Intruder, at: int, server: Server) -> None:
    """A scanner tries eleven published names in about twelve seconds; none of the files is there."""
    intruder.truth.note_actor(intruder.ip, (PROBE,), (intruder.agent,))
    for name in _PUBLISHED_IN_AUTH:
        request = FrontEndRequest(
            protocol="Owa",
            stem=f"/owa/auth/{name}.aspx",
            host=server.ip,
            client_ip=intruder.ip,
            agent=intruder.agent,
            status=302,
            took=1,
            note="NoCookies=302 - GET/E14AuthPost;",
        )
        through_front_end(intruder.site, intruder.draws, server, at, request)
        at += intruder.draws.between(SECOND, 1_200)
    for name in _PUBLISHED_IN_ASPNET_CLIENT:
        absent = IisRow(
            end=at,
            server_ip=server.ip,
            method="GET",
            stem=f"/aspnet_client/{name}.aspx",
            client_ip=intruder.ip,
            agent=intruder.agent,
            status=404,
        )
        front_end_only(intruder.site, server, absent)
        at += intruder.draws.between(SECOND, 1_200)


def download_outside_address_book(intruder: Intruder, at: int, server: Server, url: str) -> None:
    """CVE-2021-26858: the address book generator names a file of a web folder as its temporary download."""
    folder = f"{oab_rows.INSTALL_PATH}FrontEnd\\HttpProxy"
    message = oab_rows.download_failed(folder + url.replace("/", "\\"))
    row = oab_rows.row(at, server, intruder.draws.between(10, 60), "Warning", message)
    intruder.site.tree.add(server, OAB_GENERATOR, at, row)
    intruder.truth.cves["CVE-2021-26858"] = "succeeded"
    intruder.truth.note_stage("file_written")
