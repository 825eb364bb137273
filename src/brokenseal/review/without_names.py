"""Exports of the review without names: the pseudonyms are those of the report; names that it does not have get the next."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.requests import Request

from brokenseal.errors import UsageError
from brokenseal.incident.subject_logs import WITH_SUBJECTS
from brokenseal.report.redaction import Redaction, parse_kinds
from brokenseal.report.shape import IncidentDocument
from brokenseal.review.case_review import CaseReview

#: Accounts and mailboxes, those with most events first, that get the same pseudonym in every export of the case.
MOST_NAMES = 50_000
WITHHELD = "(left out: it can hold subjects of messages)"

Record = dict[str, object]


def asked_kinds(request: Request) -> frozenset[str]:
    """What ``redact`` of the address names; empty without it. Raises ``UsageError`` for anything else."""
    asked = request.query_params.get("redact", "")
    if not asked:
        return frozenset()
    try:
        return parse_kinds(asked)
    except UsageError as error:
        raise UsageError(
            "redact: names are left out of users, of subjects, or of both with a comma between."
        ) from error


def without_names(review: CaseReview, document: IncidentDocument, kinds: Collection[str]) -> IncidentDocument:
    """The review's document, or one judged again, without names of these kinds."""
    if not kinds:
        return document
    redaction = Redaction(review.document, kinds)
    return redaction.document() if document is review.document else redaction.of(document)


def attachment(name: str, ending: str, kinds: Collection[str]) -> dict[str, str]:
    """The header that names the file: one without names says so."""
    without = "-without-names" if kinds else ""
    return {"Content-Disposition": f'attachment; filename="{name}{without}.{ending}"'}


class EventRedaction:
    """Takes the names out of records of the timeline (see :mod:`brokenseal.review.export`), portion by portion."""

    def __init__(self, review: CaseReview, kinds: frozenset[str]) -> None:
        self._redaction = Redaction(review.document, kinds)
        self._redaction.accounts(review.timeline.names(MOST_NAMES))

    def __call__(self, records: Sequence[Record]) -> list[Record]:
        free = [str(value) for record in records for name in ("text", "file") if (value := record[name])]
        written = [str(text) for record in records for name in ("tags", "comments") for text in _texts(record[name])]
        self._redaction.accounts(
            dict.fromkeys(
                str(value) for record in records for name in ("account", "mailbox") if (value := record[name])
            )
        )
        self._redaction.also((), dict.fromkeys([*free, *written]))
        return [self._redacted(record) for record in records]

    def _redacted(self, record: Record) -> Record:
        text = str(record["text"])
        if self._redaction.without_subjects and record["kind"] in WITH_SUBJECTS:
            text = WITHHELD
        found = dict(record)
        for name in ("account", "mailbox"):
            if record[name]:
                found[name], text = self._redaction.account(str(record[name]), text)
        found["text"] = self._redaction.text(text)
        found["file"] = self._redaction.text(str(record["file"]))
        for name in ("tags", "comments"):
            found[name] = [self._redaction.text(one) for one in _texts(record[name])]
        return found


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
