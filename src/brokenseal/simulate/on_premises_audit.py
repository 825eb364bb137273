"""A mailbox on-premises whose own audit log is on: read by an intruder as administrator, and by a colleague as always.

The intruder's calls are in the servers' logs too, since impersonation is an ordinary EWS call.

References:
    exchange-evidence.md 2.5 and 2.10.
"""

from __future__ import annotations

from brokenseal.simulate import audit_exports
from brokenseal.simulate.audit_exports import MailboxAuditEntry
from brokenseal.simulate.client_requests import Caller
from brokenseal.simulate.clock import MINUTE, SECOND, milliseconds
from brokenseal.simulate.directory_export import display_name
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import AUDIT_EXPORTS
from brokenseal.simulate.mail_truth import AUDITED, NormalUseTruth, logged
from brokenseal.simulate.organisation import ADMINISTRATOR, ADMINISTRATOR_ACCOUNT, ADMINISTRATOR_SID, DOMAIN, User
from brokenseal.simulate.play import Play
from brokenseal.simulate.signed_in_theft import MailThief, Opened, go_on_reading

PATH = "exports/mailbox-audit.csv"
_AGENT = "ExchangeServicesClient/15.00.0913.015"
_CLIENT = f"Client=WebServices;{_AGENT};"
_OUTLOOK = "Client=MSExchangeRPC"
_INBOX = "\\Inbox"
_SUBJECTS = ("Offer 4711", "Minutes of Monday", "Grüße aus Wien", "Contract, signed", 'The "final" drawing')


def read_as_administrator(play: Play, ip: str) -> None:
    """EWS calls with impersonation from ``ip``, the entries that they leave in the mailbox, and a colleague's."""
    users = play.site.organisation.users
    victim = play.victims()[-1]
    colleague = users[(users.index(victim) + 1) % len(users)]
    thief = MailThief(play.site, play.truth, play.draws, ip, play.front, _AGENT)
    caller = Caller(ip, ADMINISTRATOR_ACCOUNT, f"{ADMINISTRATOR}@{DOMAIN}")
    at = play.at(890)
    opened = thief.read_over_ews(at, victim, play.draws.between(8, 16), caller=caller)
    go_on_reading(play.site, play.draws, play.front, at + 7 * SECOND, victim, 4)
    draws = Draws(play.seed, "mailbox audit")
    entries = _intruder(play, draws, victim, ip, at, opened)
    entries += _colleague(play, draws, victim, colleague)
    entries.sort(key=lambda entry: entry.time)
    if play.site.tree.write_file(AUDIT_EXPORTS, PATH, audit_exports.search_mailbox_audit_log(entries)):
        play.truth.audit_logs[PATH] = len(entries)


def _intruder(
    play: Play, draws: Draws, victim: User, ip: str, at: int, opened: list[Opened]
) -> list[MailboxAuditEntry]:
    # What impersonation opens is logged as done by an administrator.
    display = display_name(ADMINISTRATOR)
    entries = [_entry(draws, at, "FolderBind", "Admin", victim, display, ADMINISTRATOR_SID, ip, _CLIENT)]
    access = play.truth.access(victim.smtp, AUDITED, at)
    access.add(at, "ews", ip, items=0, size=0, counted=False)
    for call in opened:
        for nth in range(call.items):
            when = call.at - 2 + nth % 2
            entries.append(_entry(draws, when, "MessageBind", "Admin", victim, display, ADMINISTRATOR_SID, ip, _CLIENT))
            size = call.size // call.items + (call.size % call.items if nth == 0 else 0)
            access.add(when, "ews", ip, items=1, size=size, counted=False)
    return entries


def _colleague(play: Play, draws: Draws, victim: User, colleague: User) -> list[MailboxAuditEntry]:
    """Somebody with access to the mailbox looks into it now and then, before and after the intruder and meanwhile."""
    entries = []
    access, normal = play.truth.access(victim.smtp, AUDITED, 0), NormalUseTruth(victim.smtp, AUDITED)
    name = display_name(colleague.alias)
    visits = [play.start + play.length * thousandths // 1000 + draws.below(MINUTE) for thousandths in (770, 820, 950)]
    visits.insert(2, milliseconds(access.first) + 9 * SECOND)
    for visit in visits:
        at = visit
        for operation in ("FolderBind", *["MessageBind"] * draws.between(1, 4)):
            entries.append(
                _entry(draws, at, operation, "Delegate", victim, name, colleague.sid, colleague.pc_ip, _OUTLOOK)
            )
            size = draws.between(4_000, 60_000) if operation == "MessageBind" else 0
            if access.first <= logged(AUDITED, at) <= access.last:
                normal.add("mapi", colleague.pc_ip, size)
            at += draws.between(SECOND, 9 * SECOND)
    play.truth.normal_use.append(normal)
    return entries


def _entry(
    draws: Draws, at: int, operation: str, logon: str, owner: User, display: str, sid: str, ip: str, client: str
) -> MailboxAuditEntry:
    message = operation == "MessageBind"
    return MailboxAuditEntry(
        time=at,
        operation=operation,
        logon=logon,
        owner=owner,
        display=display,
        sid=sid,
        ip=ip,
        client=client,
        folder=_INBOX,
        identity=f"RgAAAA{draws.letters_and_digits(24)}",
        item_id=f"RgAAAA{draws.letters_and_digits(30)}AAAJ" if message else "",
        subject=draws.pick(_SUBJECTS) if message else "",
    )
