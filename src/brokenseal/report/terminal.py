"""The report a person reads on the terminal: the verdict first, in one sentence, then what is asked next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from rich.console import Console
from rich.text import Text

from brokenseal.report.answers import when, who, why
from brokenseal.report.limits import next_steps, not_seen
from brokenseal.report.losses import left_behind, whose_mail
from brokenseal.report.page import Page
from brokenseal.report.processes import what_ran
from brokenseal.report.proofs import findings
from brokenseal.report.shape import IncidentDocument
from brokenseal.report.text import plain
from brokenseal.report.wording import VERDICT_SENTENCES, count, verdict_style

_SECTIONS = (why, who, when, what_ran, whose_mail, left_behind, findings, not_seen, next_steps)


def render(document: Mapping[str, object], console: Console, *, quiet: bool = False, verbose: bool = False) -> None:
    """Write the report of an incident document (one that is valid by its schema) to ``console``.

    ``quiet``: the verdict's sentence only, in one line. ``verbose``: every finding with its lines of evidence, and no
    bounds on lists and command lines. No text of the document reaches the console raw (see :mod:`brokenseal.report.text`),
    and nothing else is cut to fit its width.
    """
    incident = cast(IncidentDocument, document)
    page = Page(console, verbose)
    if quiet:
        page.line(_verdict(incident))
        return
    page.sentence(_verdict(incident), indent=0)
    page.sentence(_basis(incident), indent=0)
    for section in _SECTIONS:
        section(incident, page)


def _verdict(document: IncidentDocument) -> Text:
    summary = plain(document["summary"]).strip() or VERDICT_SENTENCES.get(document["verdict"], "")
    return Text(summary or plain(document["verdict"]), style=verdict_style(document["verdict"]))


def _basis(document: IncidentDocument) -> str:
    """The verdict's id, and what it rests on."""
    evidence = document["evidence"]
    read = [one for one in evidence if one["kind"] not in ("unrecognised", "refused") and not one.get("duplicate_of")]
    events = count(sum(one["events"] for one in read), "event")
    rules = count(document["rules"]["loaded"], "rule")
    verdict = plain(document["verdict"])
    return f"Verdict: {verdict} ({count(len(read), 'file')}, {events}, {rules}). Times are UTC."
