"""``brokenseal simulate``: logs and web folders of an attack that did not happen, for exercises and tests."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.streams import out
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

_COMMAND = "brokenseal simulate"


def simulate(
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A folder that is empty or does not exist yet.")],
    scenario: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What happens: quiet, probed, failed, hafnium (the whole chain, mail of two users read, a"
            " third mailbox exported), mail-only (no web shell), oab-write (a web shell over CVE-2021-26858), host-only"
            " (only Windows event logs are left), quiet-shell (a web shell older than the logs), logs-missing,"
            " stolen-session (mail read with stolen passwords, among its owners' own use), cloud-session (the same in"
            " Microsoft 365, with exports of its audit log), forwarded-mail (mail sent on by settings, no mailbox opened).",
        ),
    ],
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same bytes.")] = 2021,
    users: Annotated[int, typer.Option(metavar="N", min=1, help="Users with a mailbox.")] = 8,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Days of logs.")] = 75,
    start: Annotated[str, typer.Option(metavar="DATE", help="The first day.")] = "2021-01-01",
    servers: Annotated[int, typer.Option(metavar="N", min=1, help="Exchange servers.")] = 1,
) -> int:
    """Write the logs and web folders of invented Exchange servers, and the truth about them in truth.json.

    Nothing in them can attack: what stands for a web shell is text that no server could run.

    \b
    Example:
      brokenseal simulate exercise --scenario hafnium
      brokenseal scan exercise/evidence
    """

    def work() -> int:
        from brokenseal.simulate import simulate as write_evidence

        write_evidence(output, scenario, seed=seed, users=users, start=_date(start), days=days, servers=servers)
        evidence, truth = (plain(output / name, None) for name in ("evidence", "truth.json"))
        out(f"The evidence is in {evidence}, what happened in {truth}. Now: brokenseal scan {evidence}")
        return exits.DONE

    return exits.guarded(work, command=_COMMAND, interrupted="The folder is not complete; remove it.")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start: '{plain(text, 60)}' is not a date. Give it as 2021-01-01.") from None
