"""What people decided when they reviewed the case: their marks and false alarms, and the verdict without these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, file_name, shown
from brokenseal.report.html.texts import Texts
from brokenseal.report.redaction import Redaction
from brokenseal.report.shape import Mailbox

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
class LedgerChange:
    """A row of the ledger by the scan (``before``) and without the findings marked as false alarms (``after``); None:
    there is none."""

    mailbox: str | None
    access: str
    before: Mailbox | None
    after: Mailbox | None


@dataclass(frozen=True, slots=True)
class Decided:
    """``verdict``: the one with decisions, where it differs from the scan's. ``entries``: made_at, made_by, kind (star, tag,
    comment, false_positive), about, text, undone_at, which is empty for decisions that hold, and ``place``: what to show for
    ``about`` where subjects are taken out, empty if it has none. ``resting``: what of the result rests on findings that were
    marked as false alarms. ``ledger``: what the ledger says without these; None where that was not computed, for which
    ``why_not`` is the reason, if there are any. ``left_out``: so many findings are left out of the whole report, whose
    verdict was ``verdict_of_scan`` with them."""

    verdict: str | None
    entries: Sequence[Mapping[str, str]]
    resting: Sequence[Resting] = ()
    ledger: Sequence[LedgerChange] | None = None
    why_not: str = ""
    left_out: int = 0
    verdict_of_scan: str = ""

    def redacted(self, redaction: Redaction) -> Decided:
        """Without the names of the reviewers, and of those whom their texts name."""
        entries = self.entries
        if redaction.without_subjects:
            entries = [{**one, "about": one.get("place") or one["about"]} for one in entries]
        redaction.also(
            [entry["made_by"] for entry in entries],
            [entry[name] for entry in entries for name in ("about", "text")],
        )
        free = ("made_by", "about", "text")
        return replace(
            self,
            entries=[{**entry, **{name: redaction.text(entry[name]) for name in free}} for entry in entries],
            ledger=None if self.ledger is None else [_redacted(change, redaction) for change in self.ledger],
        )


@dataclass(frozen=True, slots=True)
class View:
    sentence: Markup
    resting: Sequence[Markup]
    more_resting: Markup | None
    ledger_sentence: Markup
    ledger: Sequence[tuple[Markup, Markup, Markup, Markup]]
    more_ledger: Markup | None
    rows: Sequence[tuple[Markup, Markup, Markup, Markup, Markup, Markup]]
    more: Markup | None


def view(decided: Decided | None, context: Context) -> View | None:
    """The section; None where nobody decided anything."""
    if decided is None or not decided.entries:
        return None
    texts = context.texts
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
    changes = decided.ledger or ()
    return View(
        _verdict(texts, decided),
        resting,
        texts.count("left_out", unsaid) if unsaid else None,
        _ledger_sentence(context, decided),
        [_change(context, one) for one in changes[:MOST]],
        texts.count("left_out", len(changes) - MOST) if len(changes) > MOST else None,
        rows,
        texts.count("decisions.more", left) if left else None,
    )


def _verdict(texts: Texts, decided: Decided) -> Markup:
    if decided.left_out:
        before = texts.say(f"verdicts.{decided.verdict_of_scan}")
        return texts.count("decisions.left_out", decided.left_out, verdict=before)
    if decided.verdict is None:
        return texts.say("decisions.same")
    return texts.say("decisions.changed", verdict=texts.say(f"verdicts.{decided.verdict}"))


def _redacted(change: LedgerChange, redaction: Redaction) -> LedgerChange:
    return replace(change, mailbox=None if change.mailbox is None else redaction.text(change.mailbox))


def _ledger_sentence(context: Context, decided: Decided) -> Markup:
    if decided.ledger is None:
        why = shown(decided.why_not)
        return context.texts.say("decisions.ledger_unknown", why=why) if decided.why_not else Markup("")
    return context.texts.say("decisions.ledger_changed" if decided.ledger else "decisions.ledger_same")


def _change(context: Context, change: LedgerChange) -> tuple[Markup, Markup, Markup, Markup]:
    texts = context.texts
    name = shown(change.mailbox, LONGEST_NAME) or texts.say("mail.unnamed_short")
    way = texts.words("access", change.access, shown(change.access, LONGEST_NAME))
    return name, way, _amounts(texts, change.before), _amounts(texts, change.after)


def _amounts(texts: Texts, row: Mailbox | None) -> Markup:
    if row is None:
        return texts.say("decisions.no_row")
    said = texts.count("decisions.amounts.requests", row["requests"])
    if row["items_at_least"] is not None:
        said = texts.say("decisions.amounts.items", before=said, items=texts.number(row["items_at_least"]))
    if row["bytes_at_least"] is not None:
        said = texts.say("decisions.amounts.size", before=said, size=texts.size(row["bytes_at_least"], exact=False))
    return said


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
