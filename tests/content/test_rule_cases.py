"""Each shipped rule on events that it must match and on events that it must not.

``cases/<rule>/match.jsonl`` and ``nomatch.jsonl`` hold one case a line: an event (column → value; absent columns are
empty), or for correlations a list of events with their times and, where they are of several tables, their ``kind``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from brokenseal.detections.campaign import load_campaigns
from brokenseal.detections.matching import match_rules, run_correlations
from brokenseal.detections.rules import Rule, RuleSet, load_rules
from brokenseal.detections.sigma_correlation import Correlation
from brokenseal.detections.taxonomy import table_of
from brokenseal.events.engine import DuckEngine
from brokenseal.events.sources import WEB_FILE
from brokenseal.parsers.base import parser_for

CASES = Path(__file__).parent / "cases"
#: What a server writes all day: users, health probes, administrators, harmless scanners.
ORDINARY = Path(__file__).parent / "ordinary"
OUTCOMES = (None, "probed", "attempted", "succeeded")

Event = dict[str, object]


@cache
def rule_set() -> RuleSet:
    return load_rules([campaign.rules_folder for campaign in load_campaigns()])


def name_of(rule: Rule | Correlation) -> str:
    return Path(rule.path).stem


def rules() -> list[Rule]:
    """The rules on logs of lines; those on Windows events have their cases in ``host_rule_cases.yml``."""
    return sorted((rule for rule in rule_set().rules if line_kinds(rule) and has_cases(rule)), key=name_of)


def line_kinds(rule: Rule) -> list[str]:
    """Those on files of web folders have their cases in ``web_file_rule_cases.yml``."""
    return [kind for kind in rule.kinds if table_of(kind) == kind and kind != WEB_FILE]


def has_cases(rule: Rule) -> bool:
    """Rules on cmdlets, which two logs have, may have their cases on either.

    Rules on requests for files found to be web shells see nothing else: ``tests/incident/test_webshells.py``.
    """
    if rule.requests_to_planted:
        return False
    return "cmdlet" not in rule.kinds or (CASES / name_of(rule)).exists()


def correlations() -> list[Correlation]:
    return sorted(rule_set().correlations, key=name_of)


def read(path: Path) -> list[Event | list[Event]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cases(rule: str, kind: str) -> list[Event | list[Event]]:
    return read(CASES / rule / f"{kind}.jsonl")


def events_of(rule: Rule, kind: str) -> list[Event]:
    found = cases(name_of(rule), kind)
    assert found, f"{name_of(rule)} has no {kind} event"
    return [event for event in found if isinstance(event, dict)]


def table(kind: str, events: Sequence[Mapping[str, object]], source: int = 1) -> pa.Table:
    """The events as the parser of *kind* would hand them over; a column it does not have is a mistake in the case."""
    schema = parser_for(kind).schema()
    rows = []
    for line, event in enumerate(events, 1):
        unknown = set(event) - set(schema.names)
        assert not unknown, f"{kind} has no {unknown}"
        time = datetime.fromisoformat(str(event.get("time", "2021-03-03T02:11:00Z"))).astimezone(UTC)
        rows.append(
            {**dict.fromkeys(schema.names), **event, "time": time, "source_id": source, "line": line, "offset": 0}
        )
    return pa.Table.from_pylist(rows, schema=schema)


def matched(chosen: Sequence[Rule], kind: str, events: Sequence[Event]) -> dict[str, set[int]]:
    """Rule name → the numbers (from 0) of the events it matches."""
    with DuckEngine(threads=1) as engine:
        engine.register("candidates", table(kind, events))
        found = match_rules(engine, kind, "candidates", chosen)
    assert not found.failures
    names = {rule.id: name_of(rule) for rule in chosen}
    lines: dict[str, set[int]] = {name: set() for name in names.values()}
    for row in found.table.to_pylist():
        lines[names[row["rule"]]].add(row["line"] - 1)
    return lines


def correlated(correlation: Correlation, events: Sequence[Event]) -> bool:
    chosen = [rule for rule in rule_set().rules if rule.id in {use.rule for use in correlation.uses}]
    matches = []
    with DuckEngine(threads=1) as engine:
        for source, kind in enumerate(correlation.kinds):
            own = [event for event in events if event.get("kind", correlation.kinds[0]) == kind]
            rows = [{name: value for name, value in event.items() if name != "kind"} for event in own]
            engine.register(f"events_{kind}", table(kind, rows, source))
            matches.append(match_rules(engine, kind, f"events_{kind}", chosen).table)
        engine.register("matches", pa.concat_tables(matches))
        found = run_correlations(
            engine, [correlation], "matches", {kind: f"events_{kind}" for kind in correlation.kinds}
        )
    assert not found.failures
    return bool(found.groups.num_rows)


def test_every_rule_has_cases_and_every_case_a_rule() -> None:
    loaded: list[Rule | Correlation] = [*rules(), *correlations()]
    named = {name_of(rule) for rule in loaded}
    assert named == {path.name for path in CASES.iterdir()}
    on_events = {name_of(rule) for rule in rule_set().rules if not line_kinds(rule) or not has_cases(rule)}
    shipped = {path.stem for campaign in load_campaigns() for path in campaign.rules_folder.glob("*.yml")}
    assert shipped == named | on_events
    for name in named:
        assert cases(name, "match")
        assert cases(name, "nomatch")


@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_rule_matches_what_it_must(rule: Rule) -> None:
    (kind,) = line_kinds(rule)
    events = events_of(rule, "match")
    missed = set(range(len(events))) - matched([rule], kind, events)[name_of(rule)]
    assert not missed, [events[at] for at in sorted(missed)]


@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_rule_is_silent_where_it_must_be(rule: Rule) -> None:
    (kind,) = line_kinds(rule)
    events = events_of(rule, "nomatch")
    hits = matched([rule], kind, events)[name_of(rule)]
    assert not hits, [events[at] for at in sorted(hits)]


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule.outcome], ids=name_of)
def test_no_other_rule_says_more_of_the_same_event(rule: Rule) -> None:
    (kind,) = line_kinds(rule)
    stronger = [
        other
        for other in rules()
        if kind in other.kinds and OUTCOMES.index(other.outcome) > OUTCOMES.index(rule.outcome)
    ]
    assert not {name: hits for name, hits in matched(stronger, kind, events_of(rule, "match")).items() if hits}


@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_the_prefilter_finds_each_event_that_the_rule_matches(rule: Rule) -> None:
    (kind,) = line_kinds(rule)
    literals = rule.literals(kind)
    if literals is None:
        pytest.skip("looks at every event")
    for event in events_of(rule, "match"):
        line = ",".join(str(value) for value in event.values()).lower()
        assert any(literal in line for literal in literals), event


@pytest.mark.parametrize("path", sorted(ORDINARY.iterdir()), ids=lambda path: path.stem)
def test_ordinary_events_are_no_finding(path: Path) -> None:
    events = read(path)
    grading = [rule for rule in rules() if path.stem in rule.kinds and rule.outcome]
    hits = matched(grading, path.stem, [event for event in events if isinstance(event, dict)])
    assert not [(name, events[at]) for name, found in hits.items() for at in found]


@pytest.mark.parametrize("correlation", correlations(), ids=name_of)
def test_correlation(correlation: Correlation) -> None:
    for expected, kind in ((True, "match"), (False, "nomatch")):
        for events in cases(name_of(correlation), kind):
            assert isinstance(events, list)
            assert correlated(correlation, events) is expected, events


def test_the_published_chain_climbs_the_ladder() -> None:
    """The seven requests of the chain, then the shell and the mail: each is seen as its own stage."""
    anchor = "ServerInfo~a]@exch01.corp.example:444/{}?#"
    service = "ecp/DDI/DDIService.svc/{}Object?msExchEcpCanary=AbCd&schema={}OABVirtualDirectory"
    chain = [
        ("autodiscover/autodiscover.xml", 200, "autodiscover"),
        ("mapi/emsmdb", 200, "mailbox_id"),
        ("ecp/proxyLogon.ecp", 241, "session"),
        (service.format("Get", ""), 200, "oab_read"),
        (service.format("Set", ""), 200, "oab_poisoned"),
        (service.format("Set", "Reset"), 200, "file_written"),
        (service.format("Set", ""), 200, "oab_poisoned"),
        ("EWS/Exchange.asmx", 200, "mail_read"),
    ]
    events: list[Event] = [
        {"AnchorMailbox": anchor.format(target), "HttpStatus": status, "Method": "POST", "UrlStem": "/ecp/y.js"}
        for target, status, _ in chain
    ]
    chosen = [rule for rule in rules() if "httpproxy" in rule.kinds]
    stages = {name_of(rule): rule.stage for rule in chosen}
    seen = matched(chosen, "httpproxy", events)
    for at, (target, _, stage) in enumerate(chain):
        assert [stages[name] for name, hits in seen.items() if at in hits] == [stage], target
