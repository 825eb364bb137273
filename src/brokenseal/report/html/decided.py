"""What people decided when they reviewed the case: their marks and false alarms, and the verdict without these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.html.texts import Texts

#: Decisions listed.
MOST = 500


@dataclass(frozen=True, slots=True)
class Decided:
    """``verdict``: the one with decisions, where it differs from the scan's. ``entries``: made_at, made_by, kind (star, tag,
    comment, false_positive), about, text, and undone_at, which is empty for decisions that hold."""

    verdict: str | None
    entries: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class View:
    sentence: Markup
    rows: Sequence[tuple[Markup, Markup, Markup, Markup, Markup, Markup]]
    more: Markup | None


def view(decided: Decided | None, texts: Texts) -> View | None:
    """The section; None where nobody decided anything."""
    if decided is None or not decided.entries:
        return None
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
    return View(texts.say(changed, verdict=verdict), rows, texts.count("decisions.more", left) if left else None)
