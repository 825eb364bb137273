"""Golden cases of audit records and directory exports, in the form of ``test_cases.py``: ``audit_cases/<kind>/<case>``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from brokenseal.parsers import Parser
from brokenseal.parsers.base import identify
from brokenseal.parsers.ldif import Ldif
from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.mailbox_audit_xml import MailboxAuditXml
from brokenseal.parsers.mailbox_list_csv import MailboxListCsv
from brokenseal.parsers.unified_audit_csv import UnifiedAuditCsv
from brokenseal.parsers.unified_audit_json import UnifiedAuditJson
from brokenseal.parsers.whole_file import read_log

CASES = Path(__file__).parent / "audit_cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/expected.jsonl"))
PARSERS: dict[str, type[Parser]] = {
    parser.kind: parser
    for parser in (Ldif, MailboxAuditCsv, MailboxAuditXml, MailboxListCsv, UnifiedAuditCsv, UnifiedAuditJson)
}


@pytest.mark.parametrize("block_bytes", [5, 8 << 20])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case(folder: Path, block_bytes: int) -> None:
    head, *expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
    (path,) = folder.glob("input.*")
    data = path.read_bytes()
    parser = PARSERS[folder.parent.name]
    assert identify(data[: 64 << 10], "unknown") is parser

    reading = read_log(io.BytesIO(data), parser, name=head["file"], block_bytes=block_bytes)

    rejects = [{"reject": each.reason, "line": each.line, "offset": each.offset} for each in reading.rejects]
    assert rejects == [row for row in expected if "reject" in row]
    wanted = [row for row in expected if "reject" not in row]
    found: list[dict[str, Any]] = reading.events.to_pylist()
    assert [row["line"] for row in found] == [row["line"] for row in wanted]
    for row, columns in zip(found, wanted, strict=True):
        row["time"] = row["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert {name: row[name] for name in columns} == columns
    assert dict(reading.warnings) == head["warnings"]
    assert reading.rows_in == len(expected)


@pytest.mark.parametrize("kind", sorted(PARSERS))
def test_every_kind_has_a_parser_file_a_test_file_and_golden_cases(kind: str) -> None:
    import brokenseal.parsers as package

    assert (Path(str(package.__file__)).parent / f"{kind}.py").is_file()
    assert (Path(__file__).parent / f"test_{kind}.py").is_file()
    assert len([folder for folder in FOLDERS if folder.parent.name == kind]) >= 3
