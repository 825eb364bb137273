from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from brokenseal.cli import main
from brokenseal.incident.manifest import FORM

SAMPLE = (Path(__file__).parents[1] / "report" / "sample_document.json").read_bytes()


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case with a result, as a scan leaves it."""
    results = tmp_path / "case" / "results"
    results.mkdir(parents=True)
    (results / "incident.json").write_bytes(SAMPLE)
    key = {"key": "k", "document_sha256": hashlib.sha256(SAMPLE).hexdigest(), "unread": []}
    (results / "key.json").write_text(json.dumps(key))
    return tmp_path / "case"


def test_the_page_goes_to_a_file_or_to_standard_output(
    case: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["report", str(case), "-o", str(tmp_path / "report.html")]) == 0
    assert capfdbinary.readouterr() == (b"", b"")
    page = (tmp_path / "report.html").read_bytes()
    assert page.startswith(b"<!DOCTYPE html>\n")
    assert main(["report", str(case)]) == 0
    assert capfdbinary.readouterr().out == page


def test_a_document_alone_gives_the_same_page(case: Path, tmp_path: Path) -> None:
    document = tmp_path / "incident.json"
    document.write_bytes(SAMPLE)
    assert main(["report", str(case), "-o", str(tmp_path / "one.html")]) == 0
    assert main(["report", "--json-in", str(document), "-o", str(tmp_path / "two.html")]) == 0
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_names_are_replaced_when_asked_for(case: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", str(case), "--redact", "users"]) == 0
    page = capfdbinary.readouterr().out
    assert b"mailbox 1" in page
    assert b"alice" not in page


def test_a_changed_result_is_not_reported_on(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (case / "results" / "incident.json").write_bytes(SAMPLE.replace(b"mail_read", b"no_evidence"))
    assert main(["report", str(case)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "or one that was changed: run 'brokenseal scan EVIDENCE --case' first." in err


def test_neither_case_nor_evidence_is_written_to(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "u_ex210303.log"
    log.write_bytes(b"#Software")
    archive = tmp_path / "logs.zip"
    archive.write_bytes(b"PK")
    sources = [{"location": str(log)}, {"location": f"{archive}!/a.log"}]
    (case / "journal.jsonl").write_text(json.dumps({"parts": [], "sources": sources}) + "\nbroken\n")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    for place in (log, archive, case / "report.html", case / "results" / "incident.json"):
        assert main(["report", str(case), "-o", str(place)]) == 2
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
    assert log.read_bytes() == b"#Software"
    assert archive.read_bytes() == b"PK"
    assert (case / "results" / "incident.json").read_bytes() == SAMPLE
    assert "evidence is never written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name either a CASE or, with --json-in, an incident document."),
        (["nowhere"], "nowhere is not a directory"),
        (["--json-in", "nowhere.json"], "cannot read nowhere.json"),
        (["--json-in", "text.json"], "text.json is not JSON."),
        (["--json-in", "list.json"], "list.json is no incident document."),
        (["--json-in", "old.json"], "holds a document of schema 0.9; this version reads 1."),
        (["--json-in", "wrong.json"], "wrong.json is no valid incident document: document: 'generator' is a required"),
        (["--json-in", "good.json", "--redact", "names"], "--redact: 'names' is not one of: users, subjects."),
        (["--json-in", "good.json", "--lang", "xx"], "no texts in the language 'xx'; there are: en."),
        (["--json-in", "good.json", "-o", "nowhere/report.html"], "cannot write nowhere/report.html"),
        (["--json-in", "good.json", "-o", "good.json"], "--output: good.json lies in good.json; name another place."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.json").write_text("<html>")
    Path("list.json").write_text("[]")
    Path("old.json").write_text('{"schema_version": "0.9"}')
    Path("wrong.json").write_text('{"schema_version": "1.2"}')
    Path("good.json").write_bytes(SAMPLE)
    assert main(["report", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err.splitlines()[0]


def test_the_manifest_of_this_result_is_named_and_no_other(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"form": FORM, "document_sha256": hashlib.sha256(SAMPLE).hexdigest()}))
    out = tmp_path / "report.html"
    assert main(["report", str(case), "--manifest", str(manifest), "-o", str(out)]) == 0
    page = out.read_text("utf-8")
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() in page
    assert hashlib.sha256(SAMPLE).hexdigest() in page
    manifest.write_text(json.dumps({"form": FORM, "document_sha256": "0" * 64}))
    assert main(["report", str(case), "--manifest", str(manifest), "-o", str(out)]) == 2
    assert "is of another result" in capsys.readouterr().err
