from __future__ import annotations

from pathlib import Path

from brokenseal.detections.logsource_reference import BEGIN, END, reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sigma.md"


def test_the_tables_of_the_page_are_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    made = text[text.index(BEGIN) : text.index(END) + len(END)] + "\n"
    assert made == reference()
