"""What the caller of a scan can ask for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import brokenseal
from brokenseal import EvidenceNotFound, OutputInsideEvidence, UsageError, scan

Make = Callable[..., tuple[Path, dict[str, Any]]]

IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time cs-method cs-uri-stem s-port c-ip sc-status\n"
)
SHELL = IIS + "2021-03-03 01:02:03 POST /aspnet_client/x9.aspx 443 203.0.113.9 200\n"


def test_logs_without_a_server_name_take_the_one_given(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "u_ex210303.log").write_text(SHELL, "ascii")
    found = scan([tmp_path], hosts={"EX07": tmp_path / "a"}).document
    assert [host["host"] for host in _list(found["hosts"])] == ["EX07"]
    assert [(e["host"], e["host_from"]) for e in _list(found["evidence"])] == [("EX07", "given")]


def test_or_are_said_to_be_of_an_unknown_server(tmp_path: Path) -> None:
    (tmp_path / "u_ex210303.log").write_text(SHELL, "ascii")
    found = scan([tmp_path]).document
    assert [(e["host"], e["host_from"]) for e in _list(found["evidence"])] == [(None, "unknown")]
    assert any("--host" in sentence for sentence in _list(found["not_seen"]))
    assert found["verdict"] == "breached"


def test_only_the_time_asked_for_is_judged(simulated: Make) -> None:
    evidence, truth = simulated("hafnium")
    after = datetime(2021, 3, 20, tzinfo=UTC)
    assert scan([evidence], since=after).verdict == "cannot_tell"
    before = datetime.fromisoformat(min(m["first"] for m in truth["mailboxes"])) - timedelta(seconds=5)
    assert scan([evidence], until=before).verdict == "breached"


def test_a_break_in_is_never_talked_down_by_missing_logs(simulated: Make, tmp_path: Path) -> None:
    evidence, _ = simulated("hafnium")
    kept = tmp_path / "kept"
    shutil.copytree(evidence, kept, ignore=shutil.ignore_patterns("Ecp", "ECP", "W3SVC1", "Ews"))
    assert scan([kept]).verdict == "mail_read"


def test_http_proxy_logs_alone_are_enough_to_tell(simulated: Make) -> None:
    evidence, truth = simulated("mail-only", sources=["httpproxy"])
    found = scan([evidence]).document
    assert found["verdict"] == "mail_read"
    assert sum(m["bytes_at_least"] for m in _list(found["mailboxes"])) == sum(m["bytes"] for m in truth["mailboxes"])


OWN_RULE = """
title: A page of ours
id: 5f0f2ad1-5f4c-4d0e-9c0a-0a7be0f0a001
status: test
level: high
logsource: {category: webserver}
detection:
    page: {cs-uri-stem|contains: '/intranet/'}
    condition: page
"""


@pytest.mark.parametrize(
    ("block", "verdict", "outcome"),
    [("", "cannot_tell", "observed"), ("brokenseal: {outcome: succeeded}\n", "breached", "succeeded")],
)
def test_a_rule_of_the_users_own(tmp_path: Path, block: str, verdict: str, outcome: str) -> None:
    (tmp_path / "own.yml").write_text(OWN_RULE + block, "utf-8")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "u_ex210303.log").write_text(IIS + "2021-03-03 01:02:03 GET /intranet/ 443 198.51.100.3 200\n", "ascii")
    found = scan([logs], rules=[tmp_path / "own.yml"]).document
    assert (found["verdict"], [f["outcome"] for f in _list(found["findings"])]) == (verdict, [outcome])
    assert _list(found["advice"])


def test_rules_given_later_see_what_a_case_already_holds(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "u_ex210303.log").write_text(IIS + "2021-03-03 01:02:03 GET /intranet/ 443 198.51.100.3 200\n", "ascii")
    assert scan([logs], case=tmp_path / "case").document["findings"] == []
    (tmp_path / "own.yml").write_text(OWN_RULE, "utf-8")
    found = scan([logs], case=tmp_path / "case", rules=[tmp_path / "own.yml"]).document
    assert [f["title"] for f in _list(found["findings"])] == ["A page of ours"]


def test_what_cannot_be_read_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "u_ex210303.log").write_text(SHELL + "not a row at all\n", "ascii")
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00 this is no gzip")
    incident = scan([tmp_path])
    assert incident.verdict == "breached"
    assert any("u_ex210303.log" in sentence for sentence in incident.unread)
    assert any("broken.gz" in sentence for sentence in incident.unread)


def test_files_that_no_parser_knows_are_listed_with_their_hash(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"hello\n")
    [entry] = _list(scan([tmp_path]).document["evidence"])
    assert (entry["kind"], entry["sha256"]) == (
        "unrecognised",
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    )


def test_impossible_requests_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(EvidenceNotFound):
        scan([tmp_path / "nowhere"])
    with pytest.raises(OutputInsideEvidence):
        scan([tmp_path], case=tmp_path / "case")
    with pytest.raises(UsageError):
        scan([tmp_path], iis_timezone="Mars/Olympus")
    with pytest.raises(UsageError):
        scan([])
    assert list(tmp_path.iterdir()) == []


def test_the_public_api_is_what_it_says() -> None:
    for name in brokenseal.__all__:
        assert getattr(brokenseal, name) is not None
    with pytest.raises(AttributeError):
        _ = brokenseal.nothing


def _list(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value


def test_one_server_may_have_several_folders(tmp_path: Path) -> None:
    for number, name in enumerate(("web", "more")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "u_ex210303.log").write_text(SHELL.replace("x9", f"x{number}"), "ascii")
    found = scan([tmp_path], hosts={"EX07": [tmp_path / "web", tmp_path / "more"]}).document
    assert [host["host"] for host in _list(found["hosts"])] == ["EX07"]
