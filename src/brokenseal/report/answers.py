"""The first sections of the report: why this verdict, who, and when."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from brokenseal.report.page import Page
from brokenseal.report.shape import IncidentDocument, Intrusion, Window
from brokenseal.report.shells import name_of
from brokenseal.report.text import plain
from brokenseal.report.wording import (
    OUTCOMES,
    SETTINGS_CHANGED,
    VERDICTS,
    WINDOWS_EVENT,
    day,
    day_span,
    ids_in_brackets,
    moment,
    only_sent_on,
    rank,
    span,
    these_logs,
    verdict_words,
)

_REASONS = 12
_ADDRESSES = 12
_MOMENTS = 16
_WORST_FIRST = tuple(reversed(VERDICTS))


def why(document: IncidentDocument, page: Page) -> None:
    page.heading("Why")
    told: set[str] = set()
    sent_on = only_sent_on(document)
    for server in sorted(document["hosts"], key=lambda server: rank(_WORST_FIRST, server["verdict"])):
        page.sentence(Text.assemble(f"{plain(server['host'])}: ", verdict_words(server["verdict"], sent_on=sent_on)))
        _reasons(page, server["reasons"], told, server["host"])
    for campaign in document["campaigns"]:
        name = f"Campaign {plain(campaign['title'])}{_active(campaign['window'])}"
        page.sentence(Text.assemble(f"{name}: ", verdict_words(campaign["verdict"], sent_on=sent_on)))
        _reasons(page, campaign["reasons"], told)
    read = {one["kind"] for one in document["evidence"]} - {"unrecognised", "refused"}
    if read == {WINDOWS_EVENT}:
        page.sentence(
            "Only Windows event logs were found in what was given, no IIS log and no log file of Exchange: "
            "what was asked of the server from outside cannot be seen in them."
        )
    elif not document["hosts"]:
        page.sentence("No log of an Exchange server was found in what was given.")


def who(document: IncidentDocument, page: Page) -> None:
    page.heading("Who")
    if not document["intrusions"]:
        page.sentence(f"No intruder was found in {these_logs(document['verdict'])}.")
    for intrusion in document["intrusions"]:
        by_user = intrusion.get("named_by") == "user"
        page.sentence(
            f"Intrusion {plain(intrusion['id'])}{', which only you named: no rule found it' if by_user else ''}"
        )
        addresses = [plain(address) for address in intrusion["source_ips"]]
        page.labelled("From", ", ".join(page.bound(addresses, _ADDRESSES)) or "(no address in the logs)", 4)
        page.more(len(addresses), _ADDRESSES, 16)
        page.labelled("Servers", ", ".join(plain(host) for host in intrusion["hosts"]), 4)
        page.labelled("Reached", _stage(intrusion), 4)
        flaws = intrusion["cves"]
        page.labelled_list(
            "Flaws",
            [f"{plain(flaw['id'])}: {plain(flaw['outcome'])} {ids_in_brackets(flaw['findings'])}" for flaw in flaws],
            4,
        )
        techniques = intrusion["techniques"]
        page.labelled_list("ATT&CK", [f"{plain(one['id'])} {plain(one['name'])}" for one in techniques], 4)


def when(document: IncidentDocument, page: Page) -> None:
    page.heading("When (UTC)")
    for intrusion in document["intrusions"]:
        page.sentence(f"Intrusion {plain(intrusion['id'])}: {span(intrusion['first_seen'], intrusion['last_seen'])}")
        moments = sorted(_moments(document, intrusion))
        for _, time, text in sorted(page.bound(moments, _MOMENTS), key=lambda one: one[1:]):
            page.labelled(moment(time), text, 4)
        page.more(len(moments), _MOMENTS, 4)
    if not document["intrusions"]:
        times = [time for one in document["evidence"] for time in (one["first"], one["last"]) if time]
        logs = (
            f"The logs read run from {moment(min(times))} to {moment(max(times))}." if times else "No event was read."
        )
        page.sentence(f"There is no intrusion to date. {logs}")
    builds = [(host["host"], build) for host in document["hosts"] for build in host["builds"]]
    if builds:
        page.sentence("Exchange on the servers, by their logs:")
    for host, build in builds:
        product = f" ({plain(build['product'])})" if build["product"] else ""
        page.bullet(f"{plain(host)}: {plain(build['build'])}{product}, {day_span(build['first'], build['last'])}", 4)


def _reasons(page: Page, reasons: list[str], told: set[str], server: str | None = None) -> None:
    """The reasons that are not ``told`` yet: those of a campaign mostly repeat those of the servers.

    Under the name of the ``server`` itself they need not begin with it once more.
    """
    new = [reason for reason in reasons if reason not in told]
    told.update(new)
    for reason in page.bound(new, _REASONS):
        page.bullet(plain(reason.removeprefix(f"{server}: ") if server else reason), 4)
    page.more(len(new), _REASONS, 4)
    if len(new) < len(reasons):
        page.bullet("the reasons above" if not new else "and reasons above", 4)


def _active(window: Window | None) -> str:
    """The time of a campaign, after its name; there are campaigns without one."""
    if window is None or not (window["from"] or window["to"]):
        return ""
    return f", {day(window['from'])} to {day(window['to'])}"


def _stage(intrusion: Intrusion) -> str:
    title, stage = plain(intrusion.get("stage_title")), plain(intrusion["stage"])
    if title and stage:
        return f"{title} ({stage})"
    return title or stage or "(no stage of a known campaign)"


def _moments(document: IncidentDocument, intrusion: Intrusion) -> Iterator[tuple[int, str, str]]:
    """What happened in ``intrusion``, as (weight, time, plain text), in no order; the smallest weighs most."""
    told: set[str] = set()
    for shell in intrusion["webshells"]:
        if shell["first_used"]:
            told.update(shell.get("findings", ()))
            use = f"use of the web shell {name_of(shell)} {ids_in_brackets(shell.get('findings', []))}"
            yield from _ends(shell["first_used"], shell["last_used"], use)
    for mailbox in document["mailboxes"]:
        if mailbox["intrusion"] == intrusion["id"]:
            whose = f"the mail of {plain(mailbox['mailbox'])}" if mailbox["mailbox"] else "mail, no log says whose"
            did = f"change to settings of {whose}" if mailbox["access"] == SETTINGS_CHANGED else f"access to {whose}"
            yield from _ends(mailbox["first"], mailbox["last"], did)
    own = _findings(intrusion) - told
    for finding in document["findings"]:
        if finding["id"] in own and finding["time"]:
            text = f"{plain(finding['title'])} ({plain(finding['outcome'])}, {plain(finding['id'])})"
            yield 1 + rank(OUTCOMES, finding["outcome"]), finding["time"], text


def _ends(first: str | None, last: str | None, what: str) -> Iterator[tuple[int, str, str]]:
    if moment(first) == moment(last):
        yield 0, first or "", what[0].upper() + what[1:]
        return
    if first:
        yield 0, first, f"First {what}"
    if last:
        yield 0, last, f"Last {what}"


def _findings(intrusion: Intrusion) -> set[str]:
    ids = set(intrusion.get("findings", ()))
    for flaw in intrusion["cves"]:
        ids.update(flaw["findings"])
    for shell in intrusion["webshells"]:
        ids.update(shell.get("findings", ()))
    return ids
