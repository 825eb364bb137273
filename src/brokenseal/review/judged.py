"""The case judged again without the findings that are marked as false positives, and what that changes in the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from brokenseal.errors import CaseError
from brokenseal.incident.findings import Key
from brokenseal.incident.judged_again import judged_again, key_of
from brokenseal.incident.kept_results import latest_result
from brokenseal.report.html.decided import LedgerChange
from brokenseal.report.shape import IncidentDocument, Mailbox
from brokenseal.review.decisions import Decisions, Marks
from brokenseal.review.opened_case import OpenedCase

_AMOUNTS = ("first", "last", "requests", "items_at_least", "bytes_at_least", "complete")


@dataclass(frozen=True, slots=True)
class Judged:
    """``document``: without the ``left_out`` findings; None where it could not be computed, which ``why_not`` says."""

    left_out: int
    document: IncidentDocument | None
    why_not: str = ""


def marked_keys(document: IncidentDocument, marks: Marks) -> frozenset[Key]:
    """The findings of the document that are marked as false positives."""
    return frozenset(key for one in document["findings"] if marks.false_positive(key := key_of(one)))


def marked_in(case: Path, document: IncidentDocument) -> frozenset[Key]:
    """Those of the case directory *case*. Raises ``CaseError`` where the file of decisions cannot be read."""
    return marked_keys(document, Decisions(case).marks())


def judged_without(case: Path, keys: Collection[Key]) -> Judged:
    """The case directory *case* judged again without the findings *keys*. Takes as long as applying the rules."""
    kept = latest_result(case)
    if kept is None:
        return Judged(len(keys), None, "the result was changed since the scan")
    try:
        with OpenedCase(case) as opened:
            return Judged(len(keys), cast("IncidentDocument", judged_again(opened, kept, keys)))
    except CaseError as error:
        return Judged(len(keys), None, str(error))


def ledger_changes(before: IncidentDocument, after: IncidentDocument) -> list[LedgerChange]:
    """The rows of the ledger whose amounts differ, in the order of the scan; rows that only *after* has come last."""
    left = [(_row_key(row), row) for row in after["mailboxes"]]
    changes = []
    for row in before["mailboxes"]:
        found = next((pair for pair in left if pair[0] == _row_key(row)), None)
        if found is not None:
            left.remove(found)
        again = found[1] if found is not None else None
        if again is None or any(row.get(name) != again.get(name) for name in _AMOUNTS):
            changes.append(LedgerChange(row["mailbox"], row["access"], row, again))
    return [*changes, *(LedgerChange(row["mailbox"], row["access"], None, row) for _, row in left)]


def _row_key(row: Mailbox) -> tuple[str | None, str | None, str]:
    return row["intrusion"], row["mailbox"], row["access"]
