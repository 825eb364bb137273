"""The incident document that a command is to work on: of a case, or in a file of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
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
