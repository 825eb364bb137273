"""The story of each intrusion in plain sentences: how they came in, what they did, what they left, whose mail they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.clock import same_second
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, file_name, shown
from brokenseal.report.html.stages import CHAPTERS, Stage, findings_of, stages
from brokenseal.report.shape import Intrusion, Mailbox, WebShell
from brokenseal.report.wording import SETTINGS_CHANGED

_INTRUSIONS = 10
_EVENTS = 40
_ADDRESSES, _NAMES = 12, 12


@dataclass(frozen=True, slots=True)
class Event:
    """One sentence of the story; ``time`` sorts, ``when`` is shown."""

    time: str
    when: Markup
    sentence: Markup
    proof: Markup


@dataclass(frozen=True, slots=True)
class Chapter:
    title: Markup
    events: Sequence[Event]
    empty: Markup
    more: Markup


@dataclass(frozen=True, slots=True)
class Story:
    title: Markup
    opening: Markup
    flaws: Sequence[Markup]
    techniques: Sequence[Markup]
    chapters: Sequence[Chapter]
    supporting: Markup


@dataclass(frozen=True, slots=True)
class Stories:
    """``none`` says that there is no intrusion, ``more`` how many are left out; each empty where it does not hold."""

    stories: Sequence[Story]
    none: Markup
    more: Markup


def view(context: Context) -> Stories:
    texts, document = context.texts, context.document
    intrusions = document["intrusions"]
    none = Markup("")
    if not intrusions:
        unsure = document["verdict"] == "cannot_tell"
        none = texts.say("story.none_unsure" if unsure else "story.none")
    left_out = len(intrusions) - _INTRUSIONS
    more = texts.count("story.more_intrusions", left_out) if left_out > 0 else Markup("")
    return Stories([_story(context, intrusion) for intrusion in intrusions[:_INTRUSIONS]], none, more)


def _story(context: Context, intrusion: Intrusion) -> Story:
    texts = context.texts
    every = findings_of(context, intrusion)
    found = stages(context, every)
    events: dict[str, list[Event]] = {chapter: [] for chapter in CHAPTERS}
    for stage in found:
        events[stage.chapter].append(_stage_event(context, stage, intrusion))
    events["left"] += [_shell(context, shell) for shell in intrusion["webshells"]]
    events["mail"] += _mail(context, intrusion)
    supporting = [finding["id"] for finding in every if not finding.get("stage")]
    return Story(
        title=texts.say("story.intrusion", id=shown(intrusion["id"], LONGEST_NAME)),
        opening=_opening(context, intrusion),
        flaws=[
            texts.say(
                "story.flaw",
                flaw=shown(flaw["id"], LONGEST_NAME),
                outcome=texts.words("outcomes", flaw["outcome"]),
                findings=context.finding_list(flaw["findings"]),
            )
            for flaw in intrusion["cves"][:_NAMES]
        ],
        techniques=[
            Markup("{} {}").format(shown(one["id"], 20), shown(one["name"])) for one in intrusion["techniques"][:60]
        ],
        chapters=[_chapter(context, name, events[name]) for name in CHAPTERS],
        supporting=texts.say("story.supporting", findings=context.finding_list(supporting, 30))
        if supporting
        else Markup(""),
    )


def _chapter(context: Context, name: str, events: list[Event]) -> Chapter:
    texts = context.texts
    ordered = sorted(events, key=lambda event: event.time or "~")
    left_out = len(ordered) - _EVENTS
    return Chapter(
        title=texts.say(f"story.chapters.{name}.title"),
        events=ordered[:_EVENTS],
        empty=texts.say(f"story.chapters.{name}.empty"),
        more=texts.count("left_out", left_out) if left_out > 0 else Markup(""),
    )


def _opening(context: Context, intrusion: Intrusion) -> Markup:
    texts = context.texts
    addresses = [shown(address, LONGEST_NAME) for address in intrusion["source_ips"]]
    hosts = texts.listed([shown(host, LONGEST_NAME) for host in intrusion["hosts"]], _NAMES)
    came = (
        texts.say("story.from", addresses=texts.listed(addresses, _ADDRESSES))
        if addresses
        else texts.say("story.from_unknown")
    )
    first, last = intrusion["first_seen"], intrusion["last_seen"]
    when = (
        texts.say("story.when_once", hosts=hosts, time=texts.moment(first))
        if same_second(first, last)
        else texts.say("story.when", hosts=hosts, span=texts.span(first, last))
    )
    reached = intrusion.get("stage_title") or intrusion["stage"]
    farthest = texts.say("story.reached", stage=shown(reached)) if reached else Markup("")
    return Markup(" ").join(part for part in (came, when, farthest) if part)


def _stage_event(context: Context, stage: Stage, intrusion: Intrusion) -> Event:
    texts = context.texts
    hosts = list(dict.fromkeys(finding["host"] for finding in stage.findings if finding["host"]))
    sentence = stage.sentence
    if hosts and len(intrusion["hosts"]) > 1:
        sentence = texts.say(
            "story.on_hosts", sentence=sentence, hosts=texts.listed([shown(host, LONGEST_NAME) for host in hosts], 6)
        )
    entries = texts.count("story.entries", stage.entries)
    until = _until(context, stage.first, stage.last)
    sentence = texts.say("story.event", sentence=sentence, entries=entries, until=until)
    return Event(
        stage.first or "",
        texts.moment(stage.first),
        sentence,
        context.finding_list([one["id"] for one in stage.findings]),
    )


def _until(context: Context, first: str | None, last: str | None) -> Markup:
    if not last or same_second(first, last):
        return Markup("")
    return context.texts.say("story.until", last=context.texts.moment(last))


def _shell(context: Context, shell: WebShell) -> Event:
    texts = context.texts
    planted = shell.get("planted")
    time = planted["time"] if planted else shell["first_used"]
    name = file_name(shell["url"] or shell.get("path")) or texts.say("shells.nameless")
    parts = [texts.say("story.shell_came" if planted else "story.shell", name=name)]
    if shell["first_used"]:
        used = texts.span(shell["first_used"], shell["last_used"])
        parts.append(texts.count("story.shell_used", shell["requests"], span=used))
    elif shell["state"] == "never_answered":
        parts.append(texts.count("story.shell_never", shell["requests"]))
    parts.append(texts.words("story.shell_states", shell["state"], Markup("")))
    ids = list(dict.fromkeys([*shell.get("written_by", ()), *shell.get("findings", ())]))
    return Event(
        time or "", texts.moment(time), Markup(" ").join(part for part in parts if part), context.finding_list(ids)
    )


def _mail(context: Context, intrusion: Intrusion) -> Iterator[Event]:
    for number, mailbox in enumerate(context.document["mailboxes"], start=1):
        if mailbox["intrusion"] == intrusion["id"]:
            yield _one_mailbox(context, mailbox, f"mailbox-{number}")


def _one_mailbox(context: Context, mailbox: Mailbox, anchor: str) -> Event:
    texts = context.texts
    whose = shown(mailbox["mailbox"], LONGEST_NAME) or texts.say("mail.unnamed")
    how = texts.words("access", mailbox["access"])
    read = mailbox["access"] != SETTINGS_CHANGED
    sentence = texts.say(
        "story.mailbox" if read else "story.mailbox_changed",
        whose=whose,
        how=how,
        until=_until(context, mailbox["first"], mailbox["last"]),
    )
    items, size = mailbox["items_at_least"], mailbox["bytes_at_least"]
    taken = [texts.count("items", items)] if items else []
    taken += [texts.size(size, exact=False)] if size else []
    if taken:
        sentence = Markup("{} {}").format(sentence, texts.say("story.taken", what=texts.listed(taken)))
    if read and not mailbox["complete"]:
        sentence = Markup("{} {}").format(sentence, texts.say("story.may_be_more"))
    link = Markup('<a href="#{}">{}</a>').format(anchor, texts.say("story.to_ledger"))
    return Event(mailbox["first"], texts.moment(mailbox["first"]), sentence, link)
