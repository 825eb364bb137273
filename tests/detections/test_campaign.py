"""Reading campaign knowledge: the shipped campaign, and files that are wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.campaign import STAGE_VERDICTS, VERDICTS, CampaignError, load_campaigns

GOOD = """\
id: small-2021
title: Small
description: A campaign for this test.
references: [https://example.com/report]
window:
    from: 2021-01-01
    from_reason: first use
    to: 2021-03-15
    to_reason: last use
cves:
    - {id: CVE-2021-26855, title: The door, fixed_in: Mar21SU}
stages:
    - {id: probe, title: Tested, verdict: probed}
    - {id: inside, title: Inside, verdict: breached}
visibility:
    - {what: the entry, any_of: [httpproxy/Ecp, iis]}
weakens:
    - {source: ews, sentence: Not whose mail.}
advice:
    no_evidence: [Keep it.]
    cannot_tell: [Look for logs.]
    probed: [Patch.]
    attempted: [Search.]
    breached: [Contain.]
    mail_read: [Notify.]
"""


def write(folder: Path, text: str, name: str = "small-2021") -> Path:
    (folder / name).mkdir()
    (folder / name / "campaign.yaml").write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path) -> tuple[str, ...]:
    with pytest.raises(CampaignError) as raised:
        load_campaigns(folder)
    return raised.value.problems


def test_the_shipped_campaigns() -> None:
    intrusion, campaign = load_campaigns()
    assert (intrusion.id, intrusion.window, intrusion.window_ms, intrusion.cves) == (
        "exchange-intrusion",
        None,
        None,
        (),
    )
    assert intrusion.visibility == ()
    assert campaign.id == "hafnium-2021"
    assert campaign.window is not None
    assert campaign.window.start == date(2021, 1, 1)  # CISA: search from here
    assert {cve.id for cve in campaign.cves} == {"CVE-2021-26855", "CVE-2021-26857", "CVE-2021-26858", "CVE-2021-27065"}
    assert {cve.fixed_in for cve in campaign.cves} == {"Mar21SU"}
    assert campaign.rules_folder.is_dir()
    assert set(campaign.advice) == set(VERDICTS)
    assert campaign.stages[0].verdict == "probed"
    assert campaign.stages[-1].id == "mail_read"
    order = [stage.id for stage in campaign.stages]
    ladder = [
        "probe",
        "autodiscover",
        "mailbox_id",
        "session",
        "oab_read",
        "oab_poisoned",
        "file_written",
        "shell_used",
    ]
    assert [stage for stage in order if stage in ladder] == ladder


def test_a_window_ends_with_its_last_day(tmp_path: Path) -> None:
    (campaign,) = load_campaigns(write(tmp_path, GOOD))
    assert campaign.window_ms is not None
    start, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in campaign.window_ms)
    assert (start, end) == (datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 3, 16, tzinfo=UTC))


def test_a_campaign_of_the_user(tmp_path: Path) -> None:
    (campaign,) = load_campaigns(write(tmp_path, GOOD))
    assert campaign.rules_folder == tmp_path / "small-2021" / "rules"
    assert campaign.visibility[0].any_of == ("httpproxy/Ecp", "iis")
    assert campaign.weakens[0].source == "ews"
    stage = campaign.stage("inside")
    assert stage is not None
    assert stage.verdict in STAGE_VERDICTS
    assert campaign.stage("nowhere") is None


def test_a_source_can_be_a_log_of_windows(tmp_path: Path) -> None:
    log = "windows_event/Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
    named = GOOD.replace("source: ews", f"source: {log}").replace(
        "httpproxy/Ecp", "windows_event/MSExchange Management"
    )
    (campaign,) = load_campaigns(write(tmp_path, named))
    assert campaign.weakens[0].source == log
    assert campaign.visibility[0].any_of == ("windows_event/MSExchange Management", "iis")


def test_what_a_campaign_can_do_without(tmp_path: Path) -> None:
    short = re.sub(r"(?m)^(window|cves|visibility|weakens):\n(    .*\n)+", "", GOOD)
    (campaign,) = load_campaigns(write(tmp_path, short))
    assert (campaign.window, campaign.window_ms) == (None, None)
    assert (campaign.cves, campaign.visibility, campaign.weakens) == ((), (), ())


def test_what_must_be_seen_must_be_seen_at_some_time(tmp_path: Path) -> None:
    found = problems(write(tmp_path, re.sub(r"(?m)^window:\n(    .*\n)+", "", GOOD)))
    assert [problem for problem in found if "needs a window" in problem]


def test_campaigns_come_sorted_by_id(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("small-2021", "b-2022"), "a")
    write(tmp_path, GOOD.replace("small-2021", "a-2021"), "b")
    assert [campaign.id for campaign in load_campaigns(tmp_path)] == ["a-2021", "b-2022"]


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("verdict: probed}", "verdict: maybe}"), 13, "'maybe' is none of"),
        (("id: inside", "id: probe"), 13, "the id 'probe' occurs twice"),
        (("verdict: probed}", "verdict: mail_read}"), 13, "from the lowest to the highest"),
        (("from: 2021-01-01", "from: yesterday"), 6, "'yesterday' is not a date"),
        (("to: 2021-03-15", "to: 2020-03-15"), 8, "lies before 'from'"),
        (("CVE-2021-26855", "26855"), 11, "'cves.id'"),
        (("any_of: [httpproxy/Ecp, iis]", "any_of: []"), 16, "'visibility.any_of' must be a list that is not empty"),
        (("any_of: [httpproxy/Ecp, iis]", "any_of: [httpproxy/, iis]"), 16, "'httpproxy/' is not of the form"),
        (("any_of: [httpproxy/Ecp, iis]", "any_of: [/Ecp]"), 16, "'/Ecp' is not of the form"),
        (("any_of: [httpproxy/Ecp, iis]", "any_of: [windows event/System]"), 16, "is not of the form"),
        (("source: ews", "source: 'iis/'"), 18, "'iis/' is not of the form"),
        (("source: ews, ", ""), 18, "'weakens.source' is missing"),
        (("    probed: [Patch.]\n", ""), 20, "'advice.probed' is missing"),
        (("title: Small", "title: Small\ncolour: red"), 3, "'colour': is not a known key"),
        (("title: Inside,", "title: Inside, note: x,"), 14, "'stages.note': is not a known key"),
        (("title: Small", "title: ''"), 2, "'title' is empty"),
        (("title: Small", "title: [a]"), 2, "'title' must be a text"),
        (("title: Small", "title: Small\ntitle: Large"), 3, "'title' occurs twice"),
        (("[https://example.com/report]", "[report]"), 4, "'references'"),
        (("title: Small", "title: [Small"), 3, "no valid YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, change: tuple[str, str], line: int, words: str) -> None:
    assert change[0] in GOOD
    found = problems(write(tmp_path, GOOD.replace(*change)))
    assert any(p.startswith(f"small-2021/campaign.yaml:{line}:") and words in p for p in found), found


def test_all_errors_of_all_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("verdict: probed", "verdict: maybe").replace("id: CVE-2021-26855, ", ""), "a")
    write(tmp_path, "- no mapping\n", "b")
    write(tmp_path, GOOD, "c")
    write(tmp_path, GOOD, "d")
    found = "\n".join(problems(tmp_path))
    assert "a/campaign.yaml:13:" in found
    assert "'cves.id' is missing" in found
    assert "b/campaign.yaml: the file is not a mapping" in found
    assert "d/campaign.yaml: the id 'small-2021' is that of another campaign" in found


def test_a_folder_without_campaigns_is_an_error(tmp_path: Path) -> None:
    assert "no campaign" in problems(tmp_path)[0]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD)
    (folder / "small-2021" / "campaign.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in problems(folder)[0]


@settings(deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.sampled_from([":", "[", "'", "\n", "x", "- ", "&a", "{", "2"]))
def test_a_damaged_file_is_read_or_reported(tmp_path_factory: pytest.TempPathFactory, at: int, piece: str) -> None:
    folder = write(tmp_path_factory.mktemp("campaigns"), GOOD[:at] + piece + GOOD[at + 1 :])
    try:
        load_campaigns(folder)
    except CampaignError as error:
        assert error.problems


def test_the_yaml_reader_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, brokenseal.detections.campaign; print('yaml' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
