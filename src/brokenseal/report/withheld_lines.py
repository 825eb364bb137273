"""Raw lines that a document without subjects cannot have: in a line a subject stands as the log spells it."""

from __future__ import annotations

from brokenseal.incident.subject_logs import WITH_SUBJECTS
from brokenseal.report.shape import IncidentDocument


def names_subjects(document: IncidentDocument) -> bool:
    """Whether the scan was asked for subjects and all else that tells of single messages."""
    return bool(document.get("scope", {}).get("subjects"))


def without_subjects(document: IncidentDocument) -> IncidentDocument:
    """A copy without the raw lines that can hold subjects; they count as withheld."""
    cited = document.get("cited")
    if cited is None:
        return document
    kinds = {one["file"]: one["kind"] for one in document["evidence"]}
    kept = [line for line in cited["lines"] if kinds.get(line["file"]) not in WITH_SUBJECTS]
    withheld = cited["withheld"] + len(cited["lines"]) - len(kept)
    return {**document, "cited": {**cited, "lines": kept, "withheld": withheld}}
