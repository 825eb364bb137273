"""``brokenseal ledger``: from a case that was scanned; everything else is an error with a way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brokenseal.cli import main

LOG = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
    "2021-03-03 03:00:00 EX01 POST /owa/service.svc anna 203.0.113.7 443 Odd/7 200 5000\n"
)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "u_ex210303.log").write_text(LOG)
    arguments = [
        "scan",
        str(tmp_path / "evidence"),
        "--case",
        str(tmp_path / "case"),
        "--actor-ip",
        "203.0.113.7",
        "-q",
    ]
    assert main(arguments) == 0
    return tmp_path / "case"


def test_the_ledger_of_a_case(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["ledger", str(case)]) == 0
    out = capsys.readouterr().out
    assert "anna" in out
    assert "signed in as a user" in out
    assert main(["ledger", str(case), "-f", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("anna,")
    assert main(["ledger", str(case), "--notify"]) == 0
    assert "anna,2021-03-03 03:00:00" in capsys.readouterr().out
    assert main(["ledger", str(case), "-f", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"mailboxes", "changes", "hints", "outflow", "actors"}
    assert found["mailboxes"][0]["bytes_at_least"] == 5000


def test_without_a_result_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", str(tmp_path)]) == 2
    assert "brokenseal scan" in capsys.readouterr().err


def test_a_result_that_was_changed_is_none(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = case / "results" / "incident.json"
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    assert main(["ledger", str(case)]) == 2
    assert "no result" in capsys.readouterr().err
