"""The sections of the report on what an intruder took and left: whose mail, and which web shells."""

from __future__ import annotations

from brokenseal.report.page import Page, where
from brokenseal.report.shape import IncidentDocument, Mailbox
from brokenseal.report.shells import one_shell
from brokenseal.report.text import plain
from brokenseal.report.wording import (
    ACCESS,
    SETTINGS_CHANGED,
    bytes_in_words,
    change_in_words,
    count,
    in_words,
    moment,
    seen_in_words,
    span,
    these_logs,
)

_MAILBOXES = 50
_SHELLS, _CHANGES = 25, 20
_TABLE_FROM = 160  # columns of the terminal: below, the cells would be folded into ribbons

_UNKNOWN = "data left the server, but no log names the mailbox"
_COLUMNS = (
    ("Mailbox", False),
    ("How", False),
    ("First (UTC)", False),
    ("Last (UTC)", False),
    ("Requests", True),
    ("Items at least", True),
    ("Bytes at least", True),
    ("Complete", False),
)


def whose_mail(document: IncidentDocument, page: Page) -> None:
    page.heading("Whose mail")
    mailboxes = document["mailboxes"]
    if not mailboxes:
        page.sentence(f"No access to mail by an intruder was found in {these_logs(document['verdict'])}.")
        return
    _of_all(document, page)
    page.sentence("The numbers are what the logs prove: lower bounds, never estimates.")
    shown = page.bound(mailboxes, _MAILBOXES)
    if page.console.width >= _TABLE_FROM:
        page.table(_COLUMNS, [_row(mailbox) for mailbox in shown])
        for mailbox in shown:
            _under_the_table(mailbox, page)
    else:
        for mailbox in shown:
            _card(mailbox, page)
    page.more(len(mailboxes), _MAILBOXES)


def _of_all(document: IncidentDocument, page: Page) -> None:
    """What was changed for every mailbox."""
    changes = document.get("changes", [])
    if changes:
        page.sentence("Settings that an intruder changed for the whole organisation (they reach every mailbox):")
    for change in page.bound(changes, _CHANGES):
        page.bullet(change_in_words(change), 4)
    page.more(len(changes), _CHANGES, 4)


def left_behind(document: IncidentDocument, page: Page) -> None:
    page.heading("What was left behind")
    findings = {finding["id"]: finding for finding in document["findings"]}
    shells = [(intrusion["id"], shell) for intrusion in document["intrusions"] for shell in intrusion["webshells"]]
    if not shells:
        logs = these_logs(document["verdict"])
        page.sentence(f"No use of a web shell was seen in {logs}. A file nobody has asked for yet is in no web log.")
    for intrusion, shell in page.bound(shells, _SHELLS):
        one_shell(shell, intrusion, findings, page)
    page.more(len(shells), _SHELLS)


def _card(mailbox: Mailbox, page: Page) -> None:
    page.sentence(plain(mailbox["mailbox"]) or f"({_UNKNOWN})")
    intrusion = f", intrusion {plain(mailbox['intrusion'])}" if mailbox["intrusion"] else ""
    page.labelled("How", in_words(ACCESS, mailbox["access"]) + intrusion, 4)
    page.labelled("When", span(mailbox["first"], mailbox["last"]), 4)
    if mailbox["access"] != SETTINGS_CHANGED:
        page.labelled("Taken", _taken(mailbox), 4)
    _changed(mailbox, page)
    because = [plain(reason) for reason in mailbox.get("incomplete_because", [])]
    page.labelled_list("Complete", ["yes"] if mailbox["complete"] else ["NO: it may be more", *because], 4)
    _evidence(mailbox, page, "Shown by")


def _taken(mailbox: Mailbox) -> str:
    items, size, requests = mailbox["items_at_least"], mailbox["bytes_at_least"], seen_in_words(mailbox)
    known = [count(items, "item")] if items is not None else []
    known += [bytes_in_words(size)] if size is not None else []
    unknown = " or ".join(name for name, value in (("items", items), ("bytes", size)) if value is None)
    least = f"at least {' and '.join(known)}, " if known else ""
    return f"{least}{requests}{f'; no log counts the {unknown}' if unknown else ''}"


def _row(mailbox: Mailbox) -> list[str]:
    items, size = mailbox["items_at_least"], mailbox["bytes_at_least"]
    return [
        plain(mailbox["mailbox"]) or "(not known)",
        in_words(ACCESS, mailbox["access"]),
        moment(mailbox["first"]),
        moment(mailbox["last"]),
        f"{mailbox['requests']:,}",
        "not counted" if items is None else f"{items:,}",
        "not counted" if size is None else bytes_in_words(size),
        "yes" if mailbox["complete"] else "NO",
    ]


def _under_the_table(mailbox: Mailbox, page: Page) -> None:
    """What does not fit into the cells."""
    name = plain(mailbox["mailbox"]) or f"(not known): {_UNKNOWN}"
    page.bullet(f"{name} (intrusion {plain(mailbox['intrusion'])})" if mailbox["intrusion"] else name)
    because = [plain(reason) for reason in mailbox.get("incomplete_because", [])]
    if not mailbox["complete"]:
        page.labelled_list("Complete", ["NO: it may be more", *because], 4)
    _changed(mailbox, page)
    _evidence(mailbox, page, "Shown by")


def _changed(mailbox: Mailbox, page: Page) -> None:
    changes = mailbox.get("changes", [])
    page.labelled_list("Changed", [change_in_words(change) for change in page.bound(changes, _CHANGES)], 4)


def _evidence(mailbox: Mailbox, page: Page, label: str) -> None:
    references = mailbox.get("evidence", [])
    shown = references if page.verbose else references[:1]
    page.labelled_list(label, map(where, shown), 4)
