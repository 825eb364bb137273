"""Loading folders of rules: what runs, what does not, and why."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from brokenseal.detections.criteria import AllOf
from brokenseal.detections.rules import RuleSet, load_rules

Write = Callable[[Mapping[str, str]], Path]

ID_A = "11111111-0000-4000-8000-000000000001"
ID_B = "11111111-0000-4000-8000-000000000002"
ID_C = "11111111-0000-4000-8000-000000000003"


def rule(
    detection: str = "sel: {UrlStem: /x.js}",
    *,
    rule_id: str | None = ID_A,
    condition: str = "sel",
    source: str = "product: exchange, service: httpproxy",
    more: str = "",
) -> str:
    lines = ["title: A rule", f"logsource: {{{source}}}", "detection:", f"  {detection}", f"  condition: {condition}"]
    return "\n".join(lines + ([f"id: {rule_id}"] if rule_id else []) + ([more] if more else [])) + "\n"


def reasons(rules: RuleSet) -> list[tuple[str, int, str]]:
    return [(problem.severity, problem.line, problem.reason) for problem in rules.problems]


def test_a_rule_with_everything(write_rules: Write) -> None:
    more = (
        "level: critical\nname: my_rule\ndescription: What it means\nreferences: [https://example.com/]\n"
        "falsepositives: [scanners]\ntags: [attack.t1190, cve.2021-26855]\nbrokenseal: {outcome: probed, stage: probe}"
    )
    folder = write_rules({"web/r.yml": rule(more=more)})
    loaded = load_rules([folder])
    assert loaded.problems == ()
    (found,) = loaded.rules
    assert (found.id, found.title, found.level, found.path) == (ID_A, "A rule", "critical", "rules/web/r.yml")
    assert found.file == str(folder / "web/r.yml")
    assert (found.kinds, found.outcome, found.stage, found.reported) == (("httpproxy",), "probed", "probe", True)
    assert (found.cves, found.techniques) == (("CVE-2021-26855",), ("T1190",))
    assert found.literals("httpproxy") == frozenset(["/x.js"])
    assert "'/x.js'" in found.condition_sql("httpproxy")
    assert '"UrlStem#lc"' in found.condition_sql("httpproxy", ["UrlStem#lc"])


def test_a_rule_can_be_handed_to_another_process(write_rules: Write) -> None:
    loaded = load_rules([write_rules({"r.yml": rule("sel: {UrlStem|re|i: 'a+', ClientIpAddress|cidr: 10.0.0.0/8}")})])
    again = pickle.loads(pickle.dumps(loaded))
    assert again == loaded
    assert again.rules[0].condition_sql("httpproxy") == loaded.rules[0].condition_sql("httpproxy")


def test_order_does_not_depend_on_names(write_rules: Write) -> None:
    files = {"a.yml": rule(rule_id=ID_B), "b.yml": rule(rule_id=ID_A) + "---\n" + rule(rule_id=ID_C)}
    assert [found.id for found in load_rules([write_rules(files)]).rules] == [ID_A, ID_B, ID_C]


def test_one_wrong_file_does_not_stop_the_others(write_rules: Write) -> None:
    loaded = load_rules([write_rules({"a.yml": "{", "b.yml": rule(), "c.yml": "title: x\n", "d.yml": "[]"})])
    assert [found.id for found in loaded.rules] == [ID_A]
    assert [problem.path for problem in loaded.problems] == ["rules/a.yml", "rules/c.yml", "rules/d.yml"]
    assert {problem.severity for problem in loaded.problems} == {"error"}


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    loaded = load_rules([tmp_path / "absent"])
    assert loaded.rules == ()
    assert [(problem.path, problem.severity) for problem in loaded.problems] == [("absent", "error")]


@pytest.mark.parametrize(
    ("text", "severity", "words"),
    [
        (rule("sel: {UrlStem|expand: '%names%'}"), "not_run", "placeholder %names%"),
        (rule("sel: {UrlStem|re: '(?=a)b'}"), "not_run", "invalid perl operator"),
        (rule("sel: {UrlStem|re: 'a('}"), "not_run", "missing )"),
        (rule(more="taxonomy: ours"), "not_run", "taxonomy 'ours'"),
        (rule("sel: [null]"), "not_run", "a keyword cannot be a Null"),
        (
            rule(source="product: windows, category: file_access"),
            "no_source",
            "category file_access, product windows",
        ),
        (rule(condition="other"), "error", "'other' not defined"),
        (rule(condition="sel | count() > 5"), "error", "pipe"),
        (rule(condition="1 of nothing*"), "error", "doesn't match any"),
        (rule("sel: {UrlStem|unknownmodifier: x}"), "error", "Unknown modifier"),
        (rule("sel: {UrlStem|cidr: 10.0.0.1/8}"), "error", "host bits"),
        (rule("sel: {UrlStem|gt: text}"), "error", "incompatible"),
        (rule("sel: {UrlStem|re: 5}"), "error", ""),
        (rule("sel: {}"), "error", "empty"),
        (rule("sel: {UrlStem: [[1]]}"), "error", ""),
        ("title: t\ndetection: {sel: {a: b}, condition: sel}\n", "error", "'logsource' is not a mapping"),
        ("title: t\nlogsource: {product: x}\ndetection: [1]\n", "error", "'detection' is not a mapping"),
        (
            "title: t\nlogsource: {product: [x]}\ndetection: {sel: {a: b}, condition: sel}\n",
            "error",
            "product must be string",
        ),
        ("action: global\ntitle: t\ndetection: {a: b}\n", "not_run", "'action' documents"),
        (rule(condition="[sel, 5]"), "error", ""),
    ],
)
def test_what_does_not_run(write_rules: Write, text: str, severity: str, words: str) -> None:
    loaded = load_rules([write_rules({"r.yml": text, "s.yml": rule(rule_id=ID_B)})])
    assert [found.id for found in loaded.rules] == [ID_B]
    assert [problem.severity for problem in loaded.problems] == [severity]
    assert words in loaded.problems[0].reason
    assert loaded.problems[0].line > 0
    assert loaded.not_run == (0 if "action" in text else 1)


def test_expressions_that_re2_refuses_are_not_written_to_stderr(
    write_rules: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    load_rules([write_rules({"r.yml": rule("sel: {UrlStem|re: '(?=a)b'}")})])
    assert capfd.readouterr() == ("", "")


def test_fields_the_events_do_not_have_are_warned_of(write_rules: Write) -> None:
    text = rule("sel:\n    UrlStem|contains: /x.js\n    NoSuchField|contains: y")
    loaded = load_rules([write_rules({"r.yml": text})])
    assert [found.id for found in loaded.rules] == [ID_A]
    assert reasons(loaded) == [("warning", 6, "events of httpproxy have no field 'NoSuchField': it is always empty")]
    assert loaded.problems[0].rule_id == ID_A


def test_an_id_can_be_used_once(write_rules: Write) -> None:
    loaded = load_rules([write_rules({"a.yml": rule(), "b.yml": rule("sel: {UrlStem: /other.js}")})])
    assert len(loaded.rules) == 1
    assert loaded.rules[0].path == "rules/a.yml"
    assert reasons(loaded) == [("error", 6, f"id {ID_A} is already used by rules/a.yml:1")]


def test_rules_without_id_keep_theirs_wherever_they_lie(write_rules: Write, tmp_path: Path) -> None:
    first = load_rules([write_rules({"a.yml": rule(rule_id=None)})]).rules[0].id
    (tmp_path / "elsewhere.yml").write_text(rule(rule_id=None), encoding="utf-8")
    assert load_rules([tmp_path / "elsewhere.yml"]).rules[0].id == first


def test_filters_narrow_the_rules_they_name(write_rules: Write) -> None:
    narrow = (
        "title: ours\nlogsource: {product: exchange, service: httpproxy}\nfilter:\n"
        f"  rules: [{ID_A}]\n  own: {{ClientIpAddress: 192.0.2.1}}\n  condition: not own\n"
    )
    loaded = load_rules([write_rules({"a.yml": rule(), "b.yml": rule(rule_id=ID_B), "f.yml": narrow})])
    assert loaded.problems == ()
    filtered, untouched = loaded.rules
    assert isinstance(filtered.criterion, AllOf)
    assert "192.0.2.1" in filtered.condition_sql("httpproxy")
    assert "192.0.2.1" not in untouched.condition_sql("httpproxy")


def test_a_wrong_filter_is_a_problem(write_rules: Write) -> None:
    loaded = load_rules([write_rules({"a.yml": rule(), "f.yml": "title: t\nfilter: {condition: x}\n"})])
    assert len(loaded.rules) == 1
    assert [problem.severity for problem in loaded.problems] == ["error"]


def correlation(
    rules: str, *, rule_id: str = ID_C, more: str = "", kind: str = "event_count", condition: str = "{gte: 3}"
) -> str:
    return (
        f"title: A correlation\nid: {rule_id}\ncorrelation:\n  type: {kind}\n  rules: {rules}\n"
        f"  group-by: [ClientIpAddress]\n  timespan: 5m\n  condition: {condition}\n{more}"
    )


def test_a_correlation_and_the_rules_it_feeds_on(write_rules: Write) -> None:
    files = {"a.yml": rule(more="name: base"), "b.yml": rule(rule_id=ID_B), "c.yml": correlation("[base]")}
    loaded = load_rules([write_rules(files)])
    assert loaded.problems == ()
    assert [(found.id, found.reported) for found in loaded.rules] == [(ID_A, False), (ID_B, True)]
    (found,) = loaded.correlations
    assert (found.type, found.span_ms, found.group_by) == ("event_count", 300_000, ("ClientIpAddress",))
    assert [(use.rule, use.kinds) for use in found.uses] == [(ID_A, ("httpproxy",))]
    kept = load_rules([write_rules({**files, "c.yml": correlation("[base]", more="  generate: true\n")})])
    assert [found.reported for found in kept.rules] == [True, True]


def test_correlations_are_ordered_by_what_they_build_on(write_rules: Write) -> None:
    top, bottom = "aaaaaaaa-0000-4000-8000-000000000001", "ffffffff-0000-4000-8000-000000000002"
    files = {
        "a.yml": correlation(f"[{bottom}]", rule_id=top),
        "b.yml": correlation(f"[{ID_A}]", rule_id=bottom),
        "r.yml": rule(),
    }
    loaded = load_rules([write_rules(files)])
    assert [found.id for found in loaded.correlations] == [bottom, top]
    assert loaded.correlations[1].kinds == ("httpproxy",)


@pytest.mark.parametrize(
    ("text", "severity", "words"),
    [
        (correlation("[nobody]"), "error", "'nobody' is not among the rules"),
        (correlation(f"[{ID_C}]"), "error", "circle"),
        (correlation(f"[{ID_B}]"), "not_run", "is not run"),
        (correlation(f"[{ID_A}]", kind="value_sum", condition="{gte: 3, field: x}"), "not_run", "value_sum"),
        (correlation(f"[{ID_A}]", kind="value_count"), "error", "field"),
        (correlation(f"[{ID_A}]", kind="sometimes"), "error", "sometimes"),
        (correlation(f"[{ID_A}]", condition="{gte: x}"), "error", "count"),
        (correlation(f"[{ID_A}]", condition="{gt: 1, lte: x}"), "error", "bound"),
        ("title: t\ncorrelation: 5\n", "error", "not a mapping"),
    ],
)
def test_correlations_that_do_not_run(write_rules: Write, text: str, severity: str, words: str) -> None:
    other = rule(rule_id=ID_B, source="product: linux")
    loaded = load_rules([write_rules({"a.yml": rule(), "b.yml": other, "c.yml": text})])
    assert loaded.correlations == ()
    found = [problem for problem in loaded.problems if problem.path == "rules/c.yml"]
    assert [problem.severity for problem in found] == [severity]
    assert words in found[0].reason


def test_group_by_fields_that_do_not_exist_are_warned_of(write_rules: Write) -> None:
    text = correlation(f"[{ID_A}]").replace("ClientIpAddress", "Nothing")
    loaded = load_rules([write_rules({"a.yml": rule(), "c.yml": text})])
    assert len(loaded.correlations) == 1
    assert [(problem.severity, "Nothing" in problem.reason) for problem in loaded.problems] == [("warning", True)]


def test_the_public_rules_load_or_say_why(sigmahq: RuleSet, sigmahq_folders: list[Path]) -> None:
    rules, loaded = sigmahq_folders, sigmahq
    assert [problem for problem in loaded.problems if problem.severity == "error"] == []
    listed = {problem.path for problem in loaded.problems if problem.severity in ("not_run", "no_source")}
    ran = {found.path for found in loaded.rules}
    files = {f"{root.name}/{path.relative_to(root).as_posix()}" for root in rules for path in root.rglob("*.yml")}
    assert listed | ran == files
    assert not listed & ran
    web = [found for found in loaded.rules if found.kinds == ("iis",)]
    assert len(web) >= 80
    texts = [path.read_text(encoding="utf-8") for root in rules for path in root.rglob("*.yml")]
    assert len(web) == sum("category: webserver" in text for text in texts)
