"""A browser signed in as a user: Outlook on the web, and the inbox rules of the control panel."""

from __future__ import annotations

from brokenseal.simulate import ecp_rows
from brokenseal.simulate.client_requests import Site, through_front_end
from brokenseal.simulate.clock import MINUTE, SECOND
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import ECP_SERVER
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.organisation import PUBLIC_HOST, Server, User

_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.4324.150 "
    "Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:85.0) Gecko/20100101 Firefox/85.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0.3 "
    "Safari/605.1.15",
)
_OWA_ACTIONS = ("FindConversation", "GetConversationItems", "FindFolder", "UpdateItem", "GetUserAvailabilityInternal")
# What a user makes to get newsletters out of sight, as the control panel logs it.
NEWSLETTERS = (
    f"New-InboxRule.Name={ecp_rows.quoted('Newsletters')}.MoveToFolder={ecp_rows.quoted('Reading')}"
    ".StopProcessingRules=$true"
)


def browser_request(user: User, browser: str, stem: str, protocol: str = "Owa", *, ip: str = "") -> FrontEndRequest:
    """A request of a browser signed in as the user, answered by the server of the mailbox.

    It comes from the user's PC if no address is said; so in the other functions.
    """
    return FrontEndRequest(
        protocol=protocol,
        stem=stem,
        host=PUBLIC_HOST,
        client_ip=ip or user.pc_ip,
        agent=browser,
        account=user.account,
        anchor=f"Sid~{user.sid}",
        target=user.home,
        hint="WindowsIdentity",
        sticky=True,
        back_stem=stem,
    )


def log_on(site: Site, draws: Draws, server: Server, at: int, user: User, browser: str, *, ip: str = "") -> int:
    """The logon page at ``at``, and name and password nine seconds later; when that ended."""
    logon = FrontEndRequest(
        protocol="Owa",
        stem="/owa/auth/logon.aspx",
        host=PUBLIC_HOST,
        query="replaceCurrent=1&url=https%3a%2f%2fmail.corp.example%2fowa%2f",
        client_ip=ip or user.pc_ip,
        agent=browser,
        took=draws.between(1, 9),
    )
    through_front_end(site, draws, server, at, logon)
    sent = FrontEndRequest(
        protocol="Owa",
        stem="/owa/auth.owa",
        host=PUBLIC_HOST,
        client_ip=ip or user.pc_ip,
        agent=browser,
        method="POST",
        account=user.account,
        status=302,
        took=draws.between(20, 90),
        request_bytes=draws.between(150, 190),
    )
    through_front_end(site, draws, server, at + 9 * SECOND, sent)
    return at + 9 * SECOND


def open_mailbox(
    site: Site, draws: Draws, server: Server, end: int, user: User, browser: str, *, ip: str = ""
) -> FrontEndRequest:
    """The page of Outlook on the web itself."""
    opened = browser_request(user, browser, "/owa/", ip=ip)
    opened.took, opened.response_bytes = draws.between(90, 400), draws.between(40_000, 70_000)
    through_front_end(site, draws, server, end, opened)
    return opened


def call_service(
    site: Site, draws: Draws, server: Server, end: int, user: User, browser: str, action: str, *, ip: str = ""
) -> FrontEndRequest:
    """One call that the page makes, by its action, e.g. ``GetConversationItems``."""
    call = browser_request(user, browser, "/owa/service.svc", ip=ip)
    call.method, call.query = "POST", f"action={action}&EP=1&ID=-{draws.between(1, 99)}&AC=1"
    call.took = draws.between(8, 300)
    call.request_bytes, call.response_bytes = draws.between(700, 3_000), draws.between(600, 60_000)
    call.back_query = call.query
    through_front_end(site, draws, server, end, call)
    return call


def read(site: Site, draws: Draws, server: Server, at: int, user: User) -> None:
    """The user logs on and looks at some mail."""
    browser = draws.pick(_BROWSERS)
    end = log_on(site, draws, server, at, user, browser) + SECOND
    open_mailbox(site, draws, server, end, user, browser)
    end += 2 * SECOND
    for _ in range(draws.between(2, 6)):
        call_service(site, draws, server, end, user, browser, draws.pick(_OWA_ACTIONS))
        end += draws.between(SECOND, 4 * MINUTE)


def make_rule(
    site: Site, draws: Draws, server: Server, at: int, user: User, rule: str, *, browser: str = "", ip: str = ""
) -> int:
    """Somebody signed in as the user looks at the inbox rules and makes one; when its cmdlet ended.

    ``rule`` is the cmdlet as the control panel logs it (see ``ecp_rows``).
    """
    canary, session = draws.letters_and_digits(22), draws.guid()
    agent, made = browser or draws.pick(_BROWSERS), at
    for operation, command in (("GetList", "Get-InboxRule"), ("NewObject", rule)):
        stem = f"/ecp/RulesEditor/InboxRules.svc/{operation}"
        request = browser_request(user, agent, stem, "Ecp", ip=ip)
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
        made = at - 3
        row = ecp_rows.row(made, user.home, site.organisation.build_at(made), event)
        site.tree.add(user.home, ECP_SERVER, made, row)
        at += draws.between(20 * SECOND, 2 * MINUTE)
    return made
