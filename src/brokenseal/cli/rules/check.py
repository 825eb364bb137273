"""``brokenseal rules check``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.streams import out
from brokenseal.report.text import plain
from brokenseal.report.wording import count

# Severity of a problem: the word that is printed, and whether a rule is lost by it.
_SEVERITIES = {
    "error": ("mistake", True),
    "not_run": ("cannot run", True),
    "no_source": ("not run", False),
    "warning": ("warning", False),
}


def check_rules(
    rules: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Check the Sigma rules in this file or folder too. Can be repeated."),
    ] = None,
) -> int:
    """Check that every rule can run, and say what is wrong in which file and line.

    Rules for logs that this version does not read, such as a firewall's, are listed too; they are no mistake.

    \b
    Example:
      brokenseal rules check --rules my-rules/

    \b
    Exit codes:
      0    all rules will run, but those for logs that are not read
      3    a rule is wrong, or cannot run
    """

    def work() -> int:
        from brokenseal.cli.rules.loading import load

        loaded = load(rules or [])
        for severity, (word, _) in _SEVERITIES.items():
            for problem in loaded.problems:
                if problem.severity == severity:
                    where = f"{problem.path}:{problem.line}" if problem.line else problem.path
                    out(f"{plain(where, None)}: {word}: {plain(problem.reason)}")
        number = Counter[str](problem.severity for problem in loaded.problems)
        out(
            f"{count(len(loaded.rules), 'rule')} will run. {count(number['error'], 'mistake')}, "
            f"{number['not_run']:,} more that cannot run, {number['no_source']:,} for logs that this version does not "
            f"read, {count(number['warning'], 'warning')}."
        )
        lost = any(lost and number[severity] for severity, (_, lost) in _SEVERITIES.items())
        return exits.UNREAD if lost else exits.DONE

    return exits.guarded(work, command="brokenseal rules check")
