"""The normal load: what the users' devices do on a day.

The hours follow an office day (about 07 to 18 UTC); phones go on in the evening and on weekends.
"""

from __future__ import annotations

from brokenseal.simulate import ecp_rows
from brokenseal.simulate.client_requests import Site, ews_call, mapi_call, through_front_end
from brokenseal.simulate.clock import DAY, HOUR, MINUTE, SECOND, is_workday
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import ECP_SERVER
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.organisation import AUTODISCOVER_HOST, PUBLIC_HOST, Server, User

_OUTLOOK_EWS = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.13530; Pro)"
_MAC_EWS = "MacOutlook/16.45.21011103 (Intelx64 Mac OS X 10.15.7 (Build 19H114))"
_PHONES = ("Outlook-iOS-Android/1.0", "Apple-iPhone11C8/1803.66", "Android-SAMSUNG-SM-G973F/101.10")
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.150 "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:85.0) Gecko/20100101 Firefox/85.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0.3 "
    "Safari/605.1.15",
)
_OWA_ACTIONS = ("FindConversation", "GetConversationItems", "FindFolder", "UpdateItem", "GetUserAvailabilityInternal")


def user_day(site: Site, day: int, seed: int, user: User) -> None:
    """Write one user's day (``day`` is ``ms // DAY``)."""
    draws = Draws(seed, "user", user.alias, day)
    server = draws.pick(site.organisation.servers)
    at_work = is_workday(day)
    _phone(site, draws, server, day, user, at_work)
    if not at_work:
        if draws.chance(12):
            _webmail(site, draws, server, day * DAY + draws.between(9 * HOUR, 21 * HOUR), user)
        return
    morning = day * DAY + 7 * HOUR + draws.between(0, 100 * MINUTE)
    if user.on_mac:
        _mac(site, draws, server, morning, user)
    else:
        _outlook(site, draws, server, morning, user)
    if draws.chance(30):
        _webmail(site, draws, server, morning + draws.between(HOUR, 9 * HOUR), user)
    if draws.chance(4):
        _inbox_rules(site, draws, server, morning + draws.between(HOUR, 8 * HOUR), user)


def _in_office_hours(draws: Draws, morning: int) -> int:
    # The mean of two draws: most in the middle of the day, few at its ends.
    return morning + (draws.below(10 * HOUR) + draws.below(10 * HOUR)) // 2


def _outlook(site: Site, draws: Draws, server: Server, morning: int, user: User) -> None:
    session = draws.guid()
    if draws.chance(50):
        _autodiscover(site, draws, server, morning - 2 * SECOND, user, _OUTLOOK_EWS)
    mapi_call(site, draws, server, morning, user, session, "Connect", took=draws.between(12, 60))
    for _ in range(draws.between(4, 8)):
        end = _in_office_hours(draws, morning + SECOND)
        mapi_call(site, draws, server, end, user, session, "Execute", took=draws.between(6, 90))
    for _ in range(2):
        # Outlook waits for news for up to five minutes a request.
        end = _in_office_hours(draws, morning + 5 * MINUTE)
        took = draws.between(30 * SECOND, 5 * MINUTE)
        mapi_call(site, draws, server, end, user, session, "NotificationWait", took=took)
    mapi_call(site, draws, server, morning + 11 * HOUR, user, session, "Disconnect", took=draws.between(4, 9))
    ews_call(site, draws, server, morning + 20 * SECOND, user, _OUTLOOK_EWS, "GetUserOofSettings", 0)
    if draws.chance(60):
        opened = _in_office_hours(draws, morning + MINUTE)
        ews_call(site, draws, server, opened, user, _OUTLOOK_EWS, "FindItem", 1)
        ews_call(site, draws, server, opened + 2 * SECOND, user, _OUTLOOK_EWS, "GetItem", draws.between(1, 4))
    if draws.chance(35):
        _address_book(site, draws, server, morning + draws.between(MINUTE, HOUR), user)


def _mac(site: Site, draws: Draws, server: Server, morning: int, user: User) -> None:
    if draws.chance(50):
        _autodiscover(site, draws, server, morning - 2 * SECOND, user, _MAC_EWS)
    ews_call(site, draws, server, morning, user, _MAC_EWS, "GetUserOofSettings", 0)
    for _ in range(draws.between(3, 6)):
        synced = _in_office_hours(draws, morning + MINUTE)
        ews_call(site, draws, server, synced, user, _MAC_EWS, "SyncFolderItems", 1)
        if draws.chance(70):
            ews_call(site, draws, server, synced + SECOND, user, _MAC_EWS, "GetItem", draws.between(1, 6))


def _phone(site: Site, draws: Draws, server: Server, day: int, user: User, at_work: bool) -> None:
    agent = _PHONES[int(user.device[0], 16) % len(_PHONES)]
    for _ in range(draws.between(3, 5) if at_work else 2):
        # ActiveSync holds a Ping open until mail comes or its heartbeat ends.
        end = day * DAY + draws.between(5 * HOUR, 22 * HOUR)
        _active_sync(site, draws, server, end, user, agent, "Ping", draws.between(MINUTE, 15 * MINUTE))
        if draws.chance(60):
            _active_sync(site, draws, server, end + SECOND, user, agent, "Sync", draws.between(20, 400))


def _active_sync(
    site: Site, draws: Draws, server: Server, end: int, user: User, agent: str, command: str, took: int
) -> None:
    query = f"Cmd={command}&User={user.alias}&DeviceId={user.device}&DeviceType={agent.partition('/')[0]}"
    request = FrontEndRequest(
        protocol="Eas",
        stem="/Microsoft-Server-ActiveSync/default.eas",
        host=PUBLIC_HOST,
        query=query,
        client_ip=user.phone_ip,
        agent=agent,
        method="POST",
        authentication="Basic",
        account=user.account,
        anchor=f"Sid~{user.sid}",
        took=took,
        request_bytes=draws.between(13, 300),
        response_bytes=draws.between(400, 30_000) if command == "Sync" else draws.between(13, 40),
        target=user.home,
        hint="WindowsIdentity",
        sticky=True,
        back_stem="/Microsoft-Server-ActiveSync/default.eas",
        back_query=f"{query}&Log=PrxFrom:{server.ip}_V141_HH:{PUBLIC_HOST}_",
    )
    through_front_end(site, draws, server, end, request)


def _autodiscover(site: Site, draws: Draws, server: Server, end: int, user: User, agent: str) -> None:
    request = FrontEndRequest(
        protocol="Autodiscover",
        stem="/autodiscover/autodiscover.xml",
        host=AUTODISCOVER_HOST,
        client_ip=user.pc_ip,
        agent=agent,
        method="POST",
        authentication="NTLM",
        account=user.account,
        anchor=f"Sid~{user.sid}",
        took=draws.between(9, 70),
        request_bytes=draws.between(320, 350),
        response_bytes=draws.between(3_300, 4_200),
        target=user.home,
        hint="WindowsIdentity",
        sticky=True,
        back_stem="/autodiscover/autodiscover.xml",
    )
    through_front_end(site, draws, server, end, request)


def _address_book(site: Site, draws: Draws, server: Server, end: int, user: User) -> None:
    request = FrontEndRequest(
        protocol="Oab",
        stem=f"/OAB/{user.home.database}/oab.xml",
        host=PUBLIC_HOST,
        client_ip=user.pc_ip,
        agent="Microsoft BITS/7.8",
        authentication="Negotiate",
        account=user.account,
        anchor=f"Sid~{user.sid}",
        took=draws.between(5, 40),
        response_bytes=draws.between(8_000, 9_000),
        target=user.home,
        hint="WindowsIdentity",
        sticky=True,
        back_stem=f"/OAB/{user.home.database}/oab.xml",
    )
    through_front_end(site, draws, server, end, request)


def _browser_request(user: User, browser: str, stem: str, protocol: str = "Owa") -> FrontEndRequest:
    """A request of the user's browser that the server of the mailbox answers."""
    return FrontEndRequest(
        protocol=protocol,
        stem=stem,
        host=PUBLIC_HOST,
        client_ip=user.pc_ip,
        agent=browser,
        account=user.account,
        anchor=f"Sid~{user.sid}",
        target=user.home,
        hint="WindowsIdentity",
        sticky=True,
        back_stem=stem,
    )


def _webmail(site: Site, draws: Draws, server: Server, at: int, user: User) -> None:
    browser = draws.pick(_BROWSERS)
    logon = FrontEndRequest(
        protocol="Owa",
        stem="/owa/auth/logon.aspx",
        host=PUBLIC_HOST,
        query="replaceCurrent=1&url=https%3a%2f%2fmail.corp.example%2fowa%2f",
        client_ip=user.pc_ip,
        agent=browser,
        took=draws.between(1, 9),
    )
    through_front_end(site, draws, server, at, logon)
    sent = FrontEndRequest(
        protocol="Owa",
        stem="/owa/auth.owa",
        host=PUBLIC_HOST,
        client_ip=user.pc_ip,
        agent=browser,
        method="POST",
        account=user.account,
        status=302,
        took=draws.between(20, 90),
        request_bytes=draws.between(150, 190),
    )
    through_front_end(site, draws, server, at + 9 * SECOND, sent)
    opened = _browser_request(user, browser, "/owa/")
    opened.took, opened.response_bytes = draws.between(90, 400), draws.between(40_000, 70_000)
    through_front_end(site, draws, server, at + 10 * SECOND, opened)
    end = at + 12 * SECOND
    for _ in range(draws.between(2, 6)):
        action = draws.pick(_OWA_ACTIONS)
        call = _browser_request(user, browser, "/owa/service.svc")
        call.method, call.query = "POST", f"action={action}&EP=1&ID=-{draws.between(1, 99)}&AC=1"
        call.took = draws.between(8, 300)
        call.request_bytes, call.response_bytes = draws.between(700, 3_000), draws.between(600, 60_000)
        call.back_query = call.query
        through_front_end(site, draws, server, end, call)
        end += draws.between(SECOND, 4 * MINUTE)


def _inbox_rules(site: Site, draws: Draws, server: Server, at: int, user: User) -> None:
    """The user looks at the inbox rules in the control panel, and makes one that moves newsletters away."""
    canary, session, browser = draws.letters_and_digits(22), draws.guid(), draws.pick(_BROWSERS)
    for operation, command in (
        ("GetList", "Get-InboxRule"),
        (
            "NewObject",
            f"New-InboxRule.Name={ecp_rows.quoted('Newsletters')}.MoveToFolder={ecp_rows.quoted('Reading')}"
            ".StopProcessingRules=$true",
        ),
    ):
        stem = f"/ecp/RulesEditor/InboxRules.svc/{operation}"
        request = _browser_request(user, browser, stem, "Ecp")
        request.method, request.query = "POST", f"msExchEcpCanary={canary}."
        request.took = draws.between(20, 200)
        request.request_bytes, request.response_bytes = draws.between(200, 700), draws.between(300, 4_000)
        request.back_query = request.query
        through_front_end(site, draws, server, at, request)
        event = ecp_rows.EcpRequest(
            command=command,
            url=f"{stem}?{request.query}",
            session=session,
            activity=draws.guid(),
            user=user.mailbox,
            took=request.took - 5,
        )
        row = ecp_rows.row(at - 3, user.home, site.organisation.build_at(at - 3), event)
        site.tree.add(user.home, ECP_SERVER, at - 3, row)
        at += draws.between(20 * SECOND, 2 * MINUTE)
