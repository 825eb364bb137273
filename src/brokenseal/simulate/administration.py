"""What administrators and the server's own services do: benign, and in part easily taken for an attack."""

from __future__ import annotations

from brokenseal.simulate import cmdlet_rows, ecp_rows, exchange_management, host_load, oab_rows
from brokenseal.simulate.client_requests import Site, through_front_end
from brokenseal.simulate.clock import DAY, HOUR, MINUTE, SECOND
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import ECP_SERVER, LOCAL_POWERSHELL, OAB_GENERATOR, POWERSHELL_PROXY
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.organisation import (
    ADMINISTRATOR_ACCOUNT,
    ADMINISTRATOR_PC,
    ADMINISTRATOR_SID,
    DOMAIN,
    PUBLIC_HOST,
    Server,
)

_BROWSER = "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"
_ROUTINE = (
    ("Get-Mailbox", '-ResultSize "Unlimited"'),
    ("Get-MailboxStatistics", f'-Identity "reception@{DOMAIN}"'),
    ("New-Mailbox", f'-Name "Reception" -UserPrincipalName "reception@{DOMAIN}" -Password "***"'),
    ("Set-Mailbox", '-Identity "Reception" -IssueWarningQuota "1.9 GB (2,040,109,466 bytes)"'),
    ("Get-ExchangeServer", ""),
    ("Add-DistributionGroupMember", '-Identity "All staff" -Member "Reception"'),
)
_EVERY_THIRD_DAY = 3
_EVERY_FIFTH_DAY = 5


def administration_day(site: Site, day: int, nth: int, seed: int, server: Server) -> None:
    """Write one server's administration on one day (``day`` is ``ms // DAY``, ``nth`` counts the simulated days)."""
    draws = Draws(seed, "administration", server.name, day)
    _offline_address_book(
        site, draws, server, day * DAY + 3 * HOUR + draws.below(HOUR), failed=nth % _EVERY_THIRD_DAY == 0
    )
    if nth % _EVERY_FIFTH_DAY == 0:
        _management_shell(site, draws, server, day * DAY + draws.between(8 * HOUR, 15 * HOUR), seed)


def publish_address_book(site: Site, day: int, seed: int, server: Server) -> None:
    """An administrator sets the plain https address of the offline address book in the control panel.

    The same page, cmdlet and DDIService calls as CVE-2021-27065 uses, by a logged-on administrator.
    """
    draws = Draws(seed, "publishing", server.name, day)
    at = day * DAY + draws.between(9 * HOUR, 14 * HOUR)
    canary, session, directory = draws.letters_and_digits(76), draws.guid(), draws.guid()
    identity = f"Identity={ecp_rows.quoted(directory)}"
    address = ecp_rows.quoted(f"https://{PUBLIC_HOST}/OAB")
    for operation, command in (
        ("GetObject", f"Get-OabVirtualDirectory.ADPropertiesOnly=$true.{identity}"),
        ("SetObject", f"Set-OabVirtualDirectory.ExternalUrl={address}.{identity}"),
    ):
        stem = f"/ecp/DDI/DDIService.svc/{operation}"
        query = f"schema=OABVirtualDirectory&msExchEcpCanary={canary}."
        request = FrontEndRequest(
            protocol="Ecp",
            stem=stem,
            host=PUBLIC_HOST,
            query=query,
            client_ip=ADMINISTRATOR_PC,
            agent=_BROWSER,
            method="POST",
            account=ADMINISTRATOR_ACCOUNT,
            anchor=f"Sid~{ADMINISTRATOR_SID}",
            took=draws.between(80, 400),
            request_bytes=draws.between(200, 900),
            response_bytes=draws.between(900, 3_000),
            target=server,
            hint="WindowsIdentity",
            sticky=True,
            back_stem=stem,
            back_query=query,
        )
        through_front_end(site, draws, server, at, request)
        event = ecp_rows.EcpRequest(
            command=command,
            url=f"{stem}?{query}",
            session=session,
            activity=draws.guid(),
            user=directory,
            took=request.took - 6,
        )
        row = ecp_rows.row(at - 4, server, site.organisation.build_at(at - 4), event)
        site.tree.add(server, ECP_SERVER, at - 4, row)
        exchange_management.record_control_panel(
            site.hosts[server.name], at - 4, command, ADMINISTRATOR_ACCOUNT, ADMINISTRATOR_SID
        )
        at += draws.between(15 * SECOND, 2 * MINUTE)


def _offline_address_book(site: Site, draws: Draws, server: Server, at: int, *, failed: bool) -> None:
    thread = draws.between(10, 60)
    book = oab_rows.OFFLINE_ADDRESS_BOOK
    messages = [
        ("Information", f"Generation of offline address book '{book}' started"),
        ("Information", f"Generation of offline address book '{book}' finished, {draws.between(1, 4)} files published"),
    ]
    if failed:
        temporary = f"{oab_rows.INSTALL_PATH}ClientAccess\\OAB\\Temp\\{draws.guid()}.lzx"
        messages.insert(1, ("Warning", oab_rows.download_failed(temporary)))
    for level, message in messages:
        site.tree.add(server, OAB_GENERATOR, at, oab_rows.row(at, server, thread, level, message))
        at += draws.between(SECOND, 40 * SECOND)


def _management_shell(site: Site, draws: Draws, server: Server, at: int, seed: int) -> None:
    host = site.hosts[server.name]
    console = Draws(seed, "console", server.name, at)
    shell = host_load.console_session(host, console, at - 30 * SECOND, at + HOUR)
    for number in range(draws.between(2, len(_ROUTINE))):
        cmdlet, parameters = _ROUTINE[number]
        remote = draws.chance(50)
        call = cmdlet_rows.CmdletCall(
            cmdlet=cmdlet,
            parameters=parameters,
            user=ADMINISTRATOR_ACCOUNT,
            sid=ADMINISTRATOR_SID,
            unique=draws.guid(),
            application="" if remote else "EMC",
            is_admin=True,
            process=cmdlet_rows.APP_POOL if remote else "powershell#",
            took=draws.between(20, 900),
            process_id=cmdlet_rows.APP_POOL_PROCESS if remote else shell.pid,
        )
        row = cmdlet_rows.row(at, draws.guid(), server, site.organisation.build_at(at), call)
        site.tree.add(server, POWERSHELL_PROXY if remote else LOCAL_POWERSHELL, at, row)
        application = exchange_management.REMOTE_SHELL if remote else exchange_management.LOCAL_SHELL
        exchange_management.record(host, at, call, application)
        at += draws.between(10 * SECOND, 5 * MINUTE)
