"""The head of the report: the verdict's sentence, what it means, the numbers that matter, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.clock import read_times, written
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.wording import SETTINGS_CHANGED, only_sent_on

_HOSTS, _REASONS = 50, 12
_TONES = {"mail_read": "bad", "breached": "bad", "attempted": "warn", "probed": "warn", "cannot_tell": "unsure"}


@dataclass(frozen=True, slots=True)
class Number:
    """One of the numbers that matter, and the section that tells more."""

    value: Markup
    label: Markup
    target: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A server or a campaign, with its verdict and the reasons."""

    name: Markup
    window: Markup
    verdict: Markup
    tone: str
    reasons: Sequence[Markup]
    more: Markup


@dataclass(frozen=True, slots=True)
class Opening:
    """``said``: whether the sentence begins with the word for the verdict, so that it need not stand above it too."""

    tone: str
    word: Markup
    said: bool
    sentence: Markup
    meaning: Markup
    basis: Markup
    scope: Sequence[Markup]
    numbers: Sequence[Number]
    blind: Markup
    hosts: Sequence[Judged]
    campaigns: Sequence[Judged]
    more_hosts: Markup


def tone(verdict: str) -> str:
    """The colour that repeats what the words say."""
    return _TONES.get(verdict, "good")


def view(context: Context) -> Opening:
    texts, document = context.texts, context.document
    verdict = document["verdict"]
    hosts = document["hosts"]
    left_out = len(hosts) - _HOSTS
    read = [
        one
        for one in document["evidence"]
        if one["kind"] not in ("unrecognised", "refused") and not one.get("duplicate_of")
    ]
    unseen = len(document["not_seen"])
    word = _word(context, verdict)
    return Opening(
        tone=tone(verdict),
        word=word,
        said=document["summary"].casefold().startswith(word.striptags().casefold()),
        sentence=shown(document["summary"]) or texts.say(f"meanings.{verdict}"),
        meaning=texts.words("meanings", _meant(context, verdict), Markup("")),
        basis=texts.say(
            "opening.basis",
            files=texts.count("files", len(read)),
            events=texts.count("events", sum(one["events"] for one in read)),
            rules=texts.count("rules", document["rules"]["loaded"]),
        ),
        scope=_scope(context),
        numbers=_numbers(context),
        blind=texts.count("opening.blind", unseen) if unseen else Markup(""),
        hosts=[_judged(context, one["host"], one["verdict"], one["reasons"], Markup("")) for one in hosts[:_HOSTS]],
        campaigns=[
            _judged(context, one["title"], one["verdict"], one["reasons"], _window(context, one["window"]))
            for one in document["campaigns"][:_HOSTS]
        ],
        more_hosts=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
    )


def _word(context: Context, verdict: str) -> Markup:
    sent_on = verdict == "mail_read" and only_sent_on(context.document)
    return context.texts.words("verdicts", "mail_sent_on" if sent_on else verdict)


def _scope(context: Context) -> list[Markup]:
    texts, scope = context.texts, context.document.get("scope")
    if scope is None:
        return []
    told = []
    if scope["since"]:
        told.append(texts.say("opening.since", time=texts.moment(scope["since"])))
    if scope["until"]:
        told.append(texts.say("opening.until", time=texts.moment(scope["until"])))
    if scope["iis_timezone"] != "UTC":
        told.append(texts.say("opening.timezone", zone=shown(scope["iis_timezone"], LONGEST_NAME)))
    return told


def _meant(context: Context, verdict: str) -> str:
    """What a verdict means hangs on who says so: where only the user names an intruder, nobody need have been inside."""
    intrusions = context.document["intrusions"]
    return "named" if intrusions and all(one.get("named_by") == "user" for one in intrusions) else verdict


def _numbers(context: Context) -> list[Number]:
    texts, document = context.texts, context.document
    intrusions, mailboxes = document["intrusions"], document["mailboxes"]
    numbers = []
    mailboxes = [one for one in mailboxes if one["access"] != SETTINGS_CHANGED]
    if mailboxes:
        named = {one["mailbox"].casefold() for one in mailboxes if one["mailbox"]}
        label = texts.say(f"opening.numbers.{'sent_on' if only_sent_on(document) else 'mailboxes'}")
        numbers.append(Number(Markup(texts.number(len(named))), label, "mailboxes"))
        size = sum(one["bytes_at_least"] or 0 for one in mailboxes)
        if size:
            numbers.append(Number(texts.size(size, exact=False), texts.say("opening.numbers.bytes"), "mailboxes"))
    shells = [shell for one in intrusions for shell in one["webshells"]]
    if shells:
        alive = sum(shell["state"] == "alive" for shell in shells)
        label = texts.count("opening.numbers.shells", len(shells), alive=texts.number(alive))
        numbers.append(Number(Markup(texts.number(len(shells))), label, "shells"))
    seen = read_times(time for one in intrusions for time in (one["first_seen"], one["last_seen"]))
    if seen:
        first, last = min(seen), max(seen)
        lasted = texts.duration(int((last - first).total_seconds()))
        label = texts.say("opening.numbers.lasted", first=f"{first:%Y-%m-%d}", last=f"{last:%Y-%m-%d}")
        if written(first) == written(last):
            lasted, label = Markup(written(first)), texts.say("opening.numbers.once")
        numbers.append(Number(lasted, label, "timeline"))
    return numbers


def _judged(context: Context, name: str, verdict: str, reasons: Sequence[str], window: Markup) -> Judged:
    texts = context.texts
    left_out = len(reasons) - _REASONS
    return Judged(
        name=shown(name, LONGEST_NAME),
        window=window,
        verdict=_word(context, verdict),
        tone=tone(verdict),
        reasons=[context.sentence(reason.removeprefix(f"{name}: ")) for reason in reasons[:_REASONS]],
        more=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
    )


def _window(context: Context, window: object) -> Markup:
    texts = context.texts
    if not isinstance(window, dict) or not (window["from"] or window["to"]):
        return Markup("")
    first, last = (texts.moment(window[end]) if window[end] else texts.say("time.open") for end in ("from", "to"))
    return texts.say("opening.window", first=first, last=last)
