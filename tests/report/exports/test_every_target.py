"""What holds for every target: same document, same bytes; any text is data; nothing grows without end."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stix2  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.cli.export import TargetName, Tlp
from brokenseal.report.exports import TARGETS, TLP, Options
from brokenseal.report.shape import IncidentDocument

TABLES = [(name, table) for name, target in TARGETS.items() for table in target.tables]
HOSTILE = [
    '=HYPERLINK("http://x.example")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egpj.exe",
    "<script>alert(1)</script>",
    "a\r\nb,\"c\";'d'|e\x00",
    "\ud800 lone",
    "' OR 1=1] OR [url:value = '",
    "\\'",
]


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, str):
        yield value


def check(target: str, data: bytes) -> None:
    """The bytes can be read as what they should be, and hold nothing that a terminal or a spreadsheet would run."""
    if target == "parquet":
        pq.read_table(pa.BufferReader(data))
        return
    text = data.decode("utf-8-sig")
    if target in ("csv", "iris", "timesketch-csv"):
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert {len(row) for row in rows} == {len(rows[0])}
        cells = [cell for row in rows for cell in row]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "|", "%")) and cell != "+00:00"] == []
        assert all(cell.isprintable() for cell in cells)
        return
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    lines = text.splitlines() if target in ("jsonl", "timesketch") else [text]
    for line in lines:
        # Valid Unicode: a lone surrogate would make another reader refuse the file.
        for one in texts_of(json.loads(line)):
            one.encode("utf-8")


def test_the_command_line_names_the_targets_and_marks() -> None:
    assert [name.value for name in TargetName] == sorted(TARGETS, key=list(TARGETS).index)
    assert tuple(mark.value for mark in Tlp) == TLP


@pytest.mark.parametrize(("target", "table"), TABLES)
def test_the_same_document_gives_the_same_bytes(
    target: str, table: str, sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    first = exported(sample, target, table)
    again = json.loads(json.dumps(sample))
    assert exported(again, target, table) == first
    check(target, first)


@pytest.mark.parametrize(("target", "table"), TABLES)
def test_an_incident_without_anything(
    target: str, table: str, empty: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    check(target, exported(empty, target, table) or b"{}")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("instead", [True, False])
def test_hostile_text_is_text(
    hostile: str,
    instead: bool,
    sample: IncidentDocument,
    exported: Callable[..., bytes],
    changed_texts: Callable[..., IncidentDocument],
) -> None:
    document = changed_texts(sample, lambda text: hostile if instead else hostile + text)
    for target, table in TABLES:
        data = exported(document, target, table)
        check(target, data)
        if target == "stix":
            stix2.parse(data.decode(), allow_custom=False, version="2.1")


@given(poison=st.text(st.characters(exclude_categories=()), min_size=1, max_size=30), first=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_text(
    poison: str,
    first: bool,
    sample: IncidentDocument,
    exported: Callable[..., bytes],
    changed_texts: Callable[..., IncidentDocument],
) -> None:
    document = changed_texts(sample, lambda text: poison + text if first else text + poison)
    for target, table in TABLES:
        check(target, exported(document, target, table))


def test_long_text_is_bounded(
    sample: IncidentDocument, exported: Callable[..., bytes], changed_texts: Callable[..., IncidentDocument]
) -> None:
    document = changed_texts(sample, lambda text: text + "A" * 1_000_000)
    for target, table in TABLES:
        assert len(exported(document, target, table)) < 3_000_000, (target, table)


def test_days_that_do_not_exist_are_no_error(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    document = json.loads(json.dumps(sample).replace("2021-03-03T", "2021-02-31T"))
    for target in ("timesketch", "timesketch-csv", "iris", "navigator", "misp", "parquet", "csv", "jsonl"):
        for table in TARGETS[target].tables:
            check(target, exported(document, target, table))


def test_lines_without_a_time_are_named(sample: IncidentDocument) -> None:
    document = json.loads(json.dumps(sample))
    for finding in document["findings"]:
        finding["time"] = None
        for line in finding["evidence"]:
            line["time"] = None
    lines = sum(max(1, len(finding["evidence"])) for finding in document["findings"])
    for target in ("timesketch", "timesketch-csv", "iris"):
        written = TARGETS[target].tables["timeline"](document, Options())
        assert written.left_out == (f"{lines:,} lines of evidence without a time",)
