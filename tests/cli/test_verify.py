"""``brokenseal verify``: each way in which evidence, document, custody or manifest can differ is found."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from brokenseal import scan
from brokenseal.cli import main
from brokenseal.incident.custody import custody

LOG = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
    "2021-03-0{day} 03:00:00 EX0{host} POST /owa/service.svc anna 203.0.113.7 443 Odd/7 200 5000\n"
)
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """Two loose logs, a log in a zip, and a file that is no log."""
    folder = tmp_path / "evidence"
    (folder / "EX01").mkdir(parents=True)
    (folder / "EX02").mkdir()
    for host in (1, 2):
        (folder / f"EX0{host}" / "u_ex210303.log").write_text(LOG.format(day=3, host=host))
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("EX01/u_ex210304.log", LOG.format(day=4, host=1))
    (folder / "notes.bin").write_bytes(b"\0\1\2")
    return folder


@pytest.fixture
def case(evidence: Path, tmp_path: Path) -> Path:
    scan([evidence], case=tmp_path / "case", actor_ips=["203.0.113.7"])
    return tmp_path / "case"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(KEY + "\n")
    return tmp_path / "key"


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["verify", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out if code not in (2, 70) else captured.err

    return run


Verify = Callable[..., tuple[int, str]]


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_is_the_same_and_nothing_is_written(case: Path, evidence: Path, verify: Verify) -> None:
    before = all_bytes(case), all_bytes(evidence)
    code, said = verify(case)
    assert (code, "4 same" in said, "the same bytes" in said) == (0, True, True)
    assert (all_bytes(case), all_bytes(evidence)) == before


def test_evidence_that_was_moved_is_found_by_name(case: Path, evidence: Path, verify: Verify, tmp_path: Path) -> None:
    shutil.move(evidence, tmp_path / "elsewhere")
    code, said = verify(case)
    assert (code, "4 gone" in said) == (1, True)
    code, said = verify(case, tmp_path / "elsewhere")
    assert (code, "4 same" in said, "the same bytes" in said) == (0, True, True)
    # Another folder above: the names differ, their ends do not.
    (tmp_path / "outer").mkdir()
    shutil.move(tmp_path / "elsewhere", tmp_path / "outer" / "inner")
    code, said = verify(case, tmp_path / "outer", "--hashes-only")
    assert (code, "4 same" in said) == (0, True)


def test_each_difference_is_named(case: Path, evidence: Path, verify: Verify) -> None:
    log = evidence / "EX01" / "u_ex210303.log"
    log.write_text(log.read_text().replace("5000", "5001"))
    (evidence / "EX02" / "u_ex210303.log").unlink()
    (evidence / "new.log").write_text("x\n")
    with zipfile.ZipFile(evidence / "more.zip", "w") as archive:
        archive.writestr("EX01/u_ex210304.log", LOG.format(day=5, host=1))
    code, said = verify(case)
    assert code == 1
    assert "changed: EX01/u_ex210303.log" in said
    assert "gone: EX02/u_ex210303.log" in said
    assert "changed: more.zip!/EX01/u_ex210304.log" in said
    assert "new: new.log" in said
    assert "the evidence is not what it was" in said


def test_a_damaged_member_could_not_be_read(case: Path, evidence: Path, verify: Verify) -> None:
    content = bytearray((evidence / "more.zip").read_bytes())
    at = content.index(b"Odd/7")
    content[at : at + 3] = b"Even"[:3]
    (evidence / "more.zip").write_bytes(content)
    code, said = verify(case)
    assert (code, "unreadable: more.zip!/EX01/u_ex210304.log" in said) == (3, True)


def test_a_document_that_was_changed(case: Path, verify: Verify) -> None:
    path = case / "results" / "incident.json"
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    code, said = verify(case, "--hashes-only")
    assert (code, "changed since the scan" in said) == (1, True)


def test_a_document_that_does_not_follow_from_the_evidence(case: Path, verify: Verify) -> None:
    path = case / "results" / "incident.json"
    path.write_bytes(path.read_bytes().replace(b"5000", b"5001"))
    record = json.loads((case / "results" / "key.json").read_bytes())
    record["document_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (case / "results" / "key.json").write_text(json.dumps(record))
    assert verify(case, "--hashes-only")[0] == 0
    code, said = verify(case)
    assert (code, "DIFFER" in said) == (1, True)


def test_matches_that_were_changed_and_matches_that_do_not_follow(case: Path, verify: Verify, tmp_path: Path) -> None:
    path = case / "results" / "matches.parquet"
    before, key = path.read_bytes(), case / "results" / "key.json"
    assert "Matches    as the scan wrote them" in verify(case, "--hashes-only", "--manifest", tmp_path / "manifest")[1]
    path.write_bytes(before + b" ")
    code, said = verify(case, "--hashes-only")
    assert (code, "changed since the scan" in said) == (1, True)
    record = json.loads(key.read_bytes())
    record["matches_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    key.write_text(json.dumps(record))
    assert verify(case, "--hashes-only")[0] == 0
    code, said = verify(case)
    assert (code, "DIFFER" in said, "the file of all matches is not" in said) == (1, True, True)
    code, said = verify(case, "--hashes-only", "--check", tmp_path / "manifest")
    assert (code, "the file of all matches is another one" in said) == (1, True)


def test_a_case_of_a_version_that_kept_no_matches(case: Path, verify: Verify, tmp_path: Path) -> None:
    assert verify(case, "--hashes-only", "--manifest", tmp_path / "manifest")[0] == 0
    (case / "results" / "matches.parquet").unlink()
    assert verify(case, "--hashes-only")[0] == 1
    record = json.loads((case / "results" / "key.json").read_bytes())
    del record["matches_sha256"]
    (case / "results" / "key.json").write_text(json.dumps(record))
    code, said = verify(case)
    assert (code, "the same bytes" in said, "Matches" in said) == (0, True, False)
    content = json.loads((tmp_path / "manifest").read_bytes())
    del content["matches_sha256"]
    (tmp_path / "older").write_text(json.dumps(content))
    assert verify(case, "--hashes-only", "--check", tmp_path / "older")[0] == 0
    assert verify(case, "--hashes-only", "--check", tmp_path / "manifest")[0] == 1


def test_a_case_of_several_scans(case: Path, evidence: Path, verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "u_ex210306.log").write_text(LOG.format(day=6, host=1))
    scan([tmp_path / "later"], case=case, actor_ips=["203.0.113.7"])
    scan([tmp_path / "later"], case=case, not_actor_ips=["203.0.113.7"])
    assert len(custody(case).entries) == 3
    code, said = verify(case)
    assert (code, "5 same" in said, "the same bytes" in said) == (0, True, True)


def test_options_of_the_scan_are_those_of_the_verification(evidence: Path, tmp_path: Path, verify: Verify) -> None:
    arguments = ["--since", "2021-03-03", "--until", "2021-03-04", "--iis-timezone", "Europe/Berlin"]
    hosts = ["--host", f"EXCH1={evidence / 'EX01'}"]
    assert main(["scan", str(evidence), "--case", str(tmp_path / "other"), "-q", *arguments, *hosts]) == 0
    assert verify(tmp_path / "other")[0] == 0
    shutil.move(evidence, tmp_path / "moved")
    assert verify(tmp_path / "other", tmp_path / "moved")[0] == 0


def test_custody_says_who_when_and_how(case: Path, verify: Verify) -> None:
    (entry,) = custody(case).entries
    assert entry["started"] <= entry["ended"]  # type: ignore[operator]
    assert {"user", "host", "version", "command", "arguments", "document_sha256"} <= set(entry)
    kept = json.loads((case / "results/key.json").read_bytes())
    assert all(entry[name] == kept[name] for name in ("document_sha256", "matches_sha256"))
    document = (case / "results" / "incident.json").read_text()
    assert str(entry["started"]) not in document
    code, said = verify(case, "--hashes-only", "-v")
    assert (code, str(entry["started"]) in said) == (0, True)


@pytest.mark.parametrize("how", ["edited", "removed", "broken"])
def test_a_chain_of_custody_that_was_touched(how: str, case: Path, evidence: Path, verify: Verify) -> None:
    scan([evidence], case=case, actor_ips=["203.0.113.7"])
    path = case / "results" / "custody.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    changed = {
        "edited": first.replace(b'"user":"', b'"user":"x') + second,
        "removed": second,
        "broken": b"{\n" + first + second,
    }
    path.write_bytes(changed[how])
    code, said = verify(case, "--hashes-only")
    assert (code, "of the chain of custody" in said) == (1, True)


def test_a_case_without_custody_cannot_be_computed_anew(case: Path, verify: Verify) -> None:
    (case / "results" / "custody.jsonl").unlink()
    assert verify(case, "--hashes-only")[0] == 0
    code, said = verify(case)
    assert (code, "does not say how it was scanned" in said) == (3, True)


def test_an_option_that_this_version_does_not_know(case: Path, verify: Verify) -> None:
    path = case / "results" / "custody.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"subjects":false', b'"subjects":false,"later_option":1'))
    code, said = verify(case)
    assert (code, "later_option" in said) == (3, True)


def test_a_signed_manifest(case: Path, key: Path, tmp_path: Path, verify: Verify) -> None:
    path = tmp_path / "manifest.json"
    assert verify(case, "--hashes-only", "--manifest", path, "--key", key)[0] == 0
    content = json.loads(path.read_bytes())
    assert {one["name"] for one in content["files"]} == {
        "EX01/u_ex210303.log",
        "EX02/u_ex210303.log",
        "more.zip!/EX01/u_ex210304.log",
        "notes.bin",
    }
    assert len(content["custody"]) == 1
    code, said = verify(case, "--hashes-only", "--check", path, "--key", key)
    assert (code, "rightly signed" in said) == (0, True)
    assert "signature was not checked" in verify(case, "--hashes-only", "--check", path)[1]
    (tmp_path / "other").write_text("f" * 32)
    code, said = verify(case, "--hashes-only", "--check", path, "--key", tmp_path / "other")
    assert (code, "signature of the manifest is wrong" in said) == (1, True)
    content["verdict"] = "no_evidence"
    path.write_text(json.dumps(content))
    code, said = verify(case, "--hashes-only", "--check", path, "--key", key)
    assert (code, "signature of the manifest is wrong" in said) == (1, True)


def test_a_manifest_of_before_shows_what_was_forged_since(
    case: Path, evidence: Path, key: Path, tmp_path: Path, verify: Verify
) -> None:
    """Whoever changes evidence and scans it anew into a new case is not found by the case, but by the manifest."""
    path = tmp_path / "manifest.json"
    assert verify(case, "--hashes-only", "--manifest", path, "--key", key)[0] == 0
    shutil.rmtree(case)
    log = evidence / "EX01" / "u_ex210303.log"
    log.write_text(log.read_text().replace("5000", "1"))
    scan([evidence], case=case, actor_ips=["203.0.113.7"])
    assert verify(case, "--hashes-only")[0] == 0
    code, said = verify(case, "--hashes-only", "--check", path, "--key", key)
    assert code == 1
    assert "in the manifest, but not so in the case: EX01/u_ex210303.log" in said
    assert "document is another one" in said


def test_an_unsigned_manifest_is_not_taken_for_signed(case: Path, key: Path, tmp_path: Path, verify: Verify) -> None:
    path = tmp_path / "manifest.json"
    assert verify(case, "--hashes-only", "--manifest", path)[0] == 0
    code, said = verify(case, "--hashes-only", "--check", path, "--key", key)
    assert (code, "is not signed" in said) == (1, True)


def test_requests_that_cannot_be_carried_out(
    case: Path, evidence: Path, key: Path, tmp_path: Path, verify: Verify
) -> None:
    assert verify(tmp_path)[0] == 2
    assert verify(tmp_path / "none")[0] == 2
    assert verify(case, tmp_path / "none")[0] == 2
    assert verify(case, "--key", key)[0] == 2
    (tmp_path / "short").write_text("abc")
    assert "shorter than" in verify(case, "--manifest", tmp_path / "m", "--key", tmp_path / "short")[1]
    for place in (evidence / "m.json", case / "m.json"):
        assert verify(case, "--hashes-only", "--manifest", place)[0] == 2
        assert not place.exists()
    for content in ("", "[]", "{}", "[" * 100_000):
        (tmp_path / "odd").write_text(content)
        assert verify(case, "--check", tmp_path / "odd")[0] == 2
