"""The normal load: what the users' devices do on a day.

The hours follow an office day (about 07 to 18 UTC); phones go on in the evening and on weekends.
"""

from __future__ import annotations

from brokenseal.simulate import webmail
from brokenseal.simulate.client_requests import OUTLOOK, Site, ews_call, mapi_call, through_front_end
from brokenseal.simulate.clock import DAY, HOUR, MINUTE, SECOND, is_workday
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.organisation import AUTODISCOVER_HOST, PUBLIC_HOST, Server, User

_MAC_EWS = "MacOutlook/16.45.21011103 (Intelx64 Mac OS X 10.15.7 (Build 19H114))"
_PHONES = ("Outlook-iOS-Android/1.0", "Apple-iPhone11C8/1803.66", "Android-SAMSUNG-SM-G973F/101.10")


def user_day(site: Site, day: int, seed: int, user: User) -> None:
    """Write one user's day (``day`` is ``ms // DAY``)."""
    draws = Draws(seed, "user", user.alias, day)
    server = draws.pick(site.organisation.servers)
    at_work = is_workday(day)
    _phone(site, draws, server, day, user, at_work)
    if not at_work:
        if draws.chance(12):
            webmail.read(site, draws, server, day * DAY + draws.between(9 * HOUR, 21 * HOUR), user)
        return
    morning = day * DAY + 7 * HOUR + draws.between(0, 100 * MINUTE)
    if user.on_mac:
        _mac(site, draws, server, morning, user)
    else:
        _outlook(site, draws, server, morning, user)
    if draws.chance(30):
        webmail.read(site, draws, server, morning + draws.between(HOUR, 9 * HOUR), user)
    if draws.chance(4):
        webmail.make_rule(site, draws, server, morning + draws.between(HOUR, 8 * HOUR), user, webmail.NEWSLETTERS)


def _in_office_hours(draws: Draws, morning: int) -> int:
    # The mean of two draws: most in the middle of the day, few at its ends.
    return morning + (draws.below(10 * HOUR) + draws.below(10 * HOUR)) // 2


def _outlook(site: Site, draws: Draws, server: Server, morning: int, user: User) -> None:
    session = draws.guid()
    if draws.chance(50):
        _autodiscover(site, draws, server, morning - 2 * SECOND, user, OUTLOOK)
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
    ews_call(site, draws, server, morning + 20 * SECOND, user, OUTLOOK, "GetUserOofSettings", 0)
    if draws.chance(60):
        opened = _in_office_hours(draws, morning + MINUTE)
        ews_call(site, draws, server, opened, user, OUTLOOK, "FindItem", 1)
        ews_call(site, draws, server, opened + 2 * SECOND, user, OUTLOOK, "GetItem", draws.between(1, 4))
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


def phone_agent(user: User) -> str:
    """The user agent of the user's phone."""
    return _PHONES[int(user.device[0], 16) % len(_PHONES)]


def _phone(site: Site, draws: Draws, server: Server, day: int, user: User, at_work: bool) -> None:
    agent = phone_agent(user)
    for _ in range(draws.between(3, 5) if at_work else 2):
        # ActiveSync holds a Ping open until mail comes or its heartbeat ends.
        end = day * DAY + draws.between(5 * HOUR, 22 * HOUR)
        active_sync(site, draws, server, end, user, agent, "Ping", draws.between(MINUTE, 15 * MINUTE))
        if draws.chance(60):
            active_sync(site, draws, server, end + SECOND, user, agent, "Sync", draws.between(20, 400))


def active_sync(
    site: Site,
    draws: Draws,
    server: Server,
    end: int,
    user: User,
    agent: str,
    command: str,
    took: int,
    *,
    ip: str = "",
    device: str = "",
) -> FrontEndRequest:
    """One ActiveSync request for a user's mailbox, by the user's phone if no other address and device are said."""
    query = f"Cmd={command}&User={user.alias}&DeviceId={device or user.device}&DeviceType={agent.partition('/')[0]}"
    request = FrontEndRequest(
        protocol="Eas",
        stem="/Microsoft-Server-ActiveSync/default.eas",
        host=PUBLIC_HOST,
        query=query,
        client_ip=ip or user.phone_ip,
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
    return request


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
