"""The decisions of a case as its report carries them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brokenseal.report.html.decided import Decided, Resting
from brokenseal.report.shape import IncidentDocument
from brokenseal.review.case_review import finding_target
from brokenseal.review.decisions import Decisions, Marks
from brokenseal.review.standing import Rest, standing
from brokenseal.review.verdict import known_access, known_grades, reviewed


def decided_in(case: Path, document: IncidentDocument) -> Decided | None:
    """What was decided in the review of the case directory *case*; None where nobody decided anything.

    Raises ``CaseError`` where the file of decisions cannot be read.
    """
    every = Decisions(case).every()
    if not every:
        return None
    marks = Marks([decision for decision in every if decision.active])
    left_out = {one["id"] for one in document["findings"] if marks.false_positive(finding_target(one))}
    verdict = reviewed(document, left_out, known_grades())
    entries = [
        {
            "made_at": decision.made_at,
            "made_by": decision.made_by,
            "kind": decision.kind,
            "about": decision.label,
            "text": decision.value,
            "undone_at": decision.undone_at or "",
        }
        for decision in every
    ]
    found = standing(document, left_out, known_grades(), known_access())
    resting = [
        *_resting("intrusion", found.intrusions),
        *_resting("webshell", [rest for rests in found.webshells for rest in rests]),
        *_resting("mailbox", found.mailboxes),
    ]
    return Decided(verdict.after if verdict.before != verdict.after else None, entries, resting)


def _resting(kind: str, rests: Sequence[Rest]) -> list[Resting]:
    return [Resting(kind, place, rest.marked, rest.left) for place, rest in enumerate(rests) if rest.marked]
