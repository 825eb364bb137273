"""The same evidence gives the same bytes, however it is laid out and read."""

from __future__ import annotations

import shutil
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.document import dump

Make = Callable[..., tuple[Path, dict[str, Any]]]


@pytest.fixture(scope="module")
def evidence(simulated: Make) -> Path:
    return simulated("hafnium", servers=2)[0]


@pytest.fixture(scope="module")
def reference(evidence: Path) -> bytes:
    return dump(scan([evidence]).document)


@pytest.mark.parametrize("jobs", [1, 3, 8])
def test_whatever_the_number_of_threads(evidence: Path, reference: bytes, jobs: int) -> None:
    assert dump(scan([evidence], jobs=jobs).document) == reference


def test_wherever_the_evidence_lies(evidence: Path, reference: bytes, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a folder" / "évidence"
    shutil.copytree(evidence, elsewhere)
    assert dump(scan([elsewhere]).document) == reference


def test_whatever_the_order_of_the_files(evidence: Path, tmp_path: Path) -> None:
    servers = sorted(evidence.iterdir())
    assert dump(scan(servers).document) == dump(scan(list(reversed(servers))).document)


def test_whatever_the_size_of_the_tasks(evidence: Path, reference: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import brokenseal.events.ingest  # noqa: F401 - the package's attribute of this name is the function

    monkeypatch.setattr(sys.modules["brokenseal.events.ingest"], "TASK_FILES", 3)
    assert dump(scan([evidence]).document) == reference


def test_in_a_case_that_is_scanned_again(evidence: Path, reference: bytes, tmp_path: Path) -> None:
    assert dump(scan([evidence], case=tmp_path / "case").document) == reference
    assert dump(scan([evidence], case=tmp_path / "case").document) == reference


def test_a_zip_of_the_folder_shows_the_same_incident(evidence: Path, tmp_path: Path) -> None:
    archive = tmp_path / "collected.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(evidence.rglob("*")):
            member = zipfile.ZipInfo.from_file(path, path.relative_to(evidence).as_posix())
            member.compress_type = zipfile.ZIP_DEFLATED
            member.extra = ntfs_times(path)
            opened.writestr(member, path.read_bytes() if path.is_file() else b"")
    folder, zipped = scan([evidence]).document, scan([archive]).document
    for part in ("verdict", "summary", "intrusions", "campaigns", "mailboxes"):
        assert _without_evidence(zipped[part]) == _without_evidence(folder[part])


def ntfs_times(path: Path) -> bytes:
    """The extra field in which zip tools keep a file's times in UTC; without it an archive has local times."""
    ticks = path.stat().st_mtime_ns // 100 + 116_444_736_000_000_000
    return struct.pack("<HHIHHQQQ", 0x000A, 32, 0, 1, 24, ticks, ticks, ticks)


def test_scanning_changes_nothing_in_the_evidence(evidence: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in evidence.rglob("*")}
    scan([evidence])
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in evidence.rglob("*")} == before


def _without_evidence(value: Any) -> Any:
    """Names of files differ: those of an archive begin with its name."""
    if isinstance(value, dict):
        return {key: _without_evidence(inner) for key, inner in value.items() if key != "evidence"}
    return [_without_evidence(inner) for inner in value] if isinstance(value, list) else value


def test_a_scan_with_nothing_new_does_no_work_and_one_with_other_options_does(
    evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import brokenseal.incident.scan as module

    first = dump(scan([evidence], case=tmp_path / "case").document)
    calls: list[int] = []
    real = module._scanned

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(module, "_scanned", counted)
    assert dump(scan([evidence], case=tmp_path / "case").document) == first
    assert calls == []
    assert scan([evidence], case=tmp_path / "case", until=datetime(2021, 1, 1, tzinfo=UTC)).verdict == "cannot_tell"
    assert calls == [1]
    assert dump(scan([evidence], case=tmp_path / "case").document) == first
