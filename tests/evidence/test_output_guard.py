from __future__ import annotations

import os
from pathlib import Path

import pytest

from brokenseal.errors import OutputInsideEvidence
from brokenseal.evidence import refuse_output_inside


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    (tmp_path / "evidence" / "C").mkdir(parents=True)
    (tmp_path / "evidence" / "x.log").write_bytes(b"x")
    return tmp_path / "evidence"


@pytest.mark.parametrize("output", ["", "case", "C/case/deep", "../evidence/case", "C/../../evidence"])
def test_output_in_a_folder_of_evidence_is_refused(evidence: Path, output: str) -> None:
    with pytest.raises(OutputInsideEvidence, match="never written"):
        refuse_output_inside(evidence / output, [evidence])


@pytest.mark.parametrize("output", ["../case", "../evidence2", "../evidence-report.json", ".."])
def test_output_beside_or_above_it_is_not(evidence: Path, output: str) -> None:
    refuse_output_inside(evidence / output, [evidence])


def test_a_file_guards_itself_alone_under_all_its_names(evidence: Path) -> None:
    refuse_output_inside(evidence / "case", [evidence / "x.log"])
    with pytest.raises(OutputInsideEvidence):
        refuse_output_inside(evidence / "C" / ".." / "x.log", [evidence / "x.log"])
    os.link(evidence / "x.log", evidence.parent / "report.json")
    with pytest.raises(OutputInsideEvidence):
        refuse_output_inside(evidence.parent / "report.json", [evidence / "x.log"])


def test_a_link_into_the_evidence_is_seen_through(evidence: Path) -> None:
    try:
        (evidence.parent / "case").symlink_to(evidence / "C", target_is_directory=True)
    except OSError:
        pytest.skip("links are not permitted here")
    with pytest.raises(OutputInsideEvidence):
        refuse_output_inside(evidence.parent / "case" / "new", [evidence])


def test_another_name_of_the_same_folder_is_seen_through(evidence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Stands for a second mount or a file system that ignores case.
    other = evidence.parent / "EVIDENCE"
    real = os.path.samefile
    monkeypatch.setattr(os.path, "samefile", lambda a, b: real(evidence if str(a) == str(other) else a, b))
    with pytest.raises(OutputInsideEvidence):
        refuse_output_inside(other / "case", [evidence])
