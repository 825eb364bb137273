"""``brokenseal export``: where the file goes, what it is made of, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brokenseal.cli import main

SAMPLE = Path(__file__).parents[1] / "report" / "sample_document.json"
LOG = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
    "2021-03-03 03:00:00 EX01 POST /owa/service.svc anna 203.0.113.7 443 Odd/7 200 5000\n"
)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "u_ex210303.log").write_text(LOG)
    given = [str(tmp_path / "evidence"), "--case", str(tmp_path / "case"), "--actor-ip", "203.0.113.7", "-q"]
    assert main(["scan", *given]) == 0
    return tmp_path / "case"


def test_a_case_and_its_document_give_the_same(
    case: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    capsysbinary.readouterr()
    assert main(["export", str(case), "--to", "jsonl", "--table", "mailboxes"]) == 0
    out = capsysbinary.readouterr().out
    assert json.loads(out)["mailbox"] == "anna"
    copy = tmp_path / "incident.json"
    copy.write_bytes((case / "results" / "incident.json").read_bytes())
    assert main(["export", str(copy), "--to", "jsonl", "--table", "mailboxes", "-o", str(tmp_path / "m.jsonl")]) == 0
    assert (tmp_path / "m.jsonl").read_bytes() == out


def test_all_tables_go_into_a_directory(tmp_path: Path) -> None:
    assert main(["export", str(SAMPLE), "--to", "parquet", "-o", str(tmp_path / "tables")]) == 0
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {f"{name}.parquet" for name in ("findings", "mailboxes", "webshells", "processes", "evidence")}
    assert main(["export", str(SAMPLE), "--to", "stix", "-o", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "bundle.json").read_bytes())["type"] == "bundle"


def test_the_mark_is_that_of_the_option(tmp_path: Path) -> None:
    assert main(["export", str(SAMPLE), "--to", "misp", "--tlp", "red", "-o", str(tmp_path / "event.json")]) == 0
    assert {"name": "tlp:red"} in json.loads((tmp_path / "event.json").read_bytes())["Event"]["Tag"]


def test_what_is_not_in_the_export_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(SAMPLE), "--to", "timesketch", "-o", str(tmp_path / "t.jsonl")]) == 0
    assert "not in the export: 1 lines of evidence without a time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "csv"], "has 5 tables"),
        (["--to", "csv", "--table", "bundle"], "not 'bundle'"),
        (["--to", "excel"], "excel"),
        (["--to", "stix", "--tlp", "purple"], "purple"),
    ],
)
def test_requests_that_cannot_be_carried_out(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(SAMPLE), *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"schema_version": "2.0"}', b"[" * 100_000])
def test_what_is_no_incident_document(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_bytes(content)
    assert main(["export", str(tmp_path / "x.json"), "--to", "stix"]) == 2
    assert capsys.readouterr().out == ""
    assert main(["export", str(tmp_path / "none"), "--to", "stix"]) == 2
    assert main(["export", str(tmp_path), "--to", "stix"]) == 2


def test_nothing_is_written_into_the_evidence_or_the_case(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evidence = case.parent / "evidence"
    for place in (evidence / "x.json", evidence / "u_ex210303.log", case / "x.json", evidence / "new"):
        assert main(["export", str(case), "--to", "csv", "-o", str(place)]) == 2
    assert [path.name for path in evidence.iterdir()] == ["u_ex210303.log"]
    assert (evidence / "u_ex210303.log").read_text() == LOG
    copy = case.parent / "copy.json"
    copy.write_bytes((case / "results" / "incident.json").read_bytes())
    assert main(["export", str(copy), "--to", "stix", "-o", str(copy)]) == 2
    assert "name another place" in capsys.readouterr().err
