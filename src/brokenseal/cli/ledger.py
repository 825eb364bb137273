"""``brokenseal ledger``: whose mail was read, from a case that was scanned."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.incident_input import DecidedOnly, Redact, incident_to_give
from brokenseal.cli.streams import Color, deliver, out_bytes, results_console
from brokenseal.errors import UsageError
from brokenseal.report.text import plain


class LedgerFormat(StrEnum):
    """How the ledger is printed."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


def ledger(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The directory that a scan kept with --case.")],
    form: Annotated[
        LedgerFormat,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="text; csv, which spreadsheets open as it is; json: mailboxes, changes, hints, outflow and actors.",
        ),
    ] = LedgerFormat.TEXT,
    notify: Annotated[
        bool,
        typer.Option(
            "--notify", help="Print the list for the privacy officer (CSV): person, period, what, how much, how sure."
        ),
    ] = False,
    redact: Redact = None,
    decided: DecidedOnly = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print all of long lists, and all evidence.")
    ] = False,
    color: Annotated[Color, typer.Option(metavar="WHEN", help="auto, always or never.")] = Color.AUTO,
) -> int:
    """Print the mailbox ledger of a case: whose mail was read, how much at least and at most, and how sure that is.

    The numbers are those of the last scan into the case; with --decided, those without the findings that were marked as
    false positives. Subjects and ids of messages are only there when that scan was asked for them (scan --subjects).

    \b
    Examples:
      brokenseal scan exch01/ --case case-17
      brokenseal ledger case-17
      brokenseal ledger case-17 --notify > whom-to-tell.csv
    """

    def work() -> int:
        from brokenseal.report import mail_ledger

        if not case.is_dir():
            raise UsageError(
                f"{plain(case, None)} is not a directory; name the directory that a scan kept with --case."
            )
        document = incident_to_give(case, redact, decided=decided, what="these numbers are those")
        if notify:
            out_bytes(mail_ledger.notify_csv(document))
        elif form is LedgerFormat.CSV:
            out_bytes(mail_ledger.ledger_csv(document))
        elif form is LedgerFormat.JSON:
            chosen = {key: document.get(key) for key in ("mailboxes", "changes", "hints", "outflow", "actors")}
            out_bytes(json.dumps(chosen, indent=1).encode() + b"\n")
        else:
            console = results_console(color)
            deliver(lambda: mail_ledger.print_ledger(document, console, verbose=verbose))
        return exits.DONE

    return exits.guarded(work, command="brokenseal ledger")
