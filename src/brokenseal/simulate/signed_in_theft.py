"""Log rows of mail read with stolen passwords: the same requests as any client's, from somebody else's address.

Nothing in a single row is wrong: the server answered a user who signed in. Front end and back end carry what they carry for
everybody, among the requests that the owner goes on making.

References:
    exchange-evidence.md 2.1, 2.2, 2.5, 2.6, 2.9 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from brokenseal.simulate import ecp_rows, exchange_management, load, mail_flow, webmail
from brokenseal.simulate.client_requests import OUTLOOK, Caller, Site, ews_call, mapi_call, through_front_end
from brokenseal.simulate.clock import MINUTE, SECOND, iso, milliseconds
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.mail_truth import SIGNED_IN, ForwardingTruth, NormalUseTruth, SentMailTruth
from brokenseal.simulate.organisation import PUBLIC_HOST, Server, User
from brokenseal.simulate.truth import Truth

# An Outlook of an older Windows than anybody here has.
OLD_OUTLOOK = "Microsoft Office/16.0 (Windows NT 6.1; Microsoft Outlook 16.0.4266; Pro)"
_OLD_BROWSER = "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:78.0) Gecko/20100101 Firefox/78.0"
_MAIL_APP = "Android-Mail/2021.01.17.356.release"


class Opened(NamedTuple):
    """A call that handed out messages: when it ended, how many they were, and the bytes of its answer."""

    at: int
    items: int
    size: int


@dataclass(frozen=True, slots=True)
class MailThief:
    """Who signs in as others: from one address, on one front end.

    ``agent`` is the user agent for EWS and MAPI.
    """

    site: Site
    truth: Truth
    draws: Draws
    ip: str
    front: Server
    agent: str = OLD_OUTLOOK

    def __post_init__(self) -> None:
        self.truth.note_attacker(self.ip)

    def wrong_password(self, at: int) -> None:
        """One try that is refused; it belongs to no mailbox."""
        request = FrontEndRequest(
            protocol="Ews",
            stem="/EWS/Exchange.asmx",
            host=PUBLIC_HOST,
            client_ip=self.ip,
            agent=self.agent,
            method="POST",
            authentication="Negotiate",
            status=401,
            took=self.draws.between(1, 9),
        )
        through_front_end(self.site, self.draws, self.front, at, request)

    def read_over_ews(self, at: int, user: User, calls: int, *, caller: Caller | None = None) -> list[Opened]:
        """One FindItem and ``calls`` GetItem calls, each of some items, by the user or (impersonating) a ``caller``."""
        opened = []
        by = caller or Caller(self.ip, user.account, user.smtp)
        for number in range(calls + 1):
            action, ids = ("GetItem", self.draws.between(1, 8)) if number else ("FindItem", 1)
            request = ews_call(self.site, self.draws, self.front, at, user, self.agent, action, ids, caller=by)
            self._note(at, user, request, ids if number else 0, counted=True)
            if number:
                opened.append(Opened(at, ids, request.response_bytes or 0))
            at += self.draws.between(2 * SECOND, 20 * SECOND)
        return opened

    def read_over_mapi(self, at: int, user: User, calls: int) -> None:
        """An Outlook session: its log names the mailbox and never how many messages an Execute opened."""
        session = self.draws.guid()
        for number in range(calls + 2):
            kind = "Connect" if number == 0 else "Disconnect" if number > calls else "Execute"
            took = self.draws.between(6, 90)
            request = mapi_call(
                self.site,
                self.draws,
                self.front,
                at,
                user,
                session,
                kind,
                took=took,
                ip=self.ip,
                agent=self.agent,
            )
            self._note(at, user, request, self.draws.below(4) if kind == "Execute" else 0, counted=False)
            at += self.draws.between(SECOND, 15 * SECOND)

    def read_over_webmail(self, at: int, user: User, calls: int) -> None:
        """Outlook on the web: the log-on and conversations one after the other."""
        at = webmail.log_on(self.site, self.draws, self.front, at, user, _OLD_BROWSER, ip=self.ip) + SECOND
        request = webmail.open_mailbox(self.site, self.draws, self.front, at, user, _OLD_BROWSER, ip=self.ip)
        self._note(at, user, request, 0, counted=False)
        for number in range(calls + 1):
            at += self.draws.between(2 * SECOND, 30 * SECOND)
            action = "GetConversationItems" if number else "FindConversation"
            request = webmail.call_service(
                self.site, self.draws, self.front, at, user, _OLD_BROWSER, action, ip=self.ip
            )
            self._note(at, user, request, self.draws.between(1, 6) if number else 0, counted=False)

    def read_over_active_sync(self, at: int, user: User, calls: int) -> None:
        """A new device is made known and fetches what is in the folders."""
        device = Draws("device", self.ip, user.alias).hexadecimal(32).upper()
        for command in ("Provision", "FolderSync", *["Sync"] * calls):
            took = self.draws.between(20, 400)
            request = load.active_sync(
                self.site,
                self.draws,
                self.front,
                at,
                user,
                _MAIL_APP,
                command,
                took,
                ip=self.ip,
                device=device,
            )
            self._note(at, user, request, self.draws.between(1, 12) if command == "Sync" else 0, counted=False)
            at += self.draws.between(3 * SECOND, 40 * SECOND)

    def forward_mail(self, at: int, user: User, to: str) -> int:
        """An inbox rule in the control panel sends a copy of everything on; when it was made."""
        rule = f"New-InboxRule.Name={ecp_rows.quoted('.')}.ForwardTo={ecp_rows.quoted(to)}.StopProcessingRules=$true"
        at = webmail.log_on(self.site, self.draws, self.front, at, user, _OLD_BROWSER, ip=self.ip) + 5 * SECOND
        made = webmail.make_rule(self.site, self.draws, self.front, at, user, rule, browser=_OLD_BROWSER, ip=self.ip)
        host = self.site.hosts[user.home.name]
        exchange_management.record_control_panel(host, made, rule, user.account, user.sid, is_admin=False)
        self.truth.forwarding.append(ForwardingTruth(user.smtp, ".", to, iso(made)))
        return made

    def send_as(self, at: int, user: User, recipient: str, subject: str) -> None:
        """A message in the user's name over EWS; message tracking has its way."""
        by = Caller(self.ip, user.account, user.smtp)
        request = ews_call(self.site, self.draws, self.front, at, user, self.agent, "CreateItem", 1, caller=by)
        self._note(at, user, request, 0, counted=True)
        mail = mail_flow.compose(self.draws, user.smtp, recipient, subject)
        submitted = at + self.draws.between(200, 2_000)
        mail_flow.send(self.site, self.draws, submitted, user, mail, None, client="WebServices")
        self.truth.mail_sent.append(SentMailTruth(user.smtp, recipient, mail.message_id, iso(submitted), mail.size))

    def _note(self, at: int, user: User, request: FrontEndRequest, items: int, *, counted: bool) -> None:
        self.site.normal_use.watch(user.account)
        self.truth.note_actor(self.ip, (), (request.agent,))
        self.truth.access(user.smtp, SIGNED_IN, at).add(
            at, request.protocol.lower(), self.ip, items=items, size=request.response_bytes or 0, counted=counted
        )


def go_on_reading(site: Site, draws: Draws, server: Server, at: int, user: User, times: int) -> None:
    """The owner reads the own mail meanwhile, by all protocols, from the own devices, ``times`` times in some minutes."""
    session = draws.guid()
    site.normal_use.watch(user.account)
    webmail.read(site, draws, server, at + draws.below(MINUTE), user)
    for _ in range(times):
        ews_call(site, draws, server, at, user, OUTLOOK, "FindItem", 1)
        ews_call(site, draws, server, at + 2 * SECOND, user, OUTLOOK, "GetItem", draws.between(1, 4))
        mapi_call(site, draws, server, at + 3 * SECOND, user, session, "Execute", took=draws.between(6, 90))
        phone = load.phone_agent(user)
        load.active_sync(site, draws, server, at + 5 * SECOND, user, phone, "Sync", draws.between(20, 400))
        at += draws.between(10 * SECOND, 50 * SECOND)


def note_normal_use(site: Site, truth: Truth) -> None:
    """Add up what the owners read, now that all days are written, for each mailbox read by somebody signed in."""
    for access in truth.mail_access:
        if access.access == SIGNED_IN:
            owner = next(user for user in site.organisation.users if user.smtp == access.mailbox)
            use = NormalUseTruth(access.mailbox, SIGNED_IN)
            for reading in site.normal_use.of(owner.account, milliseconds(access.first), milliseconds(access.last)):
                if reading.ip not in truth.attacker_ips:
                    use.add(reading.protocol.lower(), reading.ip, reading.size)
            truth.normal_use.append(use)
