"""Exchange watching itself: managed availability's probes with health mailboxes, every half hour, day and night.

They are what gives every log its steady rhythm, and what analysts most often take for an attack.
"""

from __future__ import annotations

from brokenseal.simulate import cmdlet_rows, ecp_rows, ews_rows, iis_rows, mapi_rows
from brokenseal.simulate.client_requests import Site, through_front_end
from brokenseal.simulate.clock import DAY, HOUR, MINUTE, SECOND
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import ECP_SERVER, EWS, IIS_BACK_END, LOCAL_POWERSHELL, MAPI, POWERSHELL_PROXY
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.iis_rows import BACK_END_PORT, IisRow
from brokenseal.simulate.organisation import DOMAIN, Server

_HALF_HOUR = 30 * MINUTE
_PROBED = (
    ("Ews", "/ews/", "Negotiate"),
    ("Owa", "/owa/", "FBA"),
    ("Oab", "/oab/", "Negotiate"),
    ("Ecp", "/ecp/", "FBA"),
    ("Autodiscover", "/autodiscover/", "Negotiate"),
    ("Eas", "/Microsoft-Server-ActiveSync/", "Basic"),
    ("RpcHttp", "/rpc/", "Negotiate"),
    ("Mapi", "/mapi/", "Negotiate"),
)
_LOCAL = "127.0.0.1"


def probe_day(site: Site, day: int, seed: int, server: Server) -> None:
    """Write one server's probes of one day (``day`` is ``ms // DAY``)."""
    draws = Draws(seed, "probes", server.name, day)
    offset = draws.between(SECOND, 20 * MINUTE)
    for tick in range(DAY // _HALF_HOUR):
        at = day * DAY + tick * _HALF_HOUR + offset + draws.below(5 * SECOND)
        protocol, stem, authentication = _PROBED[tick % len(_PROBED)]
        _front_end_probe(site, draws, server, at, protocol, stem, authentication)
        _control_panel_probe(site, draws, server, at + SECOND)
        if tick % 2:
            _ews_probe(site, draws, server, at + 2 * SECOND)
            _management_probe(site, draws, server, at + 4 * SECOND)
        else:
            _mapi_probe(site, draws, server, at + 3 * SECOND)
    _health_mailbox_upkeep(site, draws, server, day * DAY + 2 * HOUR + offset)


def _front_end_probe(
    site: Site, draws: Draws, server: Server, end: int, protocol: str, stem: str, authentication: str
) -> None:
    request = FrontEndRequest(
        protocol=protocol,
        stem=stem,
        host="localhost",
        client_ip=_LOCAL,
        agent="AMProbe/Local/ClientAccess",
        authentication=authentication,
        account=server.health_account,
        anchor=f"Sid~{server.health_sid}",
        took=draws.between(1, 4),
        target=server,
        hint="WindowsIdentity",
    )
    through_front_end(site, draws, server, end, request)


def _control_panel_probe(site: Site, draws: Draws, server: Server, end: int) -> None:
    event = ecp_rows.EcpRequest(
        command="Get-InboxRule",
        url=f"/ecp/RulesEditor/InboxRules.svc/GetList?msExchEcpCanary={draws.letters_and_digits(22)}.",
        session=draws.guid(),
        activity=draws.guid(),
        user=server.health_mailbox,
        took=draws.between(9, 30),
    )
    site.tree.add(server, ECP_SERVER, end, ecp_rows.row(end, server, site.organisation.build_at(end), event))


def _ews_probe(site: Site, draws: Draws, server: Server, end: int) -> None:
    """A probe that goes to the back end directly: no front end row, client address ``::1``."""
    build = site.organisation.build_at(end)
    agent = f"Ews_AM_Probe/Local (ExchangeServicesClient/{build.padded})"
    took = draws.between(11, 40)
    call = ews_rows.EwsCall(
        action="GetFolder",
        user=server.health_smtp,
        effective=server.health_smtp,
        agent=agent,
        client_ip="::1",
        front_end="",
        cookie=draws.hexadecimal(32),
        correlation=draws.guid(),
        ids=1,
        took=took,
    )
    site.tree.add(server, EWS, end, ews_rows.row(end, draws.guid(), server, build, call))
    seen = IisRow(
        end=end,
        server_ip="::1",
        method="POST",
        stem="/EWS/Exchange.asmx",
        port=BACK_END_PORT,
        account=server.health_account,
        client_ip="::1",
        agent=agent,
        took=took,
    )
    site.tree.add(server, IIS_BACK_END, end, iis_rows.row(seen))


def _mapi_probe(site: Site, draws: Draws, server: Server, end: int) -> None:
    session, took = draws.guid(), draws.between(9, 30)
    client_request_id = f"R:{session}:1;RT:Connect;CI:{session}:1;CID:{draws.guid()}"
    query = f"mailboxId={server.health_mailbox}@{DOMAIN}"
    request = FrontEndRequest(
        protocol="Mapi",
        stem="/mapi/emsmdb/",
        host=server.fqdn,
        query=query,
        client_ip=server.ip,
        agent="MapiHttpClient",
        method="POST",
        authentication="Negotiate",
        account=server.health_account,
        organization=DOMAIN,
        anchor=f"MailboxGuid~{server.health_mailbox}",
        client_request_id=client_request_id,
        took=took,
        request_bytes=371,
        response_bytes=443,
        target=server,
        hint="MailboxGuidWithDomain",
        back_stem="/mapi/emsmdb/",
        back_query=query,
    )
    request_id = through_front_end(site, draws, server, end, request)
    call = mapi_rows.MapiCall(
        request_type="Connect",
        smtp=server.health_smtp,
        account=server.health_account,
        mailbox=server.health_mailbox,
        client_ip=server.ip,
        front_end=server.fqdn,
        session=session,
        client_request_id=client_request_id,
        software="MapiHttpClient",
        software_version="15.1.2106.0",
        mode="Probe",
        took=took - 3,
    )
    row = mapi_rows.row(end - 1, request_id, server, site.organisation.build_at(end - 1), call)
    site.tree.add(server, MAPI, end - 1, row)


def _management_probe(site: Site, draws: Draws, server: Server, end: int) -> None:
    request = FrontEndRequest(
        protocol="PowerShell",
        stem="/powershell",
        host=server.fqdn,
        query="clientApplication=ActiveMonitor;PSVersion=5.1.14393.4225",
        action="Get-Mailbox:Command",
        client_ip=server.ip,
        agent="Microsoft WinRM Client",
        method="POST",
        authentication="Kerberos",
        account=server.health_account,
        anchor="ServerVersion~Version 15.1 (Build 2105.0)",
        took=draws.between(12, 40),
        request_bytes=draws.between(5_000, 5_200),
        response_bytes=draws.between(840, 940),
        target=server,
        hint="ExchClientVer-ServerCookie",
        back_stem="/powershell",
        back_query="clientApplication=ActiveMonitor;PSVersion=5.1.14393.4225",
    )
    request_id = through_front_end(site, draws, server, end, request)
    call = cmdlet_rows.CmdletCall(
        cmdlet="Get-Mailbox",
        parameters='-ResultSize "1"',
        user=server.health_alias,
        sid=server.health_sid,
        unique=draws.guid(),
        application="ActiveMonitor",
        is_admin=False,
        took=request.took - 4,
    )
    row = cmdlet_rows.row(end - 2, request_id, server, site.organisation.build_at(end - 2), call)
    site.tree.add(server, POWERSHELL_PROXY, end - 2, row)


def _health_mailbox_upkeep(site: Site, draws: Draws, server: Server, end: int) -> None:
    for cmdlet, parameters in (
        ("Get-Mailbox", f'-Monitoring "True" -Server "{server.name}"'),
        (
            "Set-Mailbox",
            f'-Identity "{server.health_alias}" -Password "System.Security.SecureString" -Confirm "False"',
        ),
    ):
        call = cmdlet_rows.CmdletCall(
            cmdlet=cmdlet,
            parameters=parameters,
            user=server.machine_account,
            sid="S-1-5-18",
            unique=draws.guid(),
            application="",
            is_admin=True,
            process=cmdlet_rows.HEALTH_HOST,
            took=draws.between(20, 90),
        )
        row = cmdlet_rows.row(end, draws.guid(), server, site.organisation.build_at(end), call)
        site.tree.add(server, LOCAL_POWERSHELL, end, row)
        end += 2 * SECOND
