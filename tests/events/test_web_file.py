"""Files of web folders in a case: judged by path, as states and not as events, and judged again when the judge changes."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from brokenseal.events import Case, EventStore, ingest, unread_files
from brokenseal.events import web_file as module
from brokenseal.events.sources import WEB_FILE, Source
from brokenseal.events.web_file import Judged
from brokenseal.evidence import collect
from brokenseal.parsers import Settings

IIS = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-uri-stem sc-status\n"
ROW = "2021-03-03 02:11:00 /owa/ 200\n"
WHEN = 1_614_737_460


class Judge:
    """Insists on .aspx, wants everything below 'web', and tells what it was given."""

    def __init__(self, fingerprint: str = "one") -> None:
        self.fingerprint = fingerprint
        self.given: dict[str, tuple[int, int]] = {}
        self.tails: dict[str, bytes] = {}

    def insists(self, windows_path: str) -> bool:
        return windows_path.endswith(".aspx")

    def wants(self, windows_path: str) -> bool:
        return self.insists(windows_path) or "/web/" in f"/{windows_path}"

    def judge(self, windows_path: str, data: bytes, size: int, tail: bytes = b"") -> Judged:
        self.given[windows_path], self.tails[windows_path] = (len(data), size), tail
        return Judged({1: {"score": 7}, 3: {"oddity": "odd"}}, ["part of it was not looked at"])


def read(folder: Path, case: Path, judge: Judge) -> dict[str, Source]:
    inventory = collect([folder])
    with Case(case) as opened:
        ingest(opened, inventory.files, Settings(), None, judge=judge, jobs=1)
        return {source.name: source for source in opened.sources.values()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "evidence"
    for name, text in {
        "page.aspx": IIS + ROW,
        "web/notes.txt": "hello",
        "web/u_ex210303.log": IIS + ROW,
        "else/notes.txt": "hello",
        "web/empty.txt": "",
    }.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (WHEN, WHEN))
    return made


def test_a_page_that_plays_a_log_is_judged_and_a_log_among_pages_is_read(folder: Path, tmp_path: Path) -> None:
    judge = Judge()
    found = read(folder, tmp_path / "case", judge)
    kinds = {name: source.kind for name, source in found.items()}
    assert kinds == {
        "page.aspx": WEB_FILE,
        "web/notes.txt": WEB_FILE,
        "web/u_ex210303.log": "iis",
        "else/notes.txt": "unrecognised",
        "web/empty.txt": WEB_FILE,
    }
    assert judge.given["web\\notes.txt"] == (5, 5)
    page = found["page.aspx"]
    assert page.sha256 == hashlib.sha256((IIS + ROW).encode()).hexdigest()
    assert (page.events, page.first_ms, page.warnings) == (2, None, {"part of it was not looked at": 1})


def test_the_rows_have_hashes_times_and_what_the_judge_says(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path / "case", Judge())
    with Case(tmp_path / "case") as case:
        store = EventStore(case, threads=1, since=datetime(2024, 1, 1, tzinfo=UTC))
        rows = store.engine.query(
            f"SELECT * FROM {store.events(WEB_FILE)} WHERE path = 'web\\notes.txt' ORDER BY line"
        ).to_pylist()
        store.close()
    assert [(row["line"], row["score"], row["oddity"]) for row in rows] == [(1, 7, None), (3, None, "odd")]
    assert rows[0]["md5"] == hashlib.md5(b"hello").hexdigest()
    assert rows[0]["sha1"] == hashlib.sha1(b"hello").hexdigest()
    assert rows[0]["time"] == datetime.fromtimestamp(WHEN, UTC)
    assert (rows[0]["modified"], rows[0]["modified_zone"]) == ("2021-03-03T02:11:00.000Z", "UTC")


def test_only_both_ends_of_a_huge_file_are_judged_and_all_of_it_hashed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "JUDGED_BYTES", 2)
    monkeypatch.setattr(module, "TAIL_BYTES", 2)
    judge = Judge()
    found = read(folder, tmp_path / "case", judge)
    assert judge.given["web\\notes.txt"] == (2, 5)
    assert judge.tails["web\\notes.txt"] == b"lo"
    assert found["web/notes.txt"].sha256 == hashlib.sha256(b"hello").hexdigest()


def test_a_case_reads_files_again_that_another_judge_saw(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path / "case", Judge())
    files = collect([folder]).files
    with Case(tmp_path / "case") as case:
        assert unread_files(case, files, Settings(), Judge()) == []
        again = {file.name for file in unread_files(case, files, Settings(), Judge("two"))}
    assert again == {"page.aspx", "web/notes.txt", "web/u_ex210303.log", "web/empty.txt"}


def test_equal_pages_in_two_places_are_two_files(folder: Path, tmp_path: Path) -> None:
    read(folder, tmp_path / "case", Judge())
    (folder / "web" / "copy.txt").write_text("hello")
    read(folder, tmp_path / "case", Judge())
    with Case(tmp_path / "case") as case:
        store = EventStore(case, threads=1)
        assert store.duplicates == {}
        store.close()
