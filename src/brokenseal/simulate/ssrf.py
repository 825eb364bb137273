"""Log rows of CVE-2021-26855: a front end that was made to send requests to a target of the client's choice.

Nothing here sends anything: these are rows of the published shape, written into text files.

References:
    exchange-evidence.md 2.2 (anchors, routing hints, the ladder of seven requests) and 2.3 (the ECP Server rows).
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate import ecp_rows, exchange_management
from brokenseal.simulate.client_requests import Site, through_front_end
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import ECP_SERVER
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.mail_truth import EXPLOIT, PROBE
from brokenseal.simulate.organisation import ADMINISTRATOR_ACCOUNT, ADMINISTRATOR_SID, Server
from brokenseal.simulate.truth import Truth

CVE = "CVE-2021-26855"
# Stands where an attack wrote a script: it makes detections fire, and there is nothing in it to run.
INERT_URL = 'http://f/#<script language="JScript" runat="server">[inert: removed by the simulator]</script>'
AUTODISCOVER = "/autodiscover/autodiscover.xml?#"
EMSMDB = "/mapi/emsmdb/?#"
PROXY_LOGON = "/ecp/proxyLogon.ecp?#"
_HINTS = {"Ecp": "X-BEResource-Cookie", "Owa": "X-AnonResource-Backend-Cookie"}


@dataclass(frozen=True, slots=True)
class Intruder:
    """Who attacks: one address, one user agent, the draws of the attack and the truth that it is noted in."""

    site: Site
    truth: Truth
    draws: Draws
    ip: str
    agent: str

    def __post_init__(self) -> None:
        self.truth.note_attacker(self.ip)

    def forged(
        self,
        at: int,
        front: Server,
        stem: str,
        path: str,
        *,
        back: Server | None = None,
        status: int = 200,
        took: int | None = None,
        request_bytes: int | None = None,
        response_bytes: int | None = None,
    ) -> str:
        """A request to a static file of ``front`` that was sent on to ``path`` of ``back``; its RequestId."""
        target = back or front
        back_stem, _, query = path.rstrip("#").partition("?")
        request = FrontEndRequest(
            protocol="Ecp" if stem.startswith("/ecp/") else "Owa",
            stem=stem,
            host=front.ip,
            client_ip=self.ip,
            agent=self.agent,
            method="POST",
            anchor=f"ServerInfo~{self.draws.letters(self.draws.between(1, 8))}]@{target.fqdn}:444{path}",
            status=status,
            took=self.draws.between(40, 400) if took is None else took,
            request_bytes=self.draws.between(160, 2_200) if request_bytes is None else request_bytes,
            response_bytes=self.draws.between(300, 3_900) if response_bytes is None else response_bytes,
            target=target,
            back_stem=back_stem,
            back_query=query,
            back_account=front.machine_account,
        )
        request.hint = _HINTS[request.protocol]
        self.truth.note_actor(self.ip, (EXPLOIT,), (self.agent,))
        return self._sent(at, front, request)

    def local_probe(self, at: int, front: Server, stem: str, path: str) -> str:
        """A scanner's test whether a front end follows the cookie: target localhost, answered with an error."""
        request = FrontEndRequest(
            protocol="Ecp" if stem.startswith("/ecp/") else "Owa",
            stem=stem,
            host=front.ip,
            client_ip=self.ip,
            agent=self.agent,
            anchor=f"ServerInfo~localhost{path}",
            status=500,
            took=self.draws.between(60, 190),
            response_bytes=85,
            target=front,
            target_host="localhost",
            note="NewConnection=::1&0;",
            down_level=True,
        )
        request.hint = _HINTS[request.protocol]
        self.truth.note_actor(self.ip, (PROBE,), (self.agent,))
        return self._sent(at, front, request)

    def _sent(self, at: int, front: Server, request: FrontEndRequest) -> str:
        request_id = through_front_end(self.site, self.draws, front, at, request)
        self.truth.exploit_request_ids.append(request_id)
        return request_id

    def next_request(self, at: int) -> int:
        """When an automatic chain's next request ends: about one and a half seconds later."""
        return at + self.draws.between(1_300, 1_850)


def open_session(intruder: Intruder, at: int, front: Server, stem: str) -> int:
    """The first three requests of the chain: mailbox known, SID known, logged on as administrator; when they ended."""
    truth = intruder.truth
    truth.cves[CVE] = "succeeded"
    for stage, path, status in (
        ("autodiscover", AUTODISCOVER, 200),
        ("sid_obtained", EMSMDB, 200),
        ("session_as_admin", PROXY_LOGON, 241),
    ):
        intruder.forged(at, front, stem, path, status=status)
        truth.note_stage(stage)
        at = intruder.next_request(at)
    return at


def write_through_address_book(intruder: Intruder, at: int, front: Server, stem: str) -> tuple[int, int]:
    """The last four requests (CVE-2021-27065): property read, poisoned, file written, cleaned up.

    Returned is when the file was written, and when the requests had ended.
    """
    draws, truth = intruder.draws, intruder.truth
    canary, session, directory, user = draws.letters_and_digits(76), draws.guid(), draws.guid(), draws.guid()
    identity = f"Identity={ecp_rows.quoted(directory)}"
    poisoned = f"Set-OabVirtualDirectory.ExternalUrl={ecp_rows.quoted(INERT_URL)}.{identity}"
    folder = ecp_rows.quoted("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\OAB")
    recreated = f"New-OABVirtualDirectory.Server={ecp_rows.quoted(front.name)}.Role=ClientAccess.Path={folder}"
    steps = (
        ("property_read", "GetObject", "OABVirtualDirectory", (f"Get-OabVirtualDirectory.{identity}",)),
        ("property_poisoned", "SetObject", "OABVirtualDirectory", (poisoned,)),
        (
            "file_written",
            "SetObject",
            "ResetOABVirtualDirectory",
            (
                f"Get-OABVirtualDirectory.{identity}",
                "Get-ExchangeServer",
                f"Remove-OABVirtualDirectory.Force=$true.{identity}",
                recreated,
            ),
        ),
        (
            "cleaned_up",
            "SetObject",
            "OABVirtualDirectory",
            (f"Set-OabVirtualDirectory.ExternalUrl=$null.{identity}",),
        ),
    )
    truth.cves["CVE-2021-27065"] = "succeeded"
    written, host = at, intruder.site.hosts[front.name]
    for stage, operation, schema, commands in steps:
        path = f"/ecp/DDI/DDIService.svc/{operation}?msExchEcpCanary={canary}.&schema={schema}"
        intruder.forged(at, front, stem, f"{path}#", took=draws.between(400, 900))
        truth.note_stage(stage)
        build = intruder.site.organisation.build_at(at)
        for number, command in enumerate(commands):
            ended = at - 40 + number * 8
            event = ecp_rows.EcpRequest(command, path, session, draws.guid(), user, took=draws.between(5, 90))
            intruder.site.tree.add(front, ECP_SERVER, ended, ecp_rows.row(ended, front, build, event))
            # The session is that of the administrator whose SID was obtained, so the cmdlets are under that name.
            exchange_management.record_control_panel(host, ended, command, ADMINISTRATOR_ACCOUNT, ADMINISTRATOR_SID)
        if stage == "file_written":
            written = at - 40 + len(commands) * 8
        at = intruder.next_request(at)
    return written, at
