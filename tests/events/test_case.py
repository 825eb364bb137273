from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from brokenseal.errors import CaseError
from brokenseal.events import Case, EventStore, Source, ingest
from brokenseal.evidence import collect
from brokenseal.parsers import Settings

HEADER = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2021-03-01 00:00:00\n"
FIELDS = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip sc-status\n"


def write_log(path: Path, rows: int, address: str = "198.51.100.7") -> None:
    lines = [f"2021-03-01 00:{n // 60:02}:{n % 60:02} 192.0.2.1 GET /owa/ - 443 {address} 200\n" for n in range(rows)]
    path.write_text(HEADER + FIELDS + "".join(lines), "ascii")


def read_into(case: Case, folder: Path) -> None:
    ingest(case, collect([folder]).files, Settings(), None, jobs=2)


def rows_in(case: Case) -> int:
    store = EventStore(case, threads=1)
    try:
        relation = store.events("iis")
        return 0 if relation is None else store.engine.query(f"SELECT count(*) AS n FROM {relation}")["n"][0].as_py()
    finally:
        store.close()


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    write_log(folder / "u_ex210301.log", 10)
    write_log(folder / "u_ex210302.log", 20, "198.51.100.8")
    return folder


def test_a_second_scan_reads_only_what_is_new_or_changed(evidence: Path, tmp_path: Path) -> None:
    with Case(tmp_path / "case") as case:
        read_into(case, evidence)
        before = {source.name: source.id for source in case.sources.values()}
    write_log(evidence / "u_ex210302.log", 25, "198.51.100.8")
    write_log(evidence / "u_ex210303.log", 5, "198.51.100.9")
    with Case(tmp_path / "case") as case:
        read_into(case, evidence)
        after = {source.name: source.id for source in case.sources.values()}
        assert rows_in(case) == 10 + 25 + 5
    assert after["u_ex210301.log"] == before["u_ex210301.log"]
    assert after["u_ex210302.log"] != before["u_ex210302.log"]


def test_the_same_content_twice_counts_once(evidence: Path, tmp_path: Path) -> None:
    (evidence / "copy.log").write_bytes((evidence / "u_ex210301.log").read_bytes())
    with Case(tmp_path / "case") as case:
        read_into(case, evidence)
        store = EventStore(case, threads=1)
        names = {case_source.id: case_source.name for case_source in case.sources.values()}
        assert {names[number]: kept for number, kept in store.duplicates.items()} == {"u_ex210301.log": "copy.log"}
        store.close()
        assert rows_in(case) == 30


def test_a_part_that_the_journal_does_not_name_is_removed_and_its_file_read_again(
    evidence: Path, tmp_path: Path
) -> None:
    with Case(tmp_path / "case") as case:
        read_into(case, evidence)
        journal = case.journal_path
    # As if the process had been killed after writing its parts and half of its journal line.
    journal.write_bytes(journal.read_bytes()[:-30])
    with Case(tmp_path / "case") as case:
        assert case.sources == {}
        assert list((tmp_path / "case").rglob("*.parquet")) == []
        read_into(case, evidence)
        assert rows_in(case) == 30


def test_a_scan_that_is_killed_leaves_a_case_that_the_next_one_completes(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for number in range(6):
        write_log(folder / f"u_ex21030{number}.log", 100, f"198.51.100.{number}")
    program = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from brokenseal.events import Case, ingest
        from brokenseal.evidence import collect
        from brokenseal.parsers import Settings

        module = sys.modules["brokenseal.events.ingest"]
        module.TASK_FILES = 1
        real = module.read_file
        count = 0

        def read_then_die(*arguments):
            global count
            count += 1
            real(*arguments)
            if count == 4:
                os._exit(9)

        module.read_file = read_then_die
        ingest(Case(Path(sys.argv[2])), collect([Path(sys.argv[1])]).files, Settings(), None, jobs=1)
        """
    )
    case_directory = tmp_path / "case"
    killed = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(case_directory)], check=False, env=os.environ
    )
    assert killed.returncode == 9
    with Case(case_directory) as case:
        assert 0 < len(case.sources) < 6
        assert rows_in(case) == 100 * len(case.sources)
        read_into(case, folder)
        assert len(case.sources) == 6
        assert rows_in(case) == 600


def test_a_case_is_used_by_one_scan_at_a_time(tmp_path: Path) -> None:
    with Case(tmp_path / "case"), pytest.raises(CaseError, match="in use"):
        Case(tmp_path / "case")
    Case(tmp_path / "case").close()


def test_a_directory_with_other_things_in_it_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CaseError, match="no brokenseal case"):
        Case(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.txt"]


def test_a_case_of_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(json.dumps({"layout": 999}))
    with pytest.raises(CaseError, match="another version"):
        Case(tmp_path)


def test_a_temporary_case_is_gone_afterwards() -> None:
    with Case(None) as case:
        directory = case.directory
        assert directory.is_dir()
    assert not directory.exists()


def test_a_source_survives_its_journal() -> None:
    source = Source(
        7, "a.log", "/x/a.log", "key", "EX01", "C:/a.log", None, "part", hours={448_000: 3}, hosts={"EX01": 3}
    )
    source.saw_build("EX01", "15.1.2106.2", 1, 2)
    assert Source.from_json(json.loads(json.dumps(source.to_json()))) == source
