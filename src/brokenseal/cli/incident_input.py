"""The incident document that a command is to work on: of a case, or in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from brokenseal.cli.streams import say
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.incident.findings import Key
    from brokenseal.report.shape import IncidentDocument

#: ``--redact`` of the commands that give the incident to others.
Redact = Annotated[
    str | None,
    typer.Option(
        metavar="WHAT",
        help="Replace names by pseudonyms, the same as in the report of the case: users, subjects, or both with a comma "
        "between.",
    ),
]

#: ``--decided`` of the commands that give the incident to others.
DecidedOnly = Annotated[
    bool,
    typer.Option(
        "--decided",
        help="Leave out the findings that were marked as false positives in the review: the case is judged again without "
        "them.",
    ),
]

_MAJOR = "1."
_PROBLEMS = 3


def incident_at(path: Path) -> IncidentDocument:
    """The document of the case directory *path*, or of the JSON file *path* (of ``scan --json``).

    Raises ``UsageError`` when there is none, or one that is not valid or not of this version.
    """
    return incident_of_case(path) if path.is_dir() else incident_of_file(path)


def incident_of_case(case: Path) -> IncidentDocument:
    """The document of the case directory *case*. Raises ``UsageError``, see :func:`incident_at`."""
    return _of_this_version(_of_case(case), case)


def incident_of_file(file: Path) -> IncidentDocument:
    """The document in the JSON file *file*. Raises ``UsageError``, see :func:`incident_at`."""
    document = _of_this_version(_of_file(file), file)
    _validate(document, file)
    return document


def _of_this_version(document: dict[str, object], path: Path) -> IncidentDocument:
    version = document.get("schema_version")
    if not isinstance(version, str) or not version.startswith(_MAJOR):
        raise UsageError(f"{plain(path, None)} holds a document of schema {plain(version, 20)}; this version reads 1.")
    return cast("IncidentDocument", document)


def incident_to_give(path: Path, redact: str | None, *, decided: bool, what: str) -> IncidentDocument:
    """What a command gives to others: the document of *path* (see :func:`incident_at`), with *decided* that without findings
    marked as false positives, and without names where *redact* says so. *what*: of what is said that it has them still.

    Raises ``UsageError``, also where the case cannot be judged again.
    """
    from brokenseal.report.redaction import Redaction, parse_kinds

    kinds = parse_kinds(redact) if redact is not None else frozenset()
    document = incident_at(path)
    given = document
    if decided:
        given = without_marked(path, document)
    elif marked := _marked(path, document):
        count = _counted(marked)
        say(
            f"{count} marked as false positive in the review; {what} of the scan, with them. --decided leaves them out."
        )
    if not kinds:
        return given
    redaction = Redaction(document, kinds)
    return redaction.document() if given is document else redaction.of(given)


def without_marked(path: Path, document: IncidentDocument) -> IncidentDocument:
    """*document*, that of the case *path*, judged again where findings of it are marked as false positives; else itself.

    Raises ``UsageError`` where *path* is no directory or the case cannot be judged again.
    """
    if not path.is_dir():
        raise UsageError("--decided needs the directory of a case: the decisions of a review are kept there.")
    marked = _marked(path, document)
    if not marked:
        return document
    from brokenseal.review.judged import judged_without

    say(f"{_counted(marked)} left out; judging the case again without them ...")
    judged = judged_without(path, marked)
    if judged.document is None:
        raise UsageError(f"--decided: {plain(judged.why_not)}.")
    return judged.document


def _marked(path: Path, document: IncidentDocument) -> Collection[Key]:
    if not (path / "review.sqlite").exists():
        return ()
    from brokenseal.review.judged import marked_in

    return marked_in(path, document)


def _counted(marked: Collection[Key]) -> str:
    return "one finding is" if len(marked) == 1 else f"{len(marked):,} findings are"


def refuse_output_in_evidence(output: Path, given: Path) -> None:
    """Raises ``UsageError`` when *output* is the file *given*, or lies in the case *given* or in its evidence."""
    from brokenseal.errors import OutputInsideEvidence
    from brokenseal.evidence import refuse_output_inside

    try:
        refuse_output_inside(output, [given])
    except OutputInsideEvidence as error:
        raise UsageError(f"{plain(output, None)} lies in {plain(given, None)}; name another place.") from error
    if given.is_dir():
        from brokenseal.incident.custody import evidence_places

        refuse_output_inside(output, evidence_places(given))


def _of_case(case: Path) -> dict[str, object]:
    from brokenseal.incident.kept_results import latest

    document = latest(case)
    if document is None:
        raise UsageError(
            f"{plain(case, None)} holds no result of a scan, or one that was changed: "
            "run 'brokenseal scan EVIDENCE --case' first."
        )
    return document


def _of_file(file: Path) -> dict[str, object]:
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {plain(file, None)}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{plain(file, None)} is not JSON.") from error
    if not isinstance(document, dict):
        raise UsageError(f"{plain(file, None)} is no incident document.")
    return document


def _validate(document: IncidentDocument, file: Path) -> None:
    from brokenseal.report.document import validate

    problems = validate(document)
    if problems:
        more = f" (and {len(problems) - _PROBLEMS} more)" if len(problems) > _PROBLEMS else ""
        raise UsageError(f"{plain(file, None)} is no valid incident document: {' '.join(problems[:_PROBLEMS])}{more}")
