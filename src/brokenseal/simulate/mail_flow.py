"""Mail coming in, going out and passing between colleagues, as message tracking records it."""

from __future__ import annotations

from dataclasses import replace

from brokenseal.simulate import tracking_rows
from brokenseal.simulate.client_requests import Site
from brokenseal.simulate.clock import DAY, HOUR, SECOND, is_workday
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import TRACKING, TRACKING_DELIVERY, TRACKING_SUBMISSION
from brokenseal.simulate.mail_forwards import Forward, SentOn
from brokenseal.simulate.organisation import User
from brokenseal.simulate.tracking_rows import Hop, Mail

_SUBJECTS = (
    "Minutes of Monday",
    "Re: offer 4711, second draft",
    'The "final" drawing',
    "Grüße aus Wien",
    "Invoice 2021-0042",
    "Lunch?",
    "Fwd: travel dates",
    "Contract, signed",
    "見積書",
)
_PEERS = ("sales@example.com", "orders@example.org", "hello@news.example.net", "j.doe@example.com")
_PEER_ADDRESS = "198.51.100.25"


def mail_day(site: Site, day: int, seed: int, user: User) -> None:
    """Write the tracking of one user's mail on one day (``day`` is ``ms // DAY``)."""
    draws = Draws(seed, "mail", user.alias, day)
    at_work = is_workday(day)
    for _ in range(draws.between(1, 3) if at_work else 1):
        _received(site, draws, day * DAY + draws.between(0, 23 * HOUR), user)
    if at_work:
        for _ in range(draws.below(3)):
            _sent(site, draws, day * DAY + draws.between(7 * HOUR, 17 * HOUR), user)


def _mail(draws: Draws, sender: str, recipient: str, directionality: str) -> Mail:
    return Mail(
        number=draws.between(10**7, 10**8),
        message_id=f"<{draws.hexadecimal(32)}@{sender.partition('@')[2]}>",
        network_id=draws.guid(),
        sender=sender,
        recipient=recipient,
        subject=draws.pick(_SUBJECTS),
        size=draws.between(4_000, 400_000),
        directionality=directionality,
    )


def receive(site: Site, draws: Draws, at: int, user: User) -> None:
    """A mail from the internet comes in for a user."""
    _received(site, draws, at, user)


def _received(site: Site, draws: Draws, at: int, user: User) -> None:
    home = user.home
    mail = _mail(draws, draws.pick(_PEERS), user.smtp, "Incoming")
    come_in = Hop(
        "SMTP", "RECEIVE", _PEER_ADDRESS, "mx.example.com", home.ip, home.name, f"{home.name}\\Default {home.name}"
    )
    log_id, build = draws.guid(), site.organisation.build_at(at)
    site.tree.add(home, TRACKING, at, tracking_rows.row(at, build, mail, come_in, log_id))
    _delivered(site, draws, at + draws.between(200, 4_000), user, mail)


def _delivered(site: Site, draws: Draws, at: int, user: User, mail: Mail) -> None:
    home = user.home
    hop = Hop("STOREDRIVER", "DELIVER", home.ip, home.name, home.ip, home.name, recipient_status="To")
    row = tracking_rows.row(at, site.organisation.build_at(at), mail, hop, draws.guid())
    site.tree.add(home, TRACKING_DELIVERY, at, row)
    for forward in site.forwards.of(user.smtp, at):
        _sent_on(site, at, user, mail, forward)


def _sent_on(site: Site, at: int, user: User, mail: Mail, forward: Forward) -> None:
    """A mail that was delivered goes on: a rule makes a mail of its own, a forwarding address gets the same one."""
    draws, home = Draws("forward", mail.message_id, forward.to), user.home
    at += draws.between(200, 3_000)
    if forward.by_rule:
        own = _mail(draws, user.smtp, forward.to, "Originating")
        own.subject, own.size = f"FW: {mail.subject}", mail.size + draws.between(800, 3_000)
        begin = Hop("MAILBOXRULE", "RECEIVE", home.ip, home.name, home.ip, home.name, reference=str(mail.number))
    else:
        own = replace(mail, recipient=forward.to)
        begin = Hop("ROUTING", "REDIRECT", "", "", "", home.name, related=user.smtp)
    site.tree.add(home, TRACKING, at, tracking_rows.row(at, site.organisation.build_at(at), own, begin, draws.guid()))
    at += draws.between(500, 5_000)
    failed = draws.chance(10)
    end = Hop(
        "SMTP",
        "FAIL" if failed else "SENDEXTERNAL",
        home.ip,
        home.name,
        _PEER_ADDRESS,
        "mx.example.com",
        "To the internet",
        recipient_status="550 5.7.1 Rejected" if failed else "250 2.0.0 OK",
    )
    site.tree.add(home, TRACKING, at, tracking_rows.row(at, site.organisation.build_at(at), own, end, draws.guid()))
    if not failed:
        site.forwards.sent.append(SentOn(user.smtp, forward, at, own.size))


def _sent(site: Site, draws: Draws, at: int, user: User) -> None:
    colleague = draws.pick(site.organisation.users)
    inside = draws.chance(40)
    recipient = colleague.smtp if inside else draws.pick(_PEERS)
    mail = _mail(draws, user.smtp, recipient, "Originating")
    send(site, draws, at, user, mail, colleague if inside else None, client="MOMT")


def compose(draws: Draws, sender: str, recipient: str, subject: str) -> Mail:
    """A mail of somebody inside, not sent yet."""
    mail = _mail(draws, sender, recipient, "Originating")
    mail.subject = subject
    return mail


def send(site: Site, draws: Draws, at: int, user: User, mail: Mail, colleague: User | None, *, client: str) -> None:
    """A mail leaves a user's mailbox, to a colleague or (None) to the internet; ``client`` as Exchange names its kind."""
    home, build = user.home, site.organisation.build_at(at)
    context = (
        f"MDB:{home.database}, Mailbox:{user.mailbox}, Event:{mail.number}, MessageClass:IPM.Note, ClientType:{client}, "
        "SubmissionAssistant:MailboxTransportSubmissionEmailAssistant"
    )
    submit = Hop("STOREDRIVER", "SUBMIT", home.ip, home.name, home.ip, home.name, context=context)
    site.tree.add(home, TRACKING_SUBMISSION, at, tracking_rows.row(at, build, mail, submit, draws.guid()))
    at += draws.between(100, SECOND)
    take = Hop("STOREDRIVER", "RECEIVE", home.ip, home.name, home.ip, home.name, recipient_status="To")
    site.tree.add(home, TRACKING, at, tracking_rows.row(at, build, mail, take, draws.guid()))
    if colleague is not None:
        _delivered(site, draws, at + draws.between(200, 2_000), colleague, mail)
        return
    at += draws.between(500, 5_000)
    send = Hop(
        "SMTP",
        "SENDEXTERNAL",
        home.ip,
        home.name,
        _PEER_ADDRESS,
        "mx.example.com",
        "To the internet",
        recipient_status="250 2.0.0 OK",
    )
    site.tree.add(home, TRACKING, at, tracking_rows.row(at, build, mail, send, draws.guid()))
