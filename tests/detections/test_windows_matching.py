"""Rules on Windows events: SigmaHQ's own regression cases, and the prefilter held against running each rule by itself."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.rule import SigmaRule

from brokenseal.detections.criteria_reading import criterion_of
from brokenseal.detections.matching import run_correlations
from brokenseal.detections.regex_engine import POLICY
from brokenseal.detections.rules import Rule, RuleSet, load_rules
from brokenseal.detections.shadows import raw_columns, shadow_columns, with_shadows
from brokenseal.detections.taxonomy import kinds_of_logsource
from brokenseal.detections.windows_kind import by_lower_case, keys_sql, view_relation, windows_kind
from brokenseal.detections.windows_matching import BATCH_COLUMNS, WindowsRules
from brokenseal.events.engine import DuckEngine
from brokenseal.parsers import Settings
from brokenseal.parsers.base import parser_of_table
from brokenseal.parsers.blocks import Tally
from brokenseal.parsers.evtx import Evtx
from brokenseal.parsers.windows_event import TABLE

SHARED = Path(__file__).resolve().parents[3] / "shared"
SIGMAHQ = SHARED / "sigmahq"

SYSMON = "Microsoft-Windows-Sysmon/Operational"
SCHEMA = pa.schema([parser_of_table(TABLE).schema().field(name) for name in BATCH_COLUMNS])

Matches = Counter[tuple[str, int, int]]


def decoded(files: Sequence[Path]) -> pa.Table:
    """All records of *files*; ``source_id`` is the place of the file in the list."""
    tables = [SCHEMA.empty_table()]
    for number, path in enumerate(files):
        for batch in Evtx(path.name, Settings()).batches(io.BytesIO(path.read_bytes()), Tally()):
            ids = pa.array([number] * batch.parsed.table.num_rows, pa.int32())
            at = batch.parsed.table.schema.get_field_index("source_id")
            tables.append(batch.parsed.table.set_column(at, "source_id", ids).select(BATCH_COLUMNS).cast(SCHEMA))
    return pa.concat_tables(tables).combine_chunks()


def events(*rows: Mapping[str, object]) -> pa.Table:
    """Rows that name some columns; ``Data`` as a mapping."""
    filled = [
        {
            **{"source_id": 1, "line": line, "time": datetime(2021, 3, 3, tzinfo=UTC)},
            **row,
            "Data": json.dumps(row.get("Data") or {}, ensure_ascii=False),
        }
        for line, row in enumerate(rows, start=1)
    ]
    return pa.Table.from_pylist(filled, schema=SCHEMA)


def matched(rules: Iterable[Rule], table: pa.Table) -> Matches:
    with DuckEngine(threads=1, memory_limit_mib=512) as engine:
        found = WindowsRules(rules).match(engine, table)
    assert not found.failures
    return Counter((row["rule"], row["source_id"], row["line"]) for row in found.table.to_pylist())


def one_by_one(rules: Iterable[Rule], table: pa.Table) -> Matches:
    """Each rule's condition on every event of its view, with nothing chosen before."""
    found: Matches = Counter()
    with DuckEngine(threads=1, memory_limit_mib=512) as engine:
        engine.register("everything", table)
        keys = by_lower_case(engine.query(keys_sql("everything")).column("name").to_pylist())
        by_view: dict[str, list[Rule]] = {}
        for rule in rules:
            for view in rule.kinds:
                by_view.setdefault(view, []).append(rule)
        for name, own in by_view.items():
            kind = windows_kind(name)
            criteria = [rule.criterion for rule in own]
            columns, shadows = raw_columns(criteria, kind), shadow_columns(criteria, kind)
            events_of_view = view_relation("everything", kind, columns, keys)
            engine.execute(f"CREATE OR REPLACE TABLE one AS {with_shadows(f'({events_of_view})', shadows)}")
            for rule in own:
                condition = rule.condition_sql(name, [shadow.name for shadow in shadows])
                for row in engine.query(f"SELECT source_id, line FROM one WHERE {condition}").to_pylist():
                    found[rule.id, row["source_id"], row["line"]] += 1
    return found


def rule(detection: Mapping[str, object], number: int = 1, /, **logsource: str) -> Rule:
    source = logsource or {"category": "process_creation", "product": "windows"}
    data = {"title": "r", "logsource": source, "detection": {"condition": "selection", **detection}}
    kinds = kinds_of_logsource(source.get("category"), source.get("product"), source.get("service"))
    rule_id = f"00000000-0000-4000-8000-{number:012}"
    criterion = criterion_of(SigmaRule.from_dict(data, policy=POLICY))
    return Rule(
        id=rule_id, title="r", level="high", path="r.yml", line=1, file="r.yml", kinds=kinds, criterion=criterion
    )


def test_all_regression_cases_of_sigmahq_fire_as_often_as_they_say(sigmahq: RuleSet) -> None:
    cases = []
    for info in sorted((SIGMAHQ / "regression_data").rglob("info.yml")):
        told = yaml.safe_load(info.read_text("utf-8"))
        for case in told["regression_tests_info"]:
            cases.append((told["rule_metadata"][0]["id"], SIGMAHQ / case["path"], case.get("match_count", 1)))
    assert len(cases) == 162
    table = decoded([path for _, path, _ in cases])
    hits = Counter((rule, source) for rule, source, _ in matched(sigmahq.rules, table))
    short = [(rule, hits[rule, at], count) for at, (rule, _, count) in enumerate(cases) if hits[rule, at] < count]
    assert not short


def test_every_public_rule_runs_or_is_listed_with_its_reason(sigmahq: RuleSet, sigmahq_folders: list[Path]) -> None:
    loaded = sigmahq
    reasons = {problem.severity: 0 for problem in loaded.problems} | Counter(p.severity for p in loaded.problems)
    files = sum(1 for folder in sigmahq_folders for _ in folder.rglob("*.yml"))
    assert files == 3754
    assert len(loaded.rules) + len(loaded.correlations) + loaded.not_run == files
    assert "error" not in reasons
    assert [p.reason for p in loaded.problems if p.severity == "not_run"] == [
        "placeholder %known_cdcs% has no values"
    ] * 2
    windows = {p.reason for p in loaded.problems if p.severity == "no_source" and "product windows" in p.reason}
    # Nothing in an event log stands for these: they are of file-system tracing.
    assert windows == {
        f"no source in this version: category {name}, product windows" for name in ("file_access", "file_rename")
    }


@pytest.mark.skipif(not (SHARED / "evidence" / "evtx-attack").is_dir(), reason="needs ../shared/evidence")
def test_candidates_give_what_each_rule_gives_by_itself(sigmahq: RuleSet) -> None:
    files = sorted((SHARED / "evidence" / "evtx-attack").rglob("*.evtx"))
    assert len(files) == 277
    table = decoded(files)
    rules = [rule for rule in sigmahq.rules if any(kind.startswith("windows_event:") for kind in rule.kinds)]
    hits = matched(rules, table)
    assert len({rule for rule, _, _ in hits}) > 100
    assert max(hits.values()) == 1
    assert hits == one_by_one(rules, table)


WORDS = [
    "cmd",
    r"C:\Windows\cmd.exe",
    r"\\EX01\c$",
    "-",
    "",
    "a*b",
    'say "x"',
    "Ünï",
    "🦆🦆",
    "\u212aelvin",
    "k",
    "line\nend",
    "0x1f4",
]
VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(0, 70000),
    st.just({"inner": r"a\b"}),
    st.text(max_size=6),
)
FIELDS = ["CommandLine", "commandline", "Image", "User"]
KEYS = st.builds(
    "|".join,
    st.one_of(
        st.tuples(st.sampled_from(FIELDS)),
        st.tuples(st.sampled_from(FIELDS), st.sampled_from(["contains", "startswith", "endswith", "cased", "exists"])),
        st.tuples(st.sampled_from(FIELDS), st.just("contains"), st.just("all")),
    ),
)


@st.composite
def selections(draw: st.DrawFn) -> dict[str, object]:
    chosen: dict[str, object] = {}
    for key in draw(st.lists(KEYS, min_size=1, max_size=3, unique=True)):
        texts = st.sampled_from([word.replace("\\", "\\\\") for word in WORDS if word] + ["cmd*", "?md", "*exe"])
        if key.endswith("exists"):
            chosen[key] = draw(st.booleans())
        elif key.endswith("all"):
            chosen[key] = draw(st.lists(texts, min_size=2, max_size=3, unique=True))
        elif "|" in key:
            chosen[key] = draw(st.one_of(texts, st.lists(texts, min_size=1, max_size=3, unique=True)))
        else:
            chosen[key] = draw(st.one_of(texts, st.none(), st.just(""), st.integers(0, 9), st.booleans()))
    return chosen


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3), min_size=1, max_size=8),
    st.lists(
        st.tuples(
            selections(),
            selections(),
            st.sampled_from(
                ["one", "one and not two", "not one", "one or two", "not (one or two)", "1 of *", "all of *"]
            ),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_random_rules_on_random_events(
    rows: list[dict[str, object]], told: list[tuple[dict[str, object], dict[str, object], str]]
) -> None:
    table = events(*({"Channel": SYSMON, "EventID": 1, "Data": row} for row in rows))
    rules = [
        rule({"one": one, "two": two, "condition": condition}, number)
        for number, (one, two, condition) in enumerate(told, start=1)
    ]
    assert matched(rules, table) == one_by_one(rules, table)


def test_letters_that_only_look_beyond_ascii_are_found() -> None:
    kelvin = rule({"selection": {"CommandLine|contains": "mimikatz"}})
    table = events({"Channel": SYSMON, "EventID": 1, "Data": {"CommandLine": "mimi\u212aatz"}})
    assert len(matched([kelvin], table)) == 1


def test_backslashes_quotes_and_line_ends_of_json_hide_nothing() -> None:
    texts = [r"C:\Temp\evil.exe", r"\\EX01\share", 'say "hello"', "first\nsecond", "Grüße", "/c whoami"]
    for text in texts:
        own = rule({"selection": {"CommandLine|contains": text.replace("\\", "\\\\")}})
        table = events({"Channel": SYSMON, "EventID": 1, "Data": {"CommandLine": f"x {text} y"}})
        assert len(matched([own], table)) == 1, text


def test_a_hyphen_is_a_value_and_an_empty_text_is_none() -> None:
    table = events(*({"Channel": SYSMON, "EventID": 1, "Data": data} for data in ({"User": "-"}, {"User": ""}, {})))
    lines = {
        name: sorted(line for _, _, line in matched([rule({"selection": {"User": value}})], table))
        for name, value in (("hyphen", "-"), ("null", None), ("empty", ""))
    }
    assert lines == {"hyphen": [1], "null": [2, 3], "empty": [2, 3]}


def test_not_holds_for_an_event_without_the_field() -> None:
    own = rule(
        {
            "selection": {"Image|endswith": "cmd.exe"},
            "filter": {"User": "anna"},
            "condition": "selection and not filter",
        }
    )
    table = events(
        {"Channel": SYSMON, "EventID": 1, "Data": {"Image": "cmd.exe"}},
        {"Channel": SYSMON, "EventID": 1, "Data": {"Image": "cmd.exe", "User": "ANNA"}},
    )
    assert [line for _, _, line in matched([own], table)] == [1]


def test_the_log_source_decides_which_events_a_rule_sees() -> None:
    table = events(
        {"Channel": SYSMON.upper(), "EventID": 1, "Data": {"Image": "x.exe"}},
        {"Channel": SYSMON, "EventID": 11, "Data": {"Image": "x.exe"}},
        {"Channel": "Security", "EventID": 4688, "Data": {"NewProcessName": "x.exe"}},
        {"Channel": "Security", "EventID": 4624, "Data": {"Image": "x.exe"}},
        {"Channel": None, "EventID": 1, "Data": {"Image": "x.exe"}},
    )
    selection = {"selection": {"Image": "x.exe"}}
    seen = {
        name: [line for _, _, line in sorted(matched([rule(selection, **source)], table))]
        for name, source in {
            "category": {"category": "process_creation", "product": "windows"},
            "both": {"category": "process_creation", "product": "windows", "service": "sysmon"},
            "service": {"service": "sysmon", "product": "windows"},
            "product": {"product": "windows"},
        }.items()
    }
    assert seen == {"category": [1, 3], "both": [1], "service": [1, 2], "product": [1, 2, 4, 5]}


def test_fields_of_other_logs_stand_for_sysmons() -> None:
    created = {
        "NewProcessName": r"C:\x.exe",
        "NewProcessId": "0x1f4",
        "ProcessId": "0x10",
        "ParentProcessName": "p.exe",
        "SubjectDomainName": "CORP",
        "SubjectUserName": "anna",
        "MandatoryLabel": "S-1-16-12288",
    }
    changed = {
        "ObjectName": r"\REGISTRY\MACHINE\SOFTWARE\Run",
        "ObjectValueName": "x",
        "NewValue": "evil",
        "OperationType": "%%1905",
    }
    table = events(
        {"Channel": "Security", "EventID": 4688, "Data": created},
        {"Channel": "Security", "EventID": 4657, "Data": changed},
        {"Channel": "Security", "EventID": 4657, "Data": {**changed, "OperationType": "%%1906"}},
    )
    start = rule(
        {
            "selection": {
                "Image": r"C:\\x.exe",
                "ProcessId": 500,
                "ParentProcessId": "16",
                "ParentImage": "p.exe",
                "User": r"CORP\\anna",
                "IntegrityLevel": "High",
            }
        }
    )
    value = rule(
        {"selection": {"TargetObject": r"HKLM\\SOFTWARE\\Run\\x", "Details": "evil", "EventType": "SetValue"}},
        2,
        category="registry_set",
        product="windows",
    )
    assert sorted(line for _, _, line in matched([start, value], table)) == [1, 2]


def test_keywords_look_at_every_value_the_message_and_the_provider() -> None:
    own = rule({"keywords": ["evil"], "condition": "keywords"}, product="windows", service="application")
    rows: list[dict[str, object]] = [
        {"Data": {"any": "an EVIL one"}},
        {"Message": "evil"},
        {"Provider_Name": "Evil"},
        {"Data": {"evil": "name"}},
    ]
    table = events(*({"Channel": "Application", "EventID": 1, **row} for row in rows))
    assert sorted(line for _, _, line in matched([own], table)) == [1, 2, 3]


def test_a_rule_whose_sql_fails_is_named_and_the_others_run() -> None:
    class Broken(Rule):
        def condition_sql(self, kind: str, shadows: object = ()) -> str:
            return "no such thing"

    good = rule({"selection": {"Image": "x.exe"}}, 1)
    broken = Broken(**{each.name: getattr(good, each.name) for each in fields(good) if each.init} | {"id": "broken"})
    with DuckEngine(threads=1) as engine:
        table = events({"Channel": SYSMON, "EventID": 1, "Data": {"Image": "x.exe"}})
        found = WindowsRules([good, broken]).match(engine, table)
    assert [failure.rule for failure in found.failures] == ["broken"]
    assert found.table.column("rule").to_pylist() == [good.id]


def test_the_order_of_the_rows_does_not_matter() -> None:
    """Few of many rows are candidates here, so that a rule gets a table of its own."""
    rows = [
        {"Channel": SYSMON, "EventID": 1, "Data": {"CommandLine": f"number-{n:03} {'even' if n % 2 else 'odd'}-word"}}
        for n in range(100)
    ]
    rules = [rule({"selection": {"CommandLine|contains": f"number-{n:03}"}}, n) for n in range(1, 100, 7)]
    rules += [rule({"selection": {"CommandLine|contains": "even-word"}}, 1000)]
    table = events(*rows)
    expected = matched(rules, table)
    assert sorted(line for found, _, line in expected if not found.endswith("1000")) == list(range(2, 101, 7))
    shuffled = table.take(pa.array([(n * 37) % 100 for n in range(100)]))
    assert matched(rules, shuffled) == expected


def test_a_search_for_words_and_the_field_keywords_do_not_get_in_each_others_way() -> None:
    table = events(
        {"Channel": "Security", "EventID": 4673, "Keywords": "0x8010000000000000", "Data": {"Service": "x"}},
        {"Channel": "Security", "EventID": 4673, "Keywords": "0x8020000000000000", "Data": {"Service": "some word"}},
    )
    source = {"product": "windows", "service": "security"}
    field = rule({"selection": {"Keywords": "0x8010000000000000"}}, 1, **source)
    words = rule({"selection": ["some word"]}, 2, **source)
    assert sorted((found[-1], line) for found, _, line in matched([field, words], table)) == [("1", 1), ("2", 2)]


def test_words_are_looked_for_in_the_name_of_the_log_too() -> None:
    own = rule({"selection": ["example-trail/oper"]}, product="windows")
    table = events({"Channel": "Example-Trail/Operational"}, {"Channel": "System"})
    assert [line for _, _, line in matched([own], table)] == [1]


@pytest.mark.parametrize("level", ["Error", "error", "2", 2])
def test_levels_have_names_and_numbers(level: object) -> None:
    own = rule({"selection": {"Level": level}}, product="windows", service="application")
    table = events(*({"Channel": "Application", "Level": number} for number in (1, 2, 3, 4, None)))
    assert [line for _, _, line in matched([own], table)] == [2]


def test_fields_with_names_that_sql_uses_itself() -> None:
    names = ["line", "source_id", "host#lc", "#lc", "image#lc", "#rows", "brokenseal_rows", "x", "data", 'a"b', "a\0b"]
    rules = [rule({"selection": {name: "value-one"}}, n) for n, name in enumerate(names, start=1)]
    rules.append(rule({"selection": {"Image": "value-two"}}, 100))
    rows: list[dict[str, object]] = [{name: "value-one", "Image": "value-two"} for name in names]
    table = events(*({"Channel": SYSMON, "EventID": 1, "Data": row} for row in rows))
    found = Counter(int(found[-12:]) for found, _, _ in matched(rules, table))
    assert found == {**dict.fromkeys(range(1, len(names) + 1), 1), 100: len(names)}


def test_the_text_of_a_nested_value_is_its_json() -> None:
    own = rule({"selection": {"Details|contains": r"first\nsecond"}}, product="windows", service="system")
    table = events(
        {"Channel": "System", "Data": {"Details": {"text": "first\nsecond"}}},
        {"Channel": "System", "Data": {"Details": r"first\nsecond"}},
        {"Channel": "System", "Data": {"Details": "first\nsecond"}},
    )
    assert sorted(line for _, _, line in matched([own], table)) == [1, 2]


def test_no_events_and_no_rules() -> None:
    assert matched([rule({"selection": {"Image": "x.exe"}})], events()) == {}
    assert matched([], events({"Channel": SYSMON})) == {}


def test_one_set_of_rules_can_be_used_by_several_threads() -> None:
    rules = WindowsRules([rule({"selection": {"CommandLine|contains": f"word-{n}"}}, n) for n in range(1, 10)])
    tables = [
        events(
            *({"Channel": SYSMON, "EventID": 1, "Data": {"CommandLine": f"word-{(n + at) % 12}"}} for n in range(200))
        )
        for at in range(6)
    ]

    def judge(table: pa.Table) -> list[object]:
        with DuckEngine(threads=1) as engine:
            names = [(name, "ascending") for name in ("rule", "line")]
            return list(rules.match(engine, table).table.sort_by(names).to_pylist())

    alone = [judge(table) for table in tables]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(judge, tables)) == alone


def test_the_log_that_was_cleared_decides_which_public_rule_fires(sigmahq: RuleSet) -> None:
    clearing = [found for found in sigmahq.rules if "eventlog_cleared" in found.path and "/system/" in found.path]
    cleared = {"Channel": "System", "EventID": 104, "Provider_Name": "Microsoft-Windows-Eventlog"}
    table = events(
        {**cleared, "Data": {"Channel": "Example Log"}}, {**cleared, "Data": {"Channel": "Windows PowerShell"}}
    )
    names = {found.id: Path(found.path).stem for found in clearing}
    assert sorted((line, names[found]) for found, _, line in matched(clearing, table)) == [
        (1, "win_system_eventlog_cleared"),
        (2, "win_system_susp_eventlog_cleared"),
    ]


CORRELATIONS = """\
title: failed
name: failed
id: 00000000-0000-4000-8000-000000000101
logsource: {product: windows, service: security}
detection: {selection: {EventID: 4625}, condition: selection}
---
title: started
name: started
id: 00000000-0000-4000-8000-000000000102
logsource: {product: windows, category: process_creation}
detection: {selection: {Image|endswith: cmd.exe}, condition: selection}
---
title: many
id: 00000000-0000-4000-8000-000000000201
correlation: {type: event_count, rules: [failed], group-by: [TargetUserName, Computer], timespan: 1m, condition: {gte: 3}}
---
title: accounts
id: 00000000-0000-4000-8000-000000000202
correlation:
    {type: value_count, rules: [failed], group-by: [IpAddress], timespan: 1m, condition: {field: targetusername, gte: 2}}
---
title: then
id: 00000000-0000-4000-8000-000000000203
correlation:
    type: temporal_ordered
    rules: [failed, started]
    aliases: {who: {failed: TargetUserName, started: User}}
    group-by: [who]
    timespan: 5m
"""


def test_correlations_group_by_fields_of_the_events(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(CORRELATIONS, "utf-8")
    loaded = load_rules([tmp_path])
    assert loaded.problems == ()

    def at(minute: int, second: int) -> datetime:
        return datetime(2021, 3, 3, 2, minute, second, tzinfo=UTC)

    def failed(time: datetime, user: str, address: str) -> dict[str, object]:
        data = {"targetUserName" if user.isupper() else "TargetUserName": user, "IpAddress": address}
        return {"Channel": "Security", "EventID": 4625, "host": "EX01", "time": time, "Data": data}

    created = {"NewProcessName": "cmd.exe", "SubjectDomainName": "CORP", "SubjectUserName": "anna"}
    table = events(
        failed(at(0, 0), r"corp\anna", "192.0.2.1"),
        failed(at(0, 30), r"CORP\ANNA", "192.0.2.1"),
        failed(at(1, 0), r"corp\anna", "192.0.2.1"),
        failed(at(0, 10), "bela", "192.0.2.9"),
        failed(at(0, 20), "cili", "192.0.2.9"),
        {"Channel": "Security", "EventID": 4688, "host": "EX01", "time": at(3, 0), "Data": created},
    )
    with DuckEngine(threads=1) as engine:
        found = WindowsRules(loaded.rules).match(engine, table)
        engine.register("everything", table)
        engine.register("found", found.table)
        keys = by_lower_case(engine.query(keys_sql("everything")).column("name").to_pylist())
        columns = {
            "windows_event:security": ["targetusername", "ipaddress", "computer"],
            "windows_event:process_creation": ["user", "computer"],
        }
        relations = {
            name: f"({view_relation('everything', windows_kind(name), wanted, keys)})"
            for name, wanted in columns.items()
        }
        correlated = run_correlations(engine, loaded.correlations, "found", relations)
    assert not correlated.failures
    groups = [(row["rule"][-3:], row["values"], row["events"]) for row in correlated.groups.to_pylist()]
    assert groups == [
        ("201", [r"corp\anna", "ex01"], 3),
        ("202", ["192.0.2.9"], 2),
        ("203", [r"corp\anna"], 4),
    ]
