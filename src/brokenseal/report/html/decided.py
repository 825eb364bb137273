"""What people decided when they reviewed the case: their marks and false alarms, and the verdict without these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, file_name, shown
from brokenseal.report.redaction import Redaction

#: Decisions listed.
MOST = 500


@dataclass(frozen=True, slots=True)
class Resting:
    """An intrusion, web shell or mailbox (``kind``) of the document that rests on the findings ``marked`` as false alarms,
    and on ``left`` that were not.

    ``place``: its number in the document's list, from 0; of a web shell, among those of all intrusions together.
    """

    kind: str
    place: int
    marked: Sequence[str]
    left: int


@dataclass(frozen=True, slots=True)
class Decided:
    """``verdict``: the one with decisions, where it differs from the scan's. ``entries``: made_at, made_by, kind (star, tag,
    comment, false_positive), about, text, and undone_at, which is empty for decisions that hold. ``resting``: what of the
    result rests on findings that were marked as false alarms."""

    verdict: str | None
    entries: Sequence[Mapping[str, str]]
    resting: Sequence[Resting] = ()

    def redacted(self, redaction: Redaction) -> Decided:
        """Without the names of the reviewers, and of those whom their texts name."""
        who = [entry["made_by"] for entry in self.entries]
        redaction.also(who, [entry[name] for entry in self.entries for name in ("about", "text")])
        free = ("made_by", "about", "text")
        return Decided(
            self.verdict,
            [{**entry, **{name: redaction.text(entry[name]) for name in free}} for entry in self.entries],
            self.resting,
        )


@dataclass(frozen=True, slots=True)
class View:
    sentence: Markup
    resting: Sequence[Markup]
    more_resting: Markup | None
    rows: Sequence[tuple[Markup, Markup, Markup, Markup, Markup, Markup]]
    more: Markup | None


def view(decided: Decided | None, context: Context) -> View | None:
    """The section; None where nobody decided anything."""
    if decided is None or not decided.entries:
        return None
    texts = context.texts
    changed = "decisions.same" if decided.verdict is None else "decisions.changed"
    verdict = texts.say(f"verdicts.{decided.verdict}") if decided.verdict is not None else Markup("")
    rows = [
        (
            shown(entry["made_at"], LONGEST_NAME),
            shown(entry["made_by"], LONGEST_NAME),
            texts.say(f"decisions.kinds.{entry['kind']}"),
            shown(entry["about"]),
            shown(entry["text"]),
            texts.say("decisions.undone", time=shown(entry["undone_at"], LONGEST_NAME))
            if entry["undone_at"]
            else Markup(""),
        )
        for entry in decided.entries[:MOST]
    ]
    left = len(decided.entries) - len(rows)
    resting = [_resting(context, one) for one in decided.resting[:MOST]]
    unsaid = len(decided.resting) - len(resting)
    return View(
        texts.say(changed, verdict=verdict),
        resting,
        texts.count("left_out", unsaid) if unsaid else None,
        rows,
        texts.count("decisions.more", left) if left else None,
    )


def _resting(context: Context, one: Resting) -> Markup:
    texts, document = context.texts, context.document
    if one.kind == "intrusion":
        name: Markup = shown(document["intrusions"][one.place]["id"], LONGEST_NAME)
    elif one.kind == "webshell":
        shell = [shell for intrusion in document["intrusions"] for shell in intrusion["webshells"]][one.place]
        name = file_name(shell["url"] or shell.get("path")) or texts.say("shells.nameless")
    else:
        name = shown(document["mailboxes"][one.place]["mailbox"], LONGEST_NAME) or texts.say("mail.unnamed_short")
    thing = texts.say(f"decisions.things.{one.kind}", name=name)
    marked = context.finding_list(one.marked)
    if one.left:
        return texts.count("decisions.partly", one.left, thing=thing, findings=marked)
    return texts.count("decisions.falls", len(one.marked), thing=thing, findings=marked)
