"""Golden cases: ``cases/<kind>/<case>/input.<ext>`` with ``expected.jsonl`` beside it, written from the format's facts.

The first line of an expected file holds the name the input had on its server, settings, and all warnings; then one line an
event (with the columns that matter) or reject. Every event and reject of the input is listed.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from brokenseal.parsers import Settings, identify, kinds, parser_for
from brokenseal.parsers.file_listing import TABLE as LISTING_TABLE
from brokenseal.parsers.whole_file import Reading, read_log

CASES = Path(__file__).parent / "cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/expected.jsonl"))

Row = dict[str, Any]


def case_id(folder: Path) -> str:
    return f"{folder.parent.name}-{folder.name}"


def read_case(folder: Path, block_bytes: int) -> tuple[Row, list[Row], Reading]:
    head, *expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
    (path,) = folder.glob("input.*")
    data = path.read_bytes()
    parser = identify(data[: 64 << 10], head["file"])
    assert parser is not None
    assert parser.kind == folder.parent.name
    settings = Settings(iis_timezone=head.get("iis_timezone", "UTC"))
    return head, expected, read_log(io.BytesIO(data), parser, settings=settings, block_bytes=block_bytes)


def times(events: pa.Table) -> list[str]:
    return [time.isoformat(timespec="milliseconds").replace("+00:00", "Z") for time in events["time"].to_pylist()]


@pytest.mark.parametrize("block_bytes", [5, 8 << 20])
@pytest.mark.parametrize("folder", FOLDERS, ids=case_id)
def test_case(folder: Path, block_bytes: int) -> None:
    head, expected, reading = read_case(folder, block_bytes)

    rejects = [{"reject": each.reason, "line": each.line, "offset": each.offset} for each in reading.rejects]
    assert rejects == [row for row in expected if "reject" in row]

    wanted = [row for row in expected if "reject" not in row]
    found: list[Row] = reading.events.to_pylist()
    for row, time in zip(found, times(reading.events), strict=True):
        row["time"] = time
    assert [row["line"] for row in found] == [row["line"] for row in wanted]
    for row, columns in zip(found, wanted, strict=True):
        assert {name: row[name] for name in columns} == columns

    assert dict(reading.warnings) == head["warnings"]
    assert reading.rows_in == len(expected)


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_has_a_parser_file_a_test_file_and_golden_cases(kind: str) -> None:
    import brokenseal.parsers as package

    parsers = Path(str(package.__file__)).parent
    assert (parsers / f"{kind}.py").is_file()
    assert (Path(__file__).parent / f"test_{kind}.py").is_file()
    folder = {LISTING_TABLE: "listing_cases", "mail_audit": "audit_cases", "directory": "audit_cases"}
    if parser_for(kind).table in folder:
        # What these keep or leave out is said by cases of another form, which a test of their own walks.
        assert len(list((Path(__file__).parent / folder[parser_for(kind).table] / kind).iterdir())) >= 3
        return
    assert len([folder for folder in FOLDERS if folder.parent.name == kind]) >= 3


def test_every_folder_of_cases_is_walked() -> None:
    assert {path.parent for path in CASES.rglob("input.*")} == set(FOLDERS)
    assert {folder.parent.name for folder in FOLDERS} <= set(kinds())
