"""Files of web folders as rules see them, and the page that lists the fields."""

from __future__ import annotations

from pathlib import Path

from brokenseal.detections.taxonomy import FieldType, event_kind, kinds_of_logsource, table_of
from brokenseal.detections.web_file_kind import FIELD_NAMES
from brokenseal.detections.web_file_reference import BEGIN, END, reference
from brokenseal.events.sources import WEB_FILE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "webfolders.md"


def test_the_log_source() -> None:
    assert kinds_of_logsource(None, "exchange", "web-file") == (WEB_FILE,)
    assert kinds_of_logsource(None, "exchange", "web_file") == (WEB_FILE,)
    assert table_of(WEB_FILE) == WEB_FILE


def test_every_field_is_found_in_any_spelling() -> None:
    kind = event_kind(WEB_FILE)
    for name in (*FIELD_NAMES, "Own_Name", "TargetFilename", "HOST"):
        assert kind.field(name) is not None, name
    assert kind.field("no such field") is None
    score, path = kind.field("score"), kind.field("targetfilename")
    assert score is not None
    assert score.type is FieldType.INTEGER
    assert path is not None
    assert path.sql == '"path"'


def test_names_are_unique() -> None:
    assert len(set(FIELD_NAMES)) == len(FIELD_NAMES)


def test_the_table_of_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert text[text.index(BEGIN) : text.index(END) + len(END)] + "\n" == reference()
