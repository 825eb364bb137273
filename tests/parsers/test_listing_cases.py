"""Golden cases of file listings, in the form of ``test_cases.py``: ``listing_cases/<kind>/<case>``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from brokenseal.parsers import Parser, Settings
from brokenseal.parsers.dir_listing import DirListing
from brokenseal.parsers.file_listing_csv import FileListingCsv
from brokenseal.parsers.file_listing_json import FileListingJson
from brokenseal.parsers.mft import Mft
from brokenseal.parsers.mftecmd_csv import MftecmdCsv
from brokenseal.parsers.whole_file import read_log

CASES = Path(__file__).parent / "listing_cases"
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/expected.jsonl"))
PARSERS: dict[str, type[Parser]] = {
    parser.kind: parser for parser in (DirListing, FileListingCsv, FileListingJson, Mft, MftecmdCsv)
}


@pytest.mark.parametrize("block_bytes", [5, 8 << 20])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_case(folder: Path, block_bytes: int) -> None:
    head, *expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
    (path,) = folder.glob("input.*")
    data = path.read_bytes()
    parser = PARSERS[folder.parent.name]
    text = data[: 64 << 10].decode("utf-8-sig", "backslashreplace")
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert parser.recognise_bytes(data) or parser.recognise_content(text)
        others = [other for other in PARSERS.values() if other is not parser]
        assert not any(other.recognise_bytes(data) or other.recognise_content(text) for other in others)

    reading = read_log(io.BytesIO(data), parser, name=head["file"], settings=Settings(), block_bytes=block_bytes)

    rejects = [{"reject": each.reason, "line": each.line, "offset": each.offset} for each in reading.rejects]
    assert rejects == [row for row in expected if "reject" in row]
    wanted = [row for row in expected if "reject" not in row]
    found: list[dict[str, Any]] = reading.events.to_pylist()
    assert [row["line"] for row in found] == [row["line"] for row in wanted]
    for row, columns in zip(found, wanted, strict=True):
        row["time"] = row["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        given = {name: value for name, value in row.items() if value is not None}
        assert given == columns
    assert dict(reading.warnings) == head["warnings"]
    assert reading.rows_in == len(expected)


@pytest.mark.parametrize("kind", sorted(PARSERS))
def test_every_kind_has_a_parser_file_a_test_file_and_golden_cases(kind: str) -> None:
    import brokenseal.parsers as package

    assert (Path(str(package.__file__)).parent / f"{kind}.py").is_file()
    assert (Path(__file__).parent / f"test_{kind}.py").is_file()
    assert len([folder for folder in FOLDERS if folder.parent.name == kind]) >= 3
