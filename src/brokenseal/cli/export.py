"""``brokenseal export``: the incident in the form of another tool."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.incident_input import DecidedOnly, Redact, incident_to_give, refuse_output_in_evidence
from brokenseal.cli.streams import out_bytes, say
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.report.exports import Target, Written

_COMMAND = "brokenseal export"


class TargetName(StrEnum):
    """The targets, as ``brokenseal.report.exports.TARGETS`` has them (imported only when one is used)."""

    STIX = "stix"
    MISP = "misp"
    NAVIGATOR = "navigator"
    TIMESKETCH = "timesketch"
    TIMESKETCH_CSV = "timesketch-csv"
    IRIS = "iris"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    SIGMA_HITS = "sigma-hits"


class Tlp(StrEnum):
    """Traffic Light Protocol."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


def export(
    case: Annotated[
        Path,
        typer.Argument(
            metavar="CASE", help="The directory that a scan kept with --case, or an incident document (scan --json)."
        ),
    ],
    to: Annotated[
        TargetName,
        typer.Option("--to", metavar="TARGET", help=f"One of: {', '.join(target.value for target in TargetName)}."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR",
            help="Write to FILE, not to standard output; where the target has several tables, all of them into DIR.",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="One table only. csv, jsonl, parquet: findings, mailboxes, webshells, processes, evidence; "
            "iris: timeline, assets, iocs.",
        ),
    ] = None,
    tlp: Annotated[
        Tlp,
        typer.Option("--tlp", metavar="COLOR", help="Who may get it (stix, misp, iris): clear, green, amber or red."),
    ] = Tlp.AMBER,
    redact: Redact = None,
    decided: DecidedOnly = False,
) -> int:
    """Write the incident in the form of another tool: STIX, MISP, ATT&CK Navigator, Timesketch, DFIR-IRIS, tables.

    Only the incident document is used, so the same document gives the same bytes; it is that of the scan, or with --decided
    the one without findings marked as false positives. Text out of logs is bounded, and
    cells that a spreadsheet would run are defused. What each target holds: docs/exports.md.

    \b
    Examples:
      brokenseal export case-17 --to stix -o incident.stix.json
      brokenseal export case-17 --to csv -o tables/
      brokenseal export incident.json --to jsonl --table findings | jq .title
      brokenseal export case-17 --to misp --redact users,subjects -o for-partners.json
    """

    def work() -> int:
        from brokenseal.report.exports import TARGETS, Options

        target = TARGETS[to.value]
        if table is not None and table not in target.tables:
            raise UsageError(f"--table: {to.value} has {', '.join(target.tables)}, not '{plain(table, 40)}'.")
        names = [table] if table is not None else list(target.tables)
        if output is None and len(names) > 1:
            raise UsageError(f"{to.value} has {len(names)} tables: name a directory with -o, or one with --table.")
        if output is None and target.binary and sys.stdout.isatty():
            raise UsageError(f"{to.value} is not text: name a file with -o.")
        document = incident_to_give(case, redact, decided=decided, what="the export is that")
        if output is not None:
            refuse_output_in_evidence(output, case)
        written = {name: target.tables[name](document, Options(tlp=tlp.value)) for name in names}
        if output is None:
            out_bytes(written[names[0]].data)
        else:
            _write(output, target, written)
        for sentence in dict.fromkeys(sentence for one in written.values() for sentence in one.left_out):
            say(f"not in the export: {sentence}")
        return exits.DONE

    return exits.guarded(work, command=_COMMAND)


def _write(output: Path, target: Target, written: dict[str, Written]) -> None:
    try:
        if len(written) == 1 and not output.is_dir():
            output.write_bytes(next(iter(written.values())).data)
            return
        output.mkdir(exist_ok=True)
        for name, one in written.items():
            (output / f"{name}{target.suffix}").write_bytes(one.data)
    except (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise UsageError(f"cannot write {plain(output, None)}: {error.strerror}") from error
