"""The five tables say the same in CSV, JSON lines and Parquet; and the list of Sigma hits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokenseal.report.exports.tables import TABLES, Table
from brokenseal.report.shape import IncidentDocument


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_all_forms_have_the_same_rows(table: Table, sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    objects = [json.loads(line) for line in exported(sample, "jsonl", table.name).splitlines()]
    cells = list(csv.DictReader(io.StringIO(exported(sample, "csv", table.name).decode("utf-8-sig"), newline="")))
    rows = pq.read_table(pa.BufferReader(exported(sample, "parquet", table.name))).to_pylist()
    assert objects
    assert len(objects) == len(cells) == len(rows)
    for one, cell, row in zip(objects, cells, rows, strict=True):
        assert list(one) == list(cell) == list(row) == list(table.columns)
        for name, kind in table.columns.items():
            assert (one[name] is None) == (row[name] is None)
            if kind == "time" and one[name] is not None:
                assert row[name] == datetime.fromisoformat(one[name]).astimezone(UTC)
                assert cell[name] == one[name]
            elif kind in ("number", "yes_no", "text", "texts"):
                assert row[name] == one[name]


def test_findings_have_a_row_for_each_line_of_evidence(
    sample: IncidentDocument, exported: Callable[..., bytes]
) -> None:
    objects = [json.loads(line) for line in exported(sample, "jsonl", "findings").splitlines()]
    expected = [
        (finding["id"], line["file"], line["line"]) for finding in sample["findings"] for line in finding["evidence"]
    ]
    assert [(one["finding"], one["file"], one["line"]) for one in objects] == expected
    assert objects[0]["intrusion"] == "I1"


def test_text_is_exact_where_the_format_has_types(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    document = json.loads(json.dumps(sample))
    command = "=cmd \x1b[31m \u202e ä \U0001f512"
    document["intrusions"][0]["processes"][0]["command_line"] = command
    assert json.loads(exported(document, "jsonl", "processes").splitlines()[0])["command_line"] == command
    table = pq.read_table(pa.BufferReader(exported(document, "parquet", "processes")))
    assert table.column("command_line")[0].as_py() == command
    cells = list(csv.DictReader(io.StringIO(exported(document, "csv", "processes").decode("utf-8-sig"), newline="")))
    assert cells[0]["command_line"] == "'=cmd \\x1b[31m \\u202e ä \U0001f512"


def test_sigma_hits(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    hits = json.loads(exported(sample, "sigma-hits"))
    assert [(hit["rule"], hit["count"]) for hit in hits] == [
        (finding["rule"], finding["count"]) for finding in sample["findings"]
    ]
    first = sample["findings"][0]
    assert hits[0]["evidence"][0]["line"] == first["evidence"][0]["line"]
    assert (hits[0]["first"], hits[0]["host"], hits[0]["level"]) == (first["time"], first["host"], first["level"])


def test_the_raw_text_of_a_line_stands_in_its_row(sample: IncidentDocument, exported: Callable[..., bytes]) -> None:
    kept = {(line["file"], line["line"]): line["text"] for line in sample["cited"]["lines"]}
    objects = [json.loads(line) for line in exported(sample, "jsonl", "findings").splitlines()]
    assert [one["raw_text"] for one in objects] == [kept.get((one["file"], one["line"])) for one in objects]
    assert sum(one["raw_text"] is not None for one in objects) >= 3
