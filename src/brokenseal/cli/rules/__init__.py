"""``brokenseal rules``: the Sigma rules that a scan runs."""

from __future__ import annotations

import typer

from brokenseal.cli.help import PlainCommand, PlainGroup
from brokenseal.cli.rules.check import check_rules
from brokenseal.cli.rules.list import list_rules
from brokenseal.cli.rules.show import show_rule

rules = typer.Typer(
    name="rules",
    cls=PlainGroup,
    help="List, show and check the Sigma rules that a scan runs.",
    rich_markup_mode=None,
    add_completion=False,
)
rules.command(name="list", cls=PlainCommand, short_help="List the rules.")(list_rules)
rules.command(name="show", cls=PlainCommand, short_help="Show a rule and the SQL made from it.")(show_rule)
rules.command(name="check", cls=PlainCommand, short_help="Check that every rule can run.")(check_rules)
