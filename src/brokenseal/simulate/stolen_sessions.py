"""The scenario ``stolen-session``: broken into as in March 2021, then mail is read with the passwords found there."""

from __future__ import annotations

from brokenseal.simulate import directory_export, mail_theft, planted_pages, ssrf, web_shell
from brokenseal.simulate.clock import MINUTE, SECOND
from brokenseal.simulate.mail_truth import USER_AGENT
from brokenseal.simulate.play import Play
from brokenseal.simulate.signed_in_theft import OLD_OUTLOOK, MailThief, go_on_reading

_LIBRARY = "python-requests/2.25.1"
_SHELL_CLIENT = "antSword/v2.1"
_FIRST, _SECOND, _THIRD = "203.0.113.71", "203.0.113.72", "203.0.113.73"
_DROP = "archive@drop.example.net"
_FIRST_STEP = 8


def break_in(play: Play, first_ip: str, second_ip: str) -> None:
    """The chain, a web shell used from two addresses, passwords taken, a little mail read by forged requests."""
    front, draws = play.front, play.draws
    first, second = play.intruder(first_ip, _LIBRARY), play.intruder(second_ip, _SHELL_CLIENT)
    url = f"/owa/auth/{draws.letters_and_digits(8)}.aspx"
    host = play.on_host(url)
    stem = f"/ecp/{draws.letters(draws.between(1, 3))}.js"
    session = ssrf.open_session(first, play.at(780), front, stem)
    written, at = ssrf.write_through_address_book(first, session, front, stem)
    host.write_page(written, "system", planted_pages.OAB_SETTINGS)
    at += draws.between(20 * SECOND, 40 * SECOND)
    host.compile_page(web_shell.use(first, at, front, url, "GET") + _FIRST_STEP)
    for visitor, action in ((first, host.ask_who_and_where), (second, host.look_for_lsass), (second, host.dump_lsass)):
        at += draws.between(10 * SECOND, MINUTE)
        action(web_shell.use(visitor, at, front, url, "POST") + _FIRST_STEP)
    mail_theft.read_mailbox(first, play.at(790), front, play.victims()[0], mail_theft.LOGON_STYLE, draws.between(8, 15))
    host.delete_page(web_shell.use(second, play.at(800), front, url, "POST") + _FIRST_STEP)


def stolen_session(play: Play) -> None:
    """Three users' mail is read as their own clients would, on both sides of the update, while they read it as well."""
    break_in(play, _FIRST, _SECOND)
    site, draws, front = play.site, play.draws, play.front
    by_first, by_second, by_third = (MailThief(site, play.truth, draws, ip, front) for ip in (_FIRST, _SECOND, _THIRD))
    one, another, third = play.victims()[0], play.victims()[-1], play.third_victim()
    by_first.wrong_password(play.at(815))
    for thousandths in (830, 870, 930):
        at = play.at(thousandths)
        by_first.read_over_ews(at, one, draws.between(10, 25))
        go_on_reading(site, draws, front, at + 5 * SECOND, one, 4)
    by_first.forward_mail(play.at(872), one, _DROP)
    by_first.send_as(play.at(880), one, "orders@example.org", "New bank account")
    for thousandths in (840, 905):
        at = play.at(thousandths)
        by_second.read_over_mapi(at, another, draws.between(20, 40))
        by_second.read_over_webmail(at + 40 * SECOND, another, draws.between(5, 12))
        by_second.read_over_active_sync(at + MINUTE, another, draws.between(5, 12))
        go_on_reading(site, draws, front, at + 5 * SECOND, another, 6)
    for thousandths in (850, 940):
        at = play.at(thousandths)
        by_third.read_over_ews(at, third, draws.between(8, 15))
        go_on_reading(site, draws, front, at + 5 * SECOND, third, 3)
    play.truth.note_actor(_THIRD, (USER_AGENT,), (OLD_OUTLOOK,))
    directory_export.write(site.tree, site.organisation, play.truth)
