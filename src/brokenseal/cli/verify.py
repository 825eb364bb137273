"""``brokenseal verify``: are evidence and results still what the case recorded."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from brokenseal.cli import exits
from brokenseal.cli.incident_input import refuse_output_in_evidence
from brokenseal.cli.streams import Color, in_color, out
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.incident.verification import Verification

_SHOWN = 20


def verify(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The directory that a scan kept with --case.")],
    evidence: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="EVIDENCE", help="Where the evidence is now, if it was moved; its files are found by name."
        ),
    ] = None,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Do not compute the results anew, which takes as long as a scan.")
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what was found as a manifest: files, hashes, document, custody."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sign the manifest, or check its signature, with the key in FILE."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with this manifest of an earlier 'verify'.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print all of long lists, and the chain of custody.")
    ] = False,
    color: Annotated[Color, typer.Option(metavar="WHEN", help="auto, always or never.")] = Color.AUTO,
) -> int:
    """Verify that the evidence has the hashes that the case recorded, and that its results follow from it.

    Each file is hashed again, the kept document is compared with its own hash, and the results are computed anew from
    the evidence in a temporary folder: they must be the same bytes. Nothing is written to the case or the evidence.

    \b
    Examples:
      openssl rand -hex 32 > verify.key
      brokenseal verify case-17 --manifest case-17.manifest.json --key verify.key
      brokenseal verify case-17 /mnt/copy --check case-17.manifest.json --key verify.key

    \b
    Exit codes:
      0    all the same
      1    something differs
      2    the command is wrong, or CASE is no case
      3    a file could not be read, or the results could not be computed anew
    """

    def work() -> int:
        from brokenseal.incident import manifest as manifests
        from brokenseal.incident.verification import State
        from brokenseal.incident.verification import verify as verify_case
        from brokenseal.report.progress import ScanProgress

        if key is not None and manifest is None and check is None:
            raise UsageError("--key is for --manifest and --check.")
        secret = manifests.read_key(key) if key is not None else None
        earlier = manifests.read_manifest(check) if check is not None else None
        given = evidence or []
        if manifest is not None:
            _refuse(manifest, case, given)
        with ScanProgress(color=in_color(color, terminal=sys.stderr.isatty())) as progress:
            found = verify_case(case, given, recompute=not hashes_only, progress=progress)
        differences = manifests.differences(earlier, found, secret) if earlier is not None else []
        _print(found, everything=verbose)
        if earlier is not None:
            unsigned = secret is None and "its signature was not checked: no --key"
            told = "differs" if differences else "the same" + (f" ({unsigned})" if unsigned else ", and rightly signed")
            out(f"Manifest   {told}")
            _listed(differences, everything=verbose)
        if manifest is not None:
            content = manifests.manifest(found)
            signed = manifests.signed(content, secret) if secret is not None else content
            _write(manifest, json.dumps(signed, indent=1).encode() + b"\n")
        if found.differs or differences:
            return exits.REACHED
        not_all = found.unread or (found.recomputed is State.NOT_DONE and not hashes_only)
        return exits.UNREAD if not_all else exits.DONE

    return exits.guarded(work, command="brokenseal verify", verbose=verbose)


def _print(found: Verification, *, everything: bool) -> None:
    from brokenseal.incident.verification import State

    counts = [f"{found.count(state):,} {state.value}" for state in State if found.count(state)]
    out(f"Evidence   {', '.join(counts) or 'no file was recorded'}")
    odd = [check for check in found.files if check.state is not State.SAME]
    _listed(
        [f"{check.state.value}: {check.name}" + (f" ({check.detail})" if check.detail else "") for check in odd],
        everything=everything,
    )
    if found.document_sha256 is None:
        out("Document   there is none, or it or its matches were changed since the scan")
    else:
        out(f"Document   as the scan wrote it (SHA-256 {found.document_sha256})")
        if found.matches_sha256 is not None:
            out(f"Matches    as the scan wrote them (SHA-256 {found.matches_sha256})")
    words = {State.SAME: "the same bytes", State.CHANGED: "DIFFER", State.NOT_DONE: "not computed anew"}
    detail = f": {plain(found.recomputed_detail)}" if found.recomputed_detail else ""
    out(f"Results    {words[found.recomputed]}{detail}")
    out(f"Custody    {len(found.custody.entries):,} scans recorded" + _last(found))
    _listed(found.custody.problems, everything=everything)
    for entry in found.custody.entries if everything else ():
        parts = [str(entry.get(name)) for name in ("started", "ended", "user", "host", "version", "command")]
        out(f"  {plain(' | '.join(parts))}")


def _last(found: Verification) -> str:
    if not found.custody.entries:
        return ""
    last = found.custody.entries[-1]
    return (
        f"; the last {plain(last.get('ended'), 40)} by {plain(last.get('user'), 80)} on {plain(last.get('host'), 80)}"
    )


def _listed(sentences: object, *, everything: bool) -> None:
    lines = [str(sentence) for sentence in cast("list[str]", sentences)]
    shown = lines if everything else lines[:_SHOWN]
    for line in shown:
        out(f"  {plain(line, None)}")
    if len(shown) < len(lines):
        out(f"  … and {len(lines) - len(shown):,} more (-v)")


def _refuse(manifest: Path, case: Path, evidence: list[Path]) -> None:
    from brokenseal.evidence import refuse_output_inside

    refuse_output_in_evidence(manifest, case)
    refuse_output_inside(manifest, evidence)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"cannot write {plain(path, None)}: {error.strerror}") from error
