"""What is known of a mailbox beside the numbers: changed settings, what message tracking knows, hints; a sentence each."""

from __future__ import annotations

from markupsafe import Markup

from brokenseal.report.html.clock import read_time
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.shape import Change, Estimate, Hint, Mailbox, Received, TrackedTotal

_NAMES = 12


def change(context: Context, one: Change) -> Markup:
    """What, to whom, when, by whom, from where, and what the log says of it."""
    texts = context.texts
    nothing = Markup("")
    receivers = texts.listed([shown(name, LONGEST_NAME) for name in one["to"]], _NAMES)
    return texts.say(
        "mail.change",
        what=texts.words("settings", one["what"]),
        to=texts.say("mail.change_to", names=receivers) if one["to"] else nothing,
        when=texts.moment(one["when"]),
        by=texts.say("mail.change_by", account=shown(one["by"], LONGEST_NAME)) if one["by"] else nothing,
        where=texts.say("mail.change_from", address=shown(one["from"], LONGEST_NAME)) if one["from"] else nothing,
        detail=shown(one["detail"]),
    )


def from_tracking(context: Context, mailbox: Mailbox) -> list[Markup]:
    """What message tracking adds."""
    received, estimate, tracked = mailbox.get("received"), mailbox.get("estimate"), mailbox.get("tracked_total")
    told = [_received(context, received)] if received else []
    told += [_estimate(context, estimate)] if estimate else []
    return told + ([_tracked(context, tracked)] if tracked else [])


def hint(context: Context, one: Hint) -> Markup:
    texts = context.texts
    hours = f"{one['hours']:g}".replace(".", texts.entries["number.decimal"])
    return texts.say(
        "mail.hint",
        user=shown(one["user"], LONGEST_NAME),
        first=_place(context, one["from"], one["from_place"]),
        left=texts.moment(one["left"]),
        second=_place(context, one["to"], one["to_place"]),
        arrived=texts.moment(one["arrived"]),
        km=texts.number(one["km"]),
        hours=hours,
    )


def about_hints(context: Context) -> Markup:
    """What is said of hints, where there are some."""
    document = context.document
    some = document.get("hints") or any(one.get("hints") for one in document["mailboxes"])
    return context.texts.say("mail.about_hints") if some else Markup("")


def _place(context: Context, address: str, place: str) -> Markup:
    shown_address = shown(address, LONGEST_NAME)
    if not place:
        return shown_address
    return context.texts.say("mail.hint_place", address=shown_address, place=shown(place, LONGEST_NAME))


def _received(context: Context, received: Received) -> Markup:
    texts = context.texts
    first = read_time(received["first"])
    return texts.say(
        "mail.received" if received["complete"] else "mail.received_gaps",
        messages=texts.count("messages", received["messages"]),
        size=texts.size(received["bytes"]),
        first=first.strftime("%Y-%m-%d") if first else texts.moment(received["first"]),
        last=texts.moment(received["last"]),
    )


def _estimate(context: Context, estimate: Estimate) -> Markup:
    texts = context.texts
    return texts.say(
        "mail.estimate",
        messages=texts.count("messages", estimate["messages"]),
        of=texts.number(estimate["of"]),
        mean=texts.size(estimate["message_bytes"]),
    )


def _tracked(context: Context, tracked: TrackedTotal) -> Markup:
    texts = context.texts
    size, first, last, nothing = tracked["bytes"], tracked["first"], tracked["last"], Markup("")
    return texts.say(
        "mail.tracked",
        messages=texts.count("messages", tracked["messages"]),
        sent=texts.count("mail.tracked_sent", tracked["sent"]) if tracked["sent"] else nothing,
        size=texts.say("mail.tracked_size", size=texts.size(size)) if size is not None else nothing,
        senders=texts.count("mail.senders", tracked["senders"]) if tracked["senders"] else nothing,
        when=texts.say("mail.tracked_when", span=texts.span(first, last)) if first else nothing,
    )
