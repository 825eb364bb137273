"""``brokenseal rules show``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.streams import out
from brokenseal.errors import UsageError
from brokenseal.report.text import plain

if TYPE_CHECKING:
    from brokenseal.cli.rules.loading import AnyRule, Loaded

_SHORTEST = 4


def show_rule(
    identity: Annotated[
        str, typer.Argument(metavar="ID", help="The rule's id, or the beginning of it (4 characters or more).")
    ],
    rules: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Look in the Sigma rules in this file or folder too. Can be repeated."),
    ] = None,
) -> int:
    """Show a rule as it is written (Sigma YAML), and the SQL made from it for each kind of log.

    \b
    Example:
      brokenseal rules show 1b860593
    """

    def work() -> int:
        from brokenseal.cli.rules.loading import load, text_of

        loaded = load(rules or [])
        rule = _find(identity, loaded)
        text = text_of(rule, loaded.folders) or ""
        lines = [f"# {rule.path}", *text.splitlines(), *_sql(rule)]
        out("\n".join(plain(line, None) for line in lines))
        return exits.DONE

    return exits.guarded(work, command="brokenseal rules show")


def _sql(rule: AnyRule) -> Iterator[str]:
    from brokenseal.detections.correlation_sql import correlation_sql
    from brokenseal.detections.rules import Rule

    if isinstance(rule, Rule):
        for kind in rule.kinds:
            yield from ("", f"-- condition on the table {kind}", *rule.condition_sql(kind).splitlines())
    else:
        yield from ("", "-- over the events that the rules it names have matched")
        yield from correlation_sql(rule, "events").splitlines()


def _find(identity: str, loaded: Loaded) -> AnyRule:
    wanted = identity.lower()
    found = [rule for _, rule in loaded.rules if rule.id == wanted]
    if not found and len(wanted) >= _SHORTEST:
        found = [rule for _, rule in loaded.rules if rule.id.startswith(wanted)]
    if not found:
        raise UsageError(f"no rule that can run has the id {plain(identity, 80)}; 'brokenseal rules list' lists them")
    if len(found) > 1:
        raise UsageError(f"more than one id begins with {plain(identity, 80)}: {', '.join(rule.id for rule in found)}")
    return found[0]
