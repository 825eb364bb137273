"""The scenarios: what is done to the organisation, and when.

Times are given in thousandths of the simulated range, so that a scenario fits any range of at least one day. In the
default range (2021-01-01, 75 days) they fall on the dates of the real campaign: mail theft in the first days of
January, the full chain on February 28, patches in the first days of March.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from brokenseal.simulate import address_book_shell, exchange_pages, mail_theft, planted_pages, ssrf, web_shell
from brokenseal.simulate.address_book_shell import FIRST_STEP
from brokenseal.simulate.clock import MINUTE, SECOND, iso
from brokenseal.simulate.cloud_session import cloud_session
from brokenseal.simulate.event_logs import EVENT_SOURCES
from brokenseal.simulate.evidence_tree import DIRECTORY_EXPORT, EXPORTS, TEXT_SOURCES
from brokenseal.simulate.forwarded_mail import forwarded_mail
from brokenseal.simulate.play import Play
from brokenseal.simulate.ssrf import Intruder
from brokenseal.simulate.stolen_sessions import stolen_session
from brokenseal.simulate.truth import PlantedShellTruth

_CRAWLER = "DuckDuckBot/1.0; (+http://duckduckgo.com/duckduckbot.html)"
_LIBRARY = "python-requests/2.25.1"
_EWS_CLIENT = "ExchangeServicesClient/0.0.0.0"
_SHELL_CLIENT = "antSword/v2.1"
_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:84.0) Gecko/20100101 Firefox/84.0"
_NMAP = "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)"


def _quiet(play: Play) -> None:
    """Nobody attacks."""


def _probed(play: Play) -> None:
    truth, front = play.truth, play.front
    truth.cves[ssrf.CVE] = "probed"
    truth.note_stage("probe")
    scanner = play.intruder("203.0.113.21", _BROWSER)
    scanner.local_probe(play.at(740), front, "/owa/auth/x.js", "/ecp/default.flt?")
    mapper = play.intruder("203.0.113.22", _NMAP)
    for server in play.site.organisation.servers:
        mapper.local_probe(play.at(810), server, "/owa/auth/x.js", "/owa/auth/logon.aspx?")
        mapper.local_probe(play.at(810) + SECOND, server, "/ecp/y.js", "/ecp/default.flt?")
    guesser = play.intruder("203.0.113.23", _LIBRARY)
    stem = f"/ecp/{play.draws.letters(3)}.js"
    for number, status in enumerate((200, 200, 404)):
        guesser.forged(play.at(860) + number * 5 * SECOND, front, stem, ssrf.AUTODISCOVER, status=status)
    truth.note_stage("autodiscover")
    web_shell.look_for_published_names(play.intruder("203.0.113.24", _BROWSER), play.at(930), front)


def _failed(play: Play) -> None:
    play.truth.cves[ssrf.CVE] = "attempted"
    intruder = play.intruder("203.0.113.31", _LIBRARY)
    play.truth.note_stage("attempted")
    for thousandths, answers in ((800, (401, 401, 403)), (820, (404, 500, 500)), (840, (401, 404, 500))):
        stem, at = f"/ecp/{play.draws.letters(3)}.js", play.at(thousandths)
        for path, status in zip((ssrf.AUTODISCOVER, ssrf.EMSMDB, ssrf.PROXY_LOGON), answers, strict=True):
            intruder.forged(at, play.front, stem, path, status=status)
            at = intruder.next_request(at)


def _hafnium(play: Play) -> None:
    front, draws = play.front, play.draws
    intruder = play.intruder("203.0.113.41", _EWS_CLIENT)
    second = play.intruder("203.0.113.42", _SHELL_CLIENT)
    url = f"/owa/auth/{draws.letters_and_digits(8)}.aspx"
    host, exported = play.on_host(url), play.third_victim()
    stem = f"/ecp/{draws.letters(draws.between(1, 3))}.js"
    session = ssrf.open_session(intruder, play.at(780), front, stem)
    written, at = ssrf.write_through_address_book(intruder, session, front, stem)
    host.write_page(written, "system", planted_pages.OAB_SETTINGS)
    at += draws.between(20 * SECOND, 40 * SECOND)
    host.compile_page(web_shell.use(intruder, at, front, url, "GET") + FIRST_STEP)
    for action in (host.ask_who_and_where, host.ask_for_administrators, host.look_for_lsass, host.dump_lsass):
        at += draws.between(10 * SECOND, 2 * MINUTE)
        action(web_shell.use(intruder, at, front, url, "POST") + FIRST_STEP)
    thief = play.intruder("203.0.113.41", _CRAWLER)
    for thousandths, victim in zip((790, 800), play.victims(), strict=False):
        mail_theft.read_mailbox(
            thief, play.at(thousandths), front, victim, mail_theft.LOGON_STYLE, draws.between(40, 70)
        )
    visits: tuple[tuple[int, Intruder, str, Callable[[int], None] | None], ...] = (
        (806, second, "GET", None),
        (807, second, "POST", lambda at: host.export_mailbox(at, exported)),
        (808, second, "POST", host.pack),
        (812, intruder, "POST", lambda at: host.clear_export(at, exported)),
        (814, second, "POST", host.delete_page),
    )
    for thousandths, visitor, method, act in visits:
        begun = web_shell.use(visitor, play.at(thousandths), front, url, method)
        if act is not None:
            act(begun + FIRST_STEP)
    for thousandths, visitor, method in ((880, second, "GET"), (882, intruder, "POST"), (884, second, "GET")):
        web_shell.use(visitor, play.at(thousandths), front, url, method, present=False)


def _host_only(play: Play) -> None:
    """Only what the host shows: what the web logs would have shown is not played, since none of them is left."""
    draws = play.host_draws
    host = play.on_host(f"/owa/auth/{draws.letters_and_digits(8)}.aspx")
    at = play.host_at(780)
    host.write_page(at, "system", planted_pages.OAB_SETTINGS)
    at += draws.between(20 * SECOND, 40 * SECOND)
    host.compile_page(at)
    for action in (host.ask_who_and_where, host.ask_for_administrators, host.look_for_lsass, host.dump_lsass):
        at += draws.between(10 * SECOND, 2 * MINUTE)
        action(at)
    host.pack(play.host_at(808))
    host.delete_page(play.host_at(814))


def _mail_only(play: Play) -> None:
    intruder = play.intruder("203.0.113.51", _CRAWLER)
    victims = play.victims()
    visits = (
        (60, 0, mail_theft.LOGON_STYLE),
        (120, 1, mail_theft.OTHER_STATIC_FILES[0]),
        (300, 0, mail_theft.OTHER_STATIC_FILES[1]),
    )
    for thousandths, number, stem in visits:
        if number < len(victims):
            reads = play.draws.between(30, 60)
            mail_theft.read_mailbox(intruder, play.at(thousandths), play.front, victims[number], stem, reads)


def _oab_write(play: Play) -> None:
    front, draws = play.front, play.draws
    intruder = play.intruder("203.0.113.61", _LIBRARY)
    url = f"/owa/auth/{draws.letters_and_digits(8)}.aspx"
    host, _ = address_book_shell.plant(play, intruder, url, 780)
    for thousandths, act in (
        (790, host.ask_who_and_where),
        (792, host.ask_for_administrators),
        (800, None),
        (810, None),
    ):
        begun = web_shell.use(intruder, play.at(thousandths), front, url, "POST")
        if act is not None:
            act(begun + FIRST_STEP)


def _quiet_shell(play: Play) -> None:
    """A page was planted before any log that is left begins, and nobody has asked for it since."""
    name = f"{play.host_draws.letters_and_digits(8)}.aspx"
    path, url = f"{exchange_pages.HELPERS}\\system_web\\{name}", f"/aspnet_client/system_web/{name}"
    planted = iso(play.host_at(150))
    kind = planted_pages.COMMAND_PAGE
    play.truth.note_planted(PlantedShellTruth(play.front.name, path, url, planted, kind, timestomped=True))


@dataclass(frozen=True, slots=True)
class Scenario:
    """``patched_after`` (thousandths): the next midnight after it the servers run the patched build, if in range.

    ``withheld`` are sources of which no file is left; ``late`` maps a source to the thousandth at which it begins.
    ``visible`` is false where nothing is left that shows the attack: neither in logs nor in web folders. ``listings``
    names what was made of each server's files (see ``folder_listings``), ``exports`` what was exported besides.
    """

    verdict: str
    summary: str
    play: Callable[[Play], None]
    patched_after: int | None
    withheld: frozenset[str] = frozenset()
    late: tuple[tuple[str, int], ...] = ()
    visible: bool = True
    listings: tuple[str, ...] = ()
    exports: frozenset[str] = frozenset()


_SCENARIOS = {
    "quiet": Scenario("no_evidence", "normal load and ordinary scanners only", _quiet, None, listings=("dir",)),
    "probed": Scenario(
        "probed",
        "scanners test for CVE-2021-26855 and for other people's shells",
        _probed,
        970,
        listings=("powershell",),
    ),
    "failed": Scenario("attempted", "one address tries the chain, the server answers with errors", _failed, 860),
    "hafnium": Scenario(
        "mail_read",
        "full chain, web shell used, two mailboxes read over EWS, one exported",
        _hafnium,
        820,
        listings=("mft",),
    ),
    "mail-only": Scenario("mail_read", "two mailboxes read over EWS, no web shell", _mail_only, 800),
    "oab-write": Scenario(
        "breached",
        "web shell written by CVE-2021-26858 and used",
        _oab_write,
        820,
        listings=("dir", "powershell"),
    ),
    "logs-missing": Scenario(
        "cannot_tell",
        "as hafnium, but the logs that would show it are cleared or begin after it",
        _hafnium,
        820,
        frozenset({"httpproxy", "ecp_server", "ews", *EVENT_SOURCES}),
        (("iis", 900), ("cmdlet", 900)),
        visible=False,
    ),
    "host-only": Scenario(
        "breached",
        "a web shell runs programs, and of all logs only the Windows event logs and message tracking are left",
        _host_only,
        820,
        frozenset(TEXT_SOURCES) - {"message_tracking"},
        listings=("mft",),
    ),
    "quiet-shell": Scenario(
        "breached",
        "a web shell was planted before the logs that are left begin, and was not asked for since",
        _quiet_shell,
        820,
        late=tuple((source, 400) for source in (*TEXT_SOURCES, *EVENT_SOURCES)),
        listings=("mft",),
    ),
    "stolen-session": Scenario(
        "mail_read",
        "as hafnium, and then three users' mail is read with their passwords, while they read it themselves",
        stolen_session,
        820,
        exports=frozenset({DIRECTORY_EXPORT}),
    ),
    "forwarded-mail": Scenario(
        "mail_read",
        "a web shell, and then mail is sent on by an inbox rule and a forwarding address; no mailbox is opened",
        forwarded_mail,
        820,
        exports=frozenset({DIRECTORY_EXPORT}),
    ),
    "cloud-session": Scenario(
        "mail_read",
        "as hafnium, and then mail is read in Microsoft 365 and, on-premises, as an administrator",
        cloud_session,
        820,
        exports=EXPORTS,
    ),
}
SCENARIOS = tuple(_SCENARIOS)


def scenario_named(name: str) -> Scenario | None:
    return _SCENARIOS.get(name)
