"""The decisions of a case as its report carries them."""

from __future__ import annotations

from pathlib import Path

from brokenseal.report.html.decided import Decided
from brokenseal.report.shape import IncidentDocument
from brokenseal.review.case_review import finding_target
from brokenseal.review.decisions import Decisions, Marks
from brokenseal.review.verdict import known_grades, reviewed


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
    return Decided(verdict.after if verdict.before != verdict.after else None, entries)
