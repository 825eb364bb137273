"""The decisions of a case as its report carries them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brokenseal.incident.subject_logs import WITH_SUBJECTS
from brokenseal.report.html.decided import Decided, Resting
from brokenseal.report.shape import IncidentDocument
from brokenseal.review.case_review import finding_target
from brokenseal.review.decisions import PARTS_OF_EVENT, Decision, Decisions, Marks
from brokenseal.review.judged import judged_without, ledger_changes, marked_keys
from brokenseal.review.standing import Rest, standing
from brokenseal.review.verdict import known_access, known_grades, reviewed


def decided_in(case: Path, document: IncidentDocument, *, left_out: bool = False) -> Decided | None:
    """What was decided in the review of the case directory *case*; None where nobody decided anything.

    With findings marked as false positives the case is judged again without them, which takes as long as applying the rules;
    not so where they are ``left_out`` of the report.
    Raises ``CaseError`` where the file of decisions cannot be read.
    """
    every = Decisions(case).every()
    if not every:
        return None
    marks = Marks([decision for decision in every if decision.active])
    marked = {one["id"] for one in document["findings"] if marks.false_positive(finding_target(one))}
    verdict = reviewed(document, marked, known_grades())
    entries = [
        {
            "made_at": decision.made_at,
            "made_by": decision.made_by,
            "kind": decision.kind,
            "about": decision.label,
            "text": decision.value,
            "undone_at": decision.undone_at or "",
            "place": place_alone(document, decision),
        }
        for decision in every
    ]
    if left_out:
        return Decided(None, entries, left_out=len(marked), verdict_of_scan=document["verdict"])
    found = standing(document, marked, known_grades(), known_access())
    resting = [
        *_resting("intrusion", found.intrusions),
        *_resting("webshell", [rest for rests in found.webshells for rest in rests]),
        *_resting("mailbox", found.mailboxes),
    ]
    changed = verdict.after if verdict.before != verdict.after else None
    if not marked:
        return Decided(changed, entries, resting)
    judged = judged_without(case, marked_keys(document, marks))
    ledger = None if judged.document is None else ledger_changes(document, judged.document)
    return Decided(changed, entries, resting, ledger, judged.why_not)


def place_alone(document: IncidentDocument, decision: Decision) -> str:
    """File and line of an event whose words can hold the subject of a message; empty for all else."""
    if decision.about != "event" or len(decision.target) != PARTS_OF_EVENT:
        return ""
    file, _, line = decision.target
    kinds = {one["kind"] for one in document["evidence"] if one["file"] == file}
    return f"({file}:{line})" if kinds & set(WITH_SUBJECTS) else ""


def _resting(kind: str, rests: Sequence[Rest]) -> list[Resting]:
    return [Resting(kind, place, rest.marked, rest.left) for place, rest in enumerate(rests) if rest.marked]
