"""Whose mail: the ledger of mailboxes as a table, and what else is known of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.clock import same_second
from brokenseal.report.html.context import Context, PlacesInFile
from brokenseal.report.html.mail_facts import about_hints, change, from_tracking, hint
from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.shape import Actor, Mailbox

_MAILBOXES, _DETAILED, _REASONS, _PROOFS, _ACTORS = 500, 200, 20, 25, 50
_NAMES, _SUBJECTS, _CHANGES = 12, 50, 50


@dataclass(frozen=True, slots=True)
class Fact:
    label: Markup
    values: Sequence[Markup]


@dataclass(frozen=True, slots=True)
class Row:
    """``once``: first and last are the same second. ``proofs`` is the title of ``places``."""

    anchor: str
    name: Markup
    how: Markup
    first: Markup
    last: Markup
    once: bool
    requests: str
    items: Markup
    size: Markup
    sure: Markup
    complete: bool
    facts: Sequence[Fact]
    places: Sequence[PlacesInFile]
    proofs: Markup


@dataclass(frozen=True, slots=True)
class Ledger:
    rows: Sequence[Row]
    none: Markup
    more: Markup
    changes: Sequence[Markup]
    hints: Sequence[Markup]
    about_hints: Markup
    actors: Sequence[Markup]


def view(context: Context) -> Ledger:
    texts, document = context.texts, context.document
    mailboxes = document["mailboxes"]
    left_out = len(mailboxes) - _MAILBOXES
    unsure = document["verdict"] == "cannot_tell"
    return Ledger(
        rows=[_row(context, place, one) for place, one in enumerate(mailboxes[:_MAILBOXES], start=1)],
        none=Markup("") if mailboxes else texts.say("mail.none_unsure" if unsure else "mail.none"),
        more=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
        changes=[change(context, one) for one in document.get("changes", [])[:_CHANGES]],
        hints=[hint(context, one) for one in document.get("hints", [])[:_CHANGES]],
        about_hints=about_hints(context),
        actors=[_actor(context, actor) for actor in document.get("actors", [])[:_ACTORS]],
    )


def _row(context: Context, place: int, mailbox: Mailbox) -> Row:
    texts = context.texts
    detailed = place <= _DETAILED
    evidence = mailbox.get("evidence", []) if detailed else []
    return Row(
        anchor=f"mailbox-{place}",
        name=shown(mailbox["mailbox"], LONGEST_NAME) or texts.say("mail.unnamed"),
        how=texts.words("access", mailbox["access"]),
        first=texts.moment(mailbox["first"]),
        last=texts.moment(mailbox["last"]),
        once=same_second(mailbox["first"], mailbox["last"]),
        requests=texts.number(mailbox["requests"]),
        items=_range(context, mailbox["items_at_least"], mailbox.get("items_at_most"), _plain_number),
        size=_range(context, mailbox["bytes_at_least"], mailbox.get("bytes_at_most"), _short_size),
        sure=texts.words("confidence", mailbox.get("confidence"), Markup("")),
        complete=mailbox["complete"],
        facts=list(_facts(context, mailbox)) if detailed else [],
        places=context.places(evidence, _PROOFS),
        proofs=texts.count("mail.proofs", len(evidence[:_PROOFS])),
    )


def _plain_number(context: Context, number: int) -> Markup:
    return Markup(context.texts.number(number))


def _short_size(context: Context, size: int) -> Markup:
    return context.texts.size(size, exact=False)


def _range(context: Context, least: int | None, most: int | None, words: Callable[[Context, int], Markup]) -> Markup:
    """What is known of a number that lies between two others."""
    texts = context.texts
    if not least and most is None:
        return texts.say("mail.not_counted")
    if least is not None and most is not None:
        if words(context, least) == words(context, most):
            return words(context, least)
        return texts.say("mail.range", least=words(context, least), most=words(context, most))
    if most is not None:
        return texts.say("mail.at_most", most=words(context, most))
    return texts.say("mail.at_least", least=words(context, least or 0))


def _facts(context: Context, mailbox: Mailbox) -> list[Fact]:
    texts = context.texts
    records = [
        texts.say("mail.records", operation=shown(one["operation"], LONGEST_NAME), n=texts.number(one["count"]))
        for one in mailbox.get("actions", [])
    ]
    facts = {
        "person": [shown(mailbox.get("display_name"), LONGEST_NAME)],
        "known_as": [_names(context, [name for name in mailbox.get("known_as", []) if name != mailbox["mailbox"]])],
        "protocols": [_names(context, mailbox.get("protocols", []))],
        "from": [_names(context, mailbox.get("source_ips", []))],
        "users": [_names(context, mailbox.get("users", []))],
        "folders": [_names(context, mailbox.get("folders", []))],
        "records": [texts.listed(records, _NAMES)],
        "changes": [change(context, one) for one in mailbox.get("changes", [])[:_CHANGES]],
        "tracked": from_tracking(context, mailbox),
        "hints": [hint(context, one) for one in mailbox.get("hints", [])[:_CHANGES]],
        "sure_because": [texts.words("confidence_because", mailbox.get("confidence_because"), Markup(""))],
        "incomplete": [context.sentence(reason) for reason in mailbox.get("incomplete_because", [])[:_REASONS]],
        "subjects": [*(shown(one) for one in mailbox.get("subjects", [])[:_SUBJECTS]), _rest(context, mailbox)],
    }
    return [
        Fact(texts.say(f"mail.facts.{name}"), [value for value in values if value])
        for name, values in facts.items()
        if any(values)
    ]


def _names(context: Context, names: Sequence[str]) -> Markup:
    return context.texts.listed([shown(name, LONGEST_NAME) for name in names], _NAMES)


def _rest(context: Context, mailbox: Mailbox) -> Markup:
    left_out = len(mailbox.get("subjects", [])) - _SUBJECTS
    return context.texts.count("left_out", left_out) if left_out > 0 else Markup("")


def _actor(context: Context, actor: Actor) -> Markup:
    texts = context.texts
    parts = [shown(actor["ip"], LONGEST_NAME), shown(actor["agent"], LONGEST_NAME)]
    who = texts.say("list.comma").join(part for part in parts if part) or texts.say("mail.actor_unknown")
    return texts.say("mail.actor", who=who, why=context.sentence(actor["why"]))
