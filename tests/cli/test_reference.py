from __future__ import annotations

from pathlib import Path

import pytest

from brokenseal.cli.reference import reference

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == reference(), "run: python -m brokenseal.cli.reference > docs/cli.md"


def test_the_page_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reference()
    monkeypatch.setenv("COLUMNS", "200")
    assert reference() == before


def test_every_command_has_a_section() -> None:
    sections = [line[3:] for line in reference().splitlines() if line.startswith("## brokenseal")]
    assert sections == [
        "brokenseal",
        "brokenseal scan",
        "brokenseal ledger",
        "brokenseal report",
        "brokenseal review",
        "brokenseal export",
        "brokenseal verify",
        "brokenseal simulate",
        "brokenseal rules",
        "brokenseal rules list",
        "brokenseal rules show",
        "brokenseal rules check",
        "brokenseal baseline",
        "brokenseal baseline make",
        "brokenseal baseline diff",
    ]
