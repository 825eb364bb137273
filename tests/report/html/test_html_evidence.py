"""The list of evidence: small cases show every file, big ones what counts and the rest by folders, with a hash to check."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.report.html import render
from brokenseal.report.html.context import FEW_FILES
from brokenseal.report.html.folders import folder_totals, list_hash
from brokenseal.report.shape import EvidenceRecord

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "sample_document.json").read_text(encoding="utf-8"))


def record(name: str, content: bytes | None = b"", **more: Any) -> EvidenceRecord:
    digest = None if content is None else hashlib.sha256(content).hexdigest()
    read: dict[str, Any] = {
        "file": name,
        "sha256": digest,
        "size": len(content or b""),
        "kind": "httpproxy",
        "host": "EX01",
    }
    rest: dict[str, Any] = {
        "host_from": "log",
        "first": None,
        "last": None,
        "events": 2,
        "rejects": 0,
        "reject_reasons": {},
        "warnings": {},
    }
    return cast(EvidenceRecord, {**read, **rest, **more})


def with_files(number: int) -> dict[str, Any]:
    document = copy.deepcopy(SAMPLE)
    document["evidence"] += [record(f"EX01/Logging/{each % 3}/{each:04}.LOG", bytes(each)) for each in range(number)]
    return document


def listed(page: str) -> int:
    return len(re.findall(r'<tr id="file-\d+">', page))


def test_a_small_case_lists_every_file() -> None:
    document = with_files(FEW_FILES - len(SAMPLE["evidence"]))
    page = render(document).decode()
    assert listed(page) == FEW_FILES
    assert "All files by folder" not in page


def test_a_big_case_lists_what_is_cited_or_could_not_be_read_and_counts_the_rest() -> None:
    document = with_files(300)
    document["evidence"][-1] |= {"rejects": 3, "reject_reasons": {"cut": 3}}
    document["evidence"][-2] |= {"kind": "refused", "sha256": None}
    page = render(document).decode()
    names = re.findall(r'<tr id="file-\d+"><th scope="row"><code class="name"><bdi>([^<]+)', page)
    own = {one["file"] for one in SAMPLE["evidence"]}
    assert {document["evidence"][-1]["file"], document["evidence"][-2]["file"]} <= set(names)
    assert set(names) <= own | {document["evidence"][-1]["file"], document["evidence"][-2]["file"]}
    assert f"{len(document['evidence']) - len(names)} more files were read and nothing refers to them." in page
    assert "<bdi>EX01/Logging/1/</bdi>" in page
    assert "brokenseal report CASE --all-files" in page
    assert "brokenseal verify CASE --manifest FILE" in page


def test_all_files_are_listed_when_asked_for() -> None:
    document = with_files(1500)
    page = render(document, all_files=True).decode()
    assert listed(page) == len(document["evidence"])
    assert all(f">{one['sha256']}<" in page for one in document["evidence"] if one["sha256"])


def test_hashes_of_document_and_manifest_stand_where_they_are_known() -> None:
    page = render(SAMPLE, document_sha256="d" * 64, manifest_sha256="e" * 64).decode()
    assert "d" * 64 in page
    assert "e" * 64 in page
    assert "SHA-256 <code>" not in render(SAMPLE).decode()


NAMES = st.lists(
    st.lists(st.sampled_from(["a", "B", "c d", "é", "!"]), min_size=1, max_size=4).map("/".join), max_size=60
)


@settings(max_examples=50)
@given(NAMES, st.integers(1, 10))
def test_each_file_is_in_one_row(names: list[str], most: int) -> None:
    files = [record(name, bytes(place)) for place, name in enumerate(names)]
    rows = folder_totals(files, most)
    assert sum(row.files for row in rows) == len(files) or not files
    assert sum(row.size for row in rows) == sum(one["size"] or 0 for one in files)
    assert len(rows) <= most
    assert [(row.name, row.direct) for row in rows] == sorted({(row.name, row.direct) for row in rows})


def test_the_hash_does_not_depend_on_the_order_and_changes_with_any_file() -> None:
    files = [record("x/a", b"1"), record("x/b", b"2"), record("x/c", None)]
    assert list_hash(files) == list_hash(reversed(files)) == list_hash(files[:2])
    assert list_hash(files) != list_hash([record("x/a", b"1"), record("x/b", b"3")])
    assert list_hash(files) != list_hash([record("x/a", b"1"), record("x/d", b"2")])


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "find", "sort", "xargs", "sha256sum"))), reason="needs coreutils"
)
def test_the_command_of_the_report_gives_the_same_hash(tmp_path: Path) -> None:
    command = re.search(r"<code>(find FOLDER [^<]+)</code>", render(with_files(300)).decode())
    assert command is not None
    contents = {"EX01/Logging/b.LOG": b"1", "EX01/Logging/a B.LOG": b"22", "EX01/Logging/Z/é.LOG": b"", "EX01/x": b"3"}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    line = command[1].replace("FOLDER", "EX01/Logging/")
    told = (
        subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, check=True).stdout.decode().split()[0]
    )
    within = [record(name, content) for name, content in contents.items() if name.startswith("EX01/Logging/")]
    assert list_hash(within) == told
