from __future__ import annotations

from pathlib import Path

import pytest

from brokenseal.cli import main

OWN_ID = "0b2f9d6e-97c1-4d42-9a51-8a5f3e1f0d08"
OWN_RULE = f"""\
title: Requests for backup.aspx
id: {OWN_ID}
logsource:
    category: webserver
detection:
    selection:
        cs-uri-stem|endswith: '/backup.aspx'
    condition: selection
level: high
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "backup.yml").write_text(OWN_RULE, encoding="utf-8")
    return folder


def rows(text: str) -> list[list[str]]:
    return [line.split(maxsplit=5) for line in text.splitlines()]


def test_list_has_a_line_a_rule(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "list", "--rules", str(own)]) == 0
    heading, *lines = rows(capsys.readouterr().out)
    assert heading == ["ID", "LEVEL", "OUTCOME", "CAMPAIGN", "KINDS", "TITLE"]
    assert len({line[0] for line in lines}) == len(lines)
    assert {line[3] for line in lines} == {"exchange-intrusion", "hafnium-2021", "-"}
    assert lines[-1] == [OWN_ID, "high", "-", "-", "iis", "Requests for backup.aspx"]


def test_list_shows_the_correlations_too(capsys: pytest.CaptureFixture[str], own: Path) -> None:
    (own / "burst.yml").write_text(
        OWN_RULE.replace("level: high", "name: backup_page")
        + "---\ntitle: Many requests for backup.aspx\nid: 11111111-2222-4333-8444-555555555555\n"
        + "correlation:\n    type: event_count\n    rules:\n        - backup_page\n    group-by:\n        - c-ip\n"
        + "    timespan: 1m\n    condition:\n        gte: 10\nlevel: medium\n",
        encoding="utf-8",
    )
    (own / "backup.yml").unlink()
    assert main(["rules", "list", "--rules", str(own)]) == 0
    assert "Many requests for backup.aspx" in capsys.readouterr().out
    assert main(["rules", "show", "11111111-2222", "--rules", str(own)]) == 0
    out = capsys.readouterr().out
    assert "type: event_count" in out
    assert "SELECT" in out


def test_show_is_the_file_and_the_sql(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "show", OWN_ID[:6].upper(), "--rules", str(own)]) == 0
    out = capsys.readouterr().out
    head, _, sql = out.partition("\n-- condition on the table iis\n")
    assert head == f"# own/backup.yml\n{OWN_RULE}"
    assert "backup.aspx" in sql
    assert "cs-uri-stem" in sql


@pytest.mark.parametrize("identity", ["ffffffff-0000-4000-8000-000000000000", "0", "\x1b[31m"])
def test_an_id_that_no_rule_has_is_a_usage_error(capsys: pytest.CaptureFixture[str], identity: str) -> None:
    assert main(["rules", "show", identity]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("brokenseal: error: no rule that can run has the id ")
    assert "\x1b" not in err


def test_an_id_of_several_rules_names_them(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = OWN_ID[:-1] + "9"
    (own / "other.yml").write_text(OWN_RULE.replace(OWN_ID, other), encoding="utf-8")
    assert main(["rules", "show", OWN_ID[:8], "--rules", str(own)]) == 2
    assert f"begins with {OWN_ID[:8]}: {OWN_ID}, {other}" in capsys.readouterr().err


def test_check_finds_no_mistake_in_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "check"]) == 0
    out, err = capsys.readouterr()
    assert "0 mistakes" in out.splitlines()[-1]
    assert ": mistake: " not in out
    assert " 0 for logs that this version does not read" in out.splitlines()[-1]
    assert err == ""


def test_check_names_a_mistake_with_file_and_line(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = OWN_RULE.replace(OWN_ID, "x").replace("level: high", "level: severe")
    (own / "wrong.yml").write_text(wrong, encoding="utf-8")
    (own / "no\u202eyaml.yml").write_text("title: [", encoding="utf-8")
    assert main(["rules", "check", "--rules", str(own)]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("own/wrong.yml:9: mistake: ") and "severe" in line for line in lines)
    assert any(line.startswith("own/no\\u202eyaml.yml:") for line in lines)
    assert "2 mistakes" in lines[-1]


def test_a_rule_for_logs_not_read_here_is_listed_and_no_mistake(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    firewall = OWN_RULE.replace("category: webserver", "product: fortigate\n    service: event")
    (own / "firewall.yml").write_text(firewall.replace(OWN_ID, OWN_ID[:-1] + "1"), encoding="utf-8")
    assert main(["rules", "check", "--rules", str(own)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("own/firewall.yml:")]
    assert ": not run: no source in this version" in line
    assert "0 mistakes" in lines[-1]


def test_text_of_a_rule_acts_on_no_terminal(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = OWN_RULE.replace("title: Requests for backup.aspx", 'title: "\\e]0;t\\a Requests"')
    (own / "backup.yml").write_text(f"# \u202e\u2066\n{hostile}", encoding="utf-8")
    assert main(["rules", "list", "--rules", str(own)]) == 0
    assert "\\x1b]0;t\\x07 Requests" in capsys.readouterr().out
    assert main(["rules", "show", OWN_ID, "--rules", str(own)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "# \\u202e\\u2066"
