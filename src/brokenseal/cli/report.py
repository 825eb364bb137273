"""``brokenseal report``: the HTML report of a case that was scanned."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from brokenseal.cli import exits
from brokenseal.cli.incident_input import DecidedOnly, without_marked
from brokenseal.cli.streams import out_bytes
from brokenseal.errors import OutputInsideEvidence, UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.report.html.decided import Decided
    from brokenseal.report.shape import IncidentDocument


def report(
    case: Annotated[
        Path | None, typer.Argument(metavar="CASE", help="The directory that a scan kept with --case.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, not to standard output.")
    ] = None,
    language: Annotated[str, typer.Option("--lang", metavar="LANGUAGE", help="The language of the report: en.")] = "en",
    redact: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="Replace names by pseudonyms such as 'mailbox 1', the same everywhere: users, subjects, or both with "
            "a comma between.",
        ),
    ] = None,
    all_files: Annotated[
        bool,
        typer.Option(
            "--all-files", help="List every file of the evidence, not only those that are cited or could not be read."
        ),
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Name the SHA-256 of this manifest of 'verify', which must be of this result."
        ),
    ] = None,
    decided: DecidedOnly = False,
    json_in: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Report on this incident document (of scan --json) instead of a case."),
    ] = None,
) -> int:
    """Write the report of a case as one HTML file that loads nothing, runs no script and can be printed.

    It is made from the incident document of the last scan into the case; the evidence is not read again. The same
    document gives the same bytes. Decisions of the review are in it; where findings were marked as false positives, the
    case is judged again and the report says what the ledger is without them. With --decided all of it is without them.

    \b
    Examples:
      brokenseal report case-17 -o report.html
      brokenseal report case-17 --redact users -o report-without-names.html
      brokenseal report --json-in incident.json > report.html
    """

    def work() -> int:
        from brokenseal.report.html import parse_kinds, render

        if (case is None) == (json_in is None):
            raise UsageError("name either a CASE or, with --json-in, an incident document.")
        kinds = parse_kinds(redact) if redact is not None else frozenset()
        if output is not None:
            _refuse_output(output, case, json_in)
        if decided and (case is None or manifest is not None):
            raise UsageError(f"--decided needs a CASE; it does not go with {'--manifest' if case else '--json-in'}.")
        document = _of_case(case) if case is not None else _of_file(cast(Path, json_in))
        kept = _document_sha256(case, json_in)
        given = without_marked(case, document) if case is not None and decided else document
        page = render(
            given,
            language=language,
            redacted=kinds,
            names_of=document,
            decided=_decided(case, document, left_out=given is not document),
            all_files=all_files,
            document_sha256=kept if given is document else None,
            manifest_sha256=_manifest(manifest, kept) if manifest is not None else None,
        )
        if output is None:
            out_bytes(page)
            return exits.DONE
        try:
            output.write_bytes(page)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise UsageError(f"cannot write {plain(output, None)}: {error.strerror}") from error
        return exits.DONE

    return exits.guarded(work, command="brokenseal report")


def _decided(case: Path | None, document: IncidentDocument, *, left_out: bool) -> Decided | None:
    """What people decided in the review of the case, which only a case has. ``left_out``: the report is without it."""
    if case is None or not (case / "review.sqlite").exists():
        return None
    from brokenseal.review.for_report import decided_in

    return decided_in(case, document, left_out=left_out)


def _document_sha256(case: Path | None, json_in: Path | None) -> str | None:
    """SHA-256 of the file that holds the document, where it can be known."""
    from brokenseal.incident.kept_results import latest_sha256

    if case is not None:
        return latest_sha256(case)
    # What comes through a pipe cannot be read twice.
    return hashlib.sha256(json_in.read_bytes()).hexdigest() if json_in is not None and json_in.is_file() else None


def _manifest(file: Path, document_sha256: str | None) -> str:
    """SHA-256 of a manifest, which must be of this result. Raises ``UsageError``."""
    from brokenseal.incident.manifest import read_manifest

    if read_manifest(file).get("document_sha256") != document_sha256 or document_sha256 is None:
        raise UsageError(f"--manifest: {plain(file, None)} is of another result.")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _of_case(case: Path) -> IncidentDocument:
    from brokenseal.cli.incident_input import incident_of_case

    if not case.is_dir():
        raise UsageError(f"{plain(case, None)} is not a directory; for an incident document use --json-in.")
    return incident_of_case(case)


def _of_file(file: Path) -> IncidentDocument:
    from brokenseal.cli.incident_input import incident_of_file

    return incident_of_file(file)


def _refuse_output(output: Path, case: Path | None, json_in: Path | None) -> None:
    """The case keeps what a scan reads again, and its journal knows where the evidence lies: neither is written to."""
    from brokenseal.evidence import refuse_output_inside

    kept = case if case is not None else cast(Path, json_in)
    try:
        refuse_output_inside(output, [kept])
    except OutputInsideEvidence as error:
        raise UsageError(f"--output: {plain(output, None)} lies in {plain(kept, None)}; name another place.") from error
    if case is not None and output.exists():
        refuse_output_inside(output, _evidence_files(case))


def _evidence_files(case: Path) -> list[Path]:
    try:
        lines = (case / "journal.jsonl").read_bytes().splitlines()
    except OSError:
        return []
    files: dict[str, None] = {}
    for line in lines:
        try:
            sources = json.loads(line)["sources"]
            files.update(dict.fromkeys(str(source["location"]).partition("!/")[0] for source in sources))
        except (ValueError, KeyError, TypeError):
            continue
    return [Path(file) for file in files]
