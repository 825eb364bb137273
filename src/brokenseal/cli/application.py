"""The application: its commands, and how a command line becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Annotated

import typer
from typer.exceptions import TyperException

from brokenseal import __version__
from brokenseal.cli import exits
from brokenseal.cli.baseline import baseline
from brokenseal.cli.export import export
from brokenseal.cli.help import PlainCommand, PlainGroup
from brokenseal.cli.ledger import ledger
from brokenseal.cli.report import report
from brokenseal.cli.review import review
from brokenseal.cli.rules import rules
from brokenseal.cli.scan import scan
from brokenseal.cli.simulate import simulate
from brokenseal.cli.streams import out
from brokenseal.cli.verify import verify
from brokenseal.report.text import plain

NAME = "brokenseal"

app = typer.Typer(
    name=NAME,
    cls=PlainGroup,
    add_completion=False,
    rich_markup_mode=None,  # plain help, and no import of Rich for it
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        out(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Say whether an Exchange server was broken into, how, what was left behind, and whose mail was read.

    It reads copies of the server's logs, offline. Start with 'brokenseal scan FOLDER'.
    """


app.command(cls=PlainCommand, short_help="Read evidence and say the verdict.")(scan)
app.command(cls=PlainCommand, short_help="Say whose mail was read, from a case.")(ledger)
app.command(cls=PlainCommand, short_help="Write the report of a case as one HTML file.")(report)
app.command(cls=PlainCommand, short_help="Show a case as local web pages.")(review)
app.command(cls=PlainCommand, short_help="Write the incident for another tool.")(export)
app.command(cls=PlainCommand, short_help="Verify evidence and results of a case.")(verify)
app.command(cls=PlainCommand, short_help="Write the logs of an invented attack, for exercises.")(simulate)
app.add_typer(rules, name="rules")
app.add_typer(baseline, name="baseline")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line (``sys.argv`` by default) and return its exit code; see ``brokenseal.cli.exits``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return exits.guarded(lambda: _carry_out(given), command=NAME)


def _carry_out(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    if not arguments:
        with redirect_stdout(sys.stderr):
            command.main(["--help"], prog_name=NAME, standalone_mode=False)
        return exits.USAGE
    try:
        code = command.main(arguments, prog_name=NAME, standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message().replace(": Value error, ", ": ")
        return exits.usage_error(plain(message), context.command_path if context is not None else NAME)
    return code if isinstance(code, int) else exits.DONE
