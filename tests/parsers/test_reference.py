"""The page of columns in docs/ is what the parsers say."""

from __future__ import annotations

from pathlib import Path

from brokenseal.parsers import kinds, parser_for
from brokenseal.parsers.reference import reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parsers.md"


def test_the_page_is_up_to_date() -> None:
    made = "python -m brokenseal.parsers.reference > docs/parsers.md"
    assert PAGE.read_text("utf-8") == reference(), f"run: {made}"


def test_every_column_of_every_table_is_explained() -> None:
    sections = reference().split("\n## ")
    assert [section.split("\n")[0] for section in sections[1:]] == [f"`{kind}`" for kind in kinds()]
    for kind, section in zip(kinds(), sections[1:], strict=True):
        for column in (*parser_for(kind).columns, *parser_for(kind).derived):
            (row,) = [line for line in section.split("\n") if line.startswith(f"| `{column.name}` |")]
            assert len(row.replace("\\|", "").strip("|").split("|")) == 3
            assert column.meaning.replace("|", "\\|") in row
