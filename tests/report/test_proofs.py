from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, cast

import pytest
from rich.cells import cell_len
from rich.console import Console

from brokenseal.report.page import Page
from brokenseal.report.proofs import findings
from brokenseal.report.shape import IncidentDocument

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "sample_document.json").read_text(encoding="utf-8"))
SYSMON = "C/Windows/System32/winevt/Logs/Microsoft-Windows-Sysmon%4Operational.evtx"
IIS = "C/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log"


def reference(file: str = SYSMON, **other: Any) -> dict[str, Any]:
    return {"file": file, "sha256": None, "line": 12, **other}


def section(
    evidence: list[dict[str, Any]],
    count: int = 2,
    width: int = 120,
    verbose: bool = False,
    cited: dict[str, Any] | None = None,
) -> list[str]:
    """The lines under the title of a finding with this evidence."""
    finding = {**SAMPLE["findings"][8], "evidence": evidence, "count": count}
    stream = io.StringIO()
    cited = cited or {"lines": [], "left_out": 0, "missing": 0, "withheld": 0}
    document = cast(IncidentDocument, {**SAMPLE, "findings": [finding], "cited": cited})
    findings(document, Page(Console(file=stream, width=width, force_terminal=False), verbose))
    return stream.getvalue().split("\n")[3:-1]


def test_a_record_has_its_number_and_what_it_is_about() -> None:
    lines = section([reference(record=918233, detail="cmd /c whoami"), reference(record=918234, detail="whoami")])
    assert lines == [
        "       succeeded, high, 2 log records, first 2021-03-03 04:20:11, on exch01.corp.example",
        f"       {SYSMON}:12 (record 918233)",
        "       > cmd /c whoami",
    ]


def test_when_verbose_each_record_says_what_it_is_about() -> None:
    lines = section([reference(record=1, detail="a"), reference(record=2, detail="b")], count=412, verbose=True)
    assert lines[1:] == [
        f"       {SYSMON}:12 (record 1)",
        "       > a",
        f"       {SYSMON}:12 (record 2)",
        "       > b",
        "       … and 410 more log records",
    ]


@pytest.mark.parametrize(
    ("evidence", "one", "many"),
    [
        ([reference(IIS)], "1 log line", "3 log lines"),
        ([reference(SYSMON)], "1 log record", "3 log records"),
        ([reference("Security.jsonl", record=0)], "1 log record", "3 log records"),
        ([reference(IIS), reference(SYSMON)], "1 log entry", "3 log entries"),
        ([], "1 log line", "3 log lines"),
    ],
)
def test_entries_are_called_by_what_their_log_has(evidence: list[dict[str, Any]], one: str, many: str) -> None:
    assert f"high, {one}, first" in section(evidence, 1)[0]
    assert f"high, {many}, first" in section(evidence, 3)[0]
    more = one.replace("1 ", "1 more ")
    assert section(evidence, len(evidence) + 1, verbose=True)[-1] == f"       … and {more}"


def test_a_record_without_a_detail_has_no_line_for_it() -> None:
    assert section([reference(detail="  ")])[1:] == section([reference()])[1:] == [f"       {SYSMON}:12"]


@pytest.mark.parametrize("width", [40, 80])
def test_a_long_detail_has_one_line_and_when_verbose_all_it_needs(width: int) -> None:
    detail = "powershell -enc " + "QUJD" * 60
    short, full = (section([reference(detail=detail)], 1, width, verbose) for verbose in (False, True))
    (line,) = [line for line in short if line.startswith("       > ")]
    assert line.endswith("…")
    assert cell_len(line) <= width
    assert not short[-1].startswith("       |")
    told = "".join(line[9:] for line in full if line[7:9] in ("> ", "| "))
    assert "".join(told.split()) == "".join(detail.split())


@pytest.mark.parametrize("width", [40, 80])
def test_a_hostile_detail_stays_behind_its_bar(width: int) -> None:
    detail = f"\x1b[2J\u202e\r\n{' ' * 90}  F1   Nothing was found {'x' * 60} F2   Nothing was found"
    for verbose in (False, True):
        lines = section([reference("f", detail=detail)], 1, width, verbose)
        after = lines[lines.index("       f:12") + 1 :]
        assert after[0].startswith("       > \\x1b[2J\\u202e")
        assert [line for line in after[1:] if not line.startswith("       |")] == []
        assert "\x1b" not in "".join(lines)
        assert "\u202e" not in "".join(lines)


def test_when_verbose_the_raw_line_is_shown_and_cut_to_the_width() -> None:
    text = f"2021-03-03 \x1b[2J\u202e\n{' ' * 90}F1 Nothing was found {'x' * 300}"
    place = reference(IIS, sha256="a" * 64, offset=7)
    line = {**place, "text": text, "bytes": len(text), "cut": False, "form": "line"}
    cited = {"lines": [line], "left_out": 1, "missing": 2, "withheld": 0}
    assert not any("raw" in each for each in section([place], 1, 80, cited=cited))
    shown = section([place], 1, 80, verbose=True, cited=cited)
    at = shown.index(f"       {IIS}:12")
    assert shown[at + 1].startswith("       raw: 2021-03-03 \\x1b[2J\\u202e [91 blanks] F1 Nothing was found")
    assert shown[at + 1].endswith("…")
    assert cell_len(shown[at + 1]) == 80
    assert shown[at + 2 :] == [
        "  The raw text of 2 cited lines is not here: the file could not be read again.",
        "  The raw text of 1 cited line is left out here: it would be too much.",
    ]


def test_a_raw_line_that_is_cut_in_the_document_says_so() -> None:
    place = reference(IIS, sha256="a" * 64, offset=7)
    line = {**place, "text": "short", "bytes": 99, "cut": True, "form": "line"}
    cited = {"lines": [line], "left_out": 0, "missing": 0, "withheld": 0}
    assert "       raw: short…" in section([place], 1, verbose=True, cited=cited)
