"""Folders of YARA rules: each rule that compiles runs, each that does not is named with its file and reason."""

from __future__ import annotations

from pathlib import Path

from brokenseal.detections.yara_rules import YaraRules

PATH = "C:\\inetpub\\wwwroot\\x.aspx"
TRUE = "condition: filesize >= 0 }\n"


def _names(rules: YaraRules, data: bytes = b"text") -> list[str]:
    return [f"{match.namespace}:{match.rule}" for match in rules.matches(PATH, data)[0]]


def test_the_other_rules_of_a_file_with_a_syntax_error_run(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text(
        f'import "pe"\nrule first {{ {TRUE}rule cut {{\n  strings: $a = {{ 00 [2-1 0 }}\n  condition: $a\n}}\n'
        f"// rule said {{ {TRUE}private rule helper {{ {TRUE}rule last {{ condition: helper and not pe.is_pe }}\n",
        "utf-8",
    )
    rules = YaraRules([tmp_path])
    assert _names(rules) == ["a.yar:first", "a.yar:last"]
    assert len(rules.problems) == 1
    assert rules.problems[0].startswith("a.yar, line 4: syntax error")


def test_modules_work_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text(
        'import "hash"\nimport "math"\nimport "dotnet"\n'
        'rule sums { condition: hash.md5(0, filesize) == "1cb251ec0d568de6a929b520c4aed8d1" and '
        "math.entropy(0, filesize) > 1.0 and not dotnet.is_dotnet }\n",
        "utf-8",
    )
    (tmp_path / "b.yar").write_text(f'import "cloudsandbox"\nrule plain {{ {TRUE}', "utf-8")
    rules = YaraRules([tmp_path])
    assert _names(rules) == ["a.yar:sums", "b.yar:plain"]
    assert len(rules.problems) == 1
    assert "b.yar" in rules.problems[0] and "cloudsandbox" in rules.problems[0]


def test_includes_are_followed_inside_the_folder_only_where_they_are_needed(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    (rules / "sub").mkdir(parents=True)
    (tmp_path / "outside.yar").write_text(f"rule outside {{ {TRUE}", "utf-8")
    (rules / "index.yar").write_text(
        'include "sub/base.yar"\ninclude "../outside.yar"\n// include "absent.yar"\n', "utf-8"
    )
    (rules / "sub" / "base.yar").write_text(f"private rule base {{ {TRUE}rule shown {{ {TRUE}", "utf-8")
    (rules / "uses.yar").write_text('include "sub/base.yar"\nrule uses { condition: base }\n', "utf-8")
    found = YaraRules([rules])
    assert _names(found) == ["sub/base.yar:shown", "uses.yar:shown", "uses.yar:uses"]
    assert found.problems == ('index.yar: include "../outside.yar" leads out of the folder and is left out',)


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text('include "b.yar"\nrule a { condition: b }\n', "utf-8")
    (tmp_path / "b.yar").write_text(f'include "a.yar"\nrule b {{ {TRUE}', "utf-8")
    assert "a.yar:a" in _names(YaraRules([tmp_path]))


def test_a_rule_may_ask_for_the_owner(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text('rule owned { condition: owner == "SYSTEM" and filetype == "EXE" }\n', "utf-8")
    rules = YaraRules([tmp_path])
    assert [match.rule for match in rules.scan(PATH, b"MZ", file_type="EXE", owner="SYSTEM").matches] == ["owned"]
    assert rules.scan(PATH, b"MZ", file_type="EXE").matches == []


def test_the_mark_of_server_code_is_told_and_is_no_match() -> None:
    rules = YaraRules()
    assert (rules.scan(PATH, b"<p><% one() %></p>").marked, rules.scan(PATH, b"<p>one</p>").marked) == (True, False)
    assert rules.scan(PATH, b"<p><% one() %></p>").matches == []
