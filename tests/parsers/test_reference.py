"""The page of columns in docs/ is what the parsers say."""

from __future__ import annotations

from pathlib import Path

from brokenseal.parsers import kinds, parser_for, tables
from brokenseal.parsers.base import parser_of_table
from brokenseal.parsers.reference import reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parsers.md"


def test_the_page_is_up_to_date() -> None:
    made = "python -m brokenseal.parsers.reference > docs/parsers.md"
    assert PAGE.read_text("utf-8") == reference(), f"run: {made}"


def test_every_column_of_every_table_is_explained() -> None:
    sections = reference().split("\n## ")
    assert [section.split("\n")[0] for section in sections[1:]] == [f"`{table}`" for table in tables()]
    for table, section in zip(tables(), sections[1:], strict=True):
        parser = parser_of_table(table)
        for column in (*parser.columns, *parser.derived):
            (row,) = [line for line in section.split("\n") if line.startswith(f"| `{column.name}` |")]
            assert len(row.replace("\\|", "").strip("|").split("|")) == 3
            assert column.meaning.replace("|", "\\|") in row


def test_every_format_is_described_once_in_the_section_of_its_table() -> None:
    sections = dict(zip(tables(), reference().split("\n## ")[1:], strict=True))
    for kind in kinds():
        parser = parser_for(kind)
        assert [table for table, section in sections.items() if parser.title().replace("``", "`") in section] == [
            parser.table
        ]
    several = [line for line in sections["windows_event"].split("\n") if line.startswith("### `")]
    assert several == ["### `evtx`", "### `winevent_csv`", "### `winevent_json`"]
