"""``brokenseal rules list``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.streams import out
from brokenseal.report.text import plain

_HEADINGS = ("ID", "LEVEL", "OUTCOME", "CAMPAIGN", "KINDS", "TITLE")


def list_rules(
    rules: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="List the Sigma rules in this file or folder too. Can be repeated."),
    ] = None,
) -> int:
    """List the rules: one line each, with the kinds of log they run on.

    \b
    Example:
      brokenseal rules list --rules my-rules/
    """

    def work() -> int:
        from brokenseal.cli.rules.loading import load

        rows = [list(_HEADINGS)]
        for campaign, rule in load(rules or []).rules:
            cells = (rule.id, rule.level, rule.outcome or "-", campaign, ",".join(rule.kinds), rule.title)
            rows.append([plain(cell) for cell in cells])
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
        lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
        out("\n".join(lines))
        return exits.DONE

    return exits.guarded(work, command="brokenseal rules list")
