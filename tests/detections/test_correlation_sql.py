"""Correlations held against a matcher that tries every window."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.matching import (
    GROUP_SCHEMA,
    MATCH_SCHEMA,
    MEMBER_SCHEMA,
    CorrelationMatches,
    run_correlations,
)
from brokenseal.detections.sigma_correlation import Absent, Combined, Correlation, Presence, Present, Reference
from brokenseal.events.engine import DuckEngine

START = dt.datetime(2021, 3, 3, tzinfo=dt.UTC)
KINDS = ("httpproxy",)
RULES = ("rule-a", "rule-b", "rule-c")

#: rule, seconds after START, user, stem
Hit = tuple[str, int, str | None, str | None]


def correlation(kind: str, rules: Sequence[str] = RULES, **more: object) -> Correlation:
    base = Correlation(
        id="33333333-0000-4000-8000-000000000001",
        title="t",
        level="high",
        path="c.yml",
        line=1,
        file="c.yml",
        type=kind,
        uses=tuple(Reference(rule, KINDS) for rule in rules),
        span_ms=10_000,
        group_by=("AuthenticatedUser",),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def run(
    engine: DuckEngine, table_of: Callable[..., pa.Table], hits: Sequence[Hit], *correlations: Correlation
) -> CorrelationMatches:
    rows = [
        {"time": START + dt.timedelta(seconds=seconds), "AuthenticatedUser": user, "UrlStem": stem}
        for _, seconds, user, stem in hits
    ]
    engine.register("hit_events", table_of("httpproxy", rows))
    matches = {"rule": [hit[0] for hit in hits], "source_id": [1] * len(hits), "line": list(range(1, len(hits) + 1))}
    engine.register("hit_rules", pa.table(matches, schema=MATCH_SCHEMA))
    found = run_correlations(engine, correlations, "hit_rules", {"httpproxy": "hit_events"})
    assert found.failures == ()
    return found


def members(found: CorrelationMatches, rule: str | None = None) -> dict[str | None, set[int]]:
    """Group value → lines of its contributing events."""
    values = {(row["rule"], row["group"]): (row["values"] or [None])[0] for row in found.groups.to_pylist()}
    lines: dict[str | None, set[int]] = {}
    for row in found.members.to_pylist():
        if rule in (None, row["rule"]):
            lines.setdefault(values[row["rule"], row["group"]], set()).add(row["line"])
    return lines


# -- the reference -----------------------------------------------------------------------------------------------------

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
}


def present(presence: Presence, rules: set[str]) -> bool:
    if isinstance(presence, Present):
        return presence.rule in rules
    if isinstance(presence, Absent):
        return not present(presence.item, rules)
    hits = [present(item, rules) for item in presence.items]
    return all(hits) if presence.joined == "AND" else any(hits)


def holds(wanted: Correlation, window: Sequence[tuple[int, Hit]]) -> bool:
    rules = {hit[0] for _, hit in window}
    if wanted.presence is not None:
        return present(wanted.presence, rules)
    stems = {hit[3].lower() for _, hit in window if hit[3] is not None}
    count = {"event_count": len(window), "value_count": len(stems), "temporal": len(rules)}[wanted.type]
    return all(COMPARE[operator](count, number) for operator, number in wanted.conditions)


def reference(wanted: Correlation, hits: Sequence[Hit]) -> dict[str | None, set[int]]:
    span = wanted.span_ms // 1000
    names = [use.rule for use in wanted.uses]
    groups: dict[str, list[tuple[int, Hit]]] = {}
    for line, hit in enumerate(hits, start=1):
        if hit[0] in names and hit[2] is not None:
            groups.setdefault(hit[2].lower(), []).append((line, hit))
    result: dict[str | None, set[int]] = {}
    for user, found in groups.items():
        if wanted.type == "temporal_ordered":
            chains = itertools.product(*([entry for entry in found if entry[1][0] == name] for name in names))
            windows = [
                list(chain)
                for chain in chains
                if all(a[1][1] <= b[1][1] for a, b in itertools.pairwise(chain))
                and chain[-1][1][1] - chain[0][1][1] <= span
            ]
        else:
            every = [[e for e in found if start[1][1] <= e[1][1] <= start[1][1] + span] for start in found]
            whole = [w for w in every if not any(set(w) < set(other) for other in every)]
            windows = [window for window in whole if holds(wanted, window)]
        if windows:
            result[user] = {line for window in windows for line, _ in window}
    return result


_hits = st.lists(
    st.tuples(
        st.sampled_from([*RULES, "rule-x"]),
        st.integers(0, 40),
        st.sampled_from(["Ann", "ann", "bob", None]),
        st.sampled_from(["/a", "/A", "/b", "/c", None]),
    ),
    max_size=18,
)
_number = st.integers(0, 5)
_bounds = st.lists(st.tuples(st.sampled_from(list(COMPARE)), _number), min_size=1, max_size=2).map(tuple)
_presence: st.SearchStrategy[Presence] = st.recursive(
    st.sampled_from(RULES).map(Present),
    lambda inner: st.one_of(
        inner.map(Absent),
        st.builds(Combined, st.sampled_from(["AND", "OR"]), st.tuples(inner, inner)),
    ),
    max_leaves=4,
)
_correlations = st.one_of(
    st.builds(lambda b: correlation("event_count", conditions=b), _bounds),
    st.builds(lambda b: correlation("value_count", conditions=b, counted=("UrlStem",)), _bounds),
    st.builds(lambda b: correlation("temporal", conditions=b), _bounds),
    st.builds(lambda p: correlation("temporal", presence=p), _presence),
    st.builds(lambda r: correlation("temporal_ordered", r), st.permutations(RULES)),
    st.just(correlation("temporal_ordered", RULES[:2])),
    st.just(correlation("temporal_ordered", RULES[:1])),
)


@settings(max_examples=80, deadline=None)
@given(hits=_hits, wanted=_correlations)
def test_the_same_groups_and_events_as_trying_every_window(
    engine: DuckEngine, table_of: Callable[..., pa.Table], hits: list[Hit], wanted: Correlation
) -> None:
    assert members(run(engine, table_of, hits, wanted)) == reference(wanted, hits)


# -- the meaning, by example -------------------------------------------------------------------------------------------


def hit(rule: str, seconds: int, user: str | None = "ann", stem: str | None = None) -> Hit:
    return (rule, seconds, user, stem)


def test_a_window_is_not_bound_to_the_clock_and_is_closed(
    engine: DuckEngine, table_of: Callable[..., pa.Table]
) -> None:
    three = correlation("event_count", conditions=((">=", 3),))
    inside = [hit("rule-a", s) for s in (55, 59, 65)]
    assert members(run(engine, table_of, inside, three)) == {"ann": {1, 2, 3}}
    outside = [hit("rule-a", s) for s in (55, 59, 66)]
    assert members(run(engine, table_of, outside, three)) == {}
    long = [hit("rule-a", s) for s in (0, 8, 16, 24, 60)]
    assert members(run(engine, table_of, long, correlation("event_count", conditions=((">=", 2),)))) == {
        "ann": {1, 2, 3, 4}
    }


def test_what_a_group_says(engine: DuckEngine, table_of: Callable[..., pa.Table]) -> None:
    hits = [hit("rule-a", 1, "Zoe"), hit("rule-b", 3, "ANN"), hit("rule-a", 2, "zoe"), hit("rule-a", 9, "ann")]
    found = run(engine, table_of, hits, correlation("event_count", conditions=((">=", 2),)))
    assert (found.groups.schema, found.members.schema) == (GROUP_SCHEMA, MEMBER_SCHEMA)
    rule = "33333333-0000-4000-8000-000000000001"
    assert found.groups.to_pylist() == [
        {
            "rule": rule,
            "group": n,
            "values": [user],
            "first": START + dt.timedelta(seconds=a),
            "last": START + dt.timedelta(seconds=b),
            "events": 2,
        }
        for n, user, a, b in ((1, "ann", 3, 9), (2, "zoe", 1, 2))
    ]
    assert [(row["group"], row["line"], row["via"]) for row in found.members.to_pylist()] == [
        (1, 2, "rule-b"),
        (1, 4, "rule-a"),
        (2, 1, "rule-a"),
        (2, 3, "rule-a"),
    ]


def test_an_event_of_two_rules_counts_once(engine: DuckEngine, table_of: Callable[..., pa.Table]) -> None:
    engine.register("two_events", table_of("httpproxy", [{"AuthenticatedUser": "ann"}, {"AuthenticatedUser": "ann"}]))
    rows = {"rule": ["rule-a", "rule-b", "rule-a"], "source_id": [1, 1, 1], "line": [1, 1, 2]}
    engine.register("two_matches", pa.table(rows, schema=MATCH_SCHEMA))
    for number, groups in ((2, 1), (3, 0)):
        wanted = correlation("event_count", conditions=((">=", number),))
        assert run_correlations(engine, [wanted], "two_matches", {"httpproxy": "two_events"}).groups.num_rows == groups


def test_without_group_by_all_events_are_one_group(engine: DuckEngine, table_of: Callable[..., pa.Table]) -> None:
    wanted = correlation("temporal", conditions=((">=", 3),), group_by=())
    hits = [hit("rule-a", 1), hit("rule-b", 2, "bob"), hit("rule-c", 3, None)]
    found = run(engine, table_of, hits, wanted)
    assert found.groups.column("values").to_pylist() == [[]]
    assert found.members.column("line").to_pylist() == [1, 2, 3]


def test_order_matters_and_equal_times_are_in_any_order(engine: DuckEngine, table_of: Callable[..., pa.Table]) -> None:
    wanted = correlation("temporal_ordered", ("rule-a", "rule-b"))
    assert members(run(engine, table_of, [hit("rule-b", 1), hit("rule-a", 2)], wanted)) == {}
    assert members(run(engine, table_of, [hit("rule-a", 1), hit("rule-b", 2)], wanted)) == {"ann": {1, 2}}
    assert members(run(engine, table_of, [hit("rule-b", 1), hit("rule-a", 1)], wanted)) == {"ann": {1, 2}}


def test_a_correlation_over_a_correlation_begins_when_that_is_complete(
    engine: DuckEngine, table_of: Callable[..., pa.Table]
) -> None:
    many = correlation("event_count", ("rule-a",), conditions=((">=", 3),), id="many")
    then = correlation("temporal_ordered", ("many", "rule-b"), id="then")
    early = [hit("rule-a", 0), hit("rule-a", 1), hit("rule-b", 2), hit("rule-a", 3)]
    assert members(run(engine, table_of, early, many, then), "then") == {}
    # The failures go on after the success: it still came after the third of them.
    middle = [hit("rule-a", 0), hit("rule-a", 1), hit("rule-a", 2), hit("rule-b", 3), hit("rule-a", 4)]
    assert members(run(engine, table_of, middle, many, then), "then") == {"ann": {3, 4}}


def test_times_that_are_missing_and_kinds_that_are_absent(
    engine: DuckEngine, table_of: Callable[..., pa.Table]
) -> None:
    engine.register("timeless", table_of("httpproxy", [{"AuthenticatedUser": "ann", "time": None}]))
    engine.register("one_match", pa.table({"rule": ["rule-a"], "source_id": [1], "line": [1]}, schema=MATCH_SCHEMA))
    wanted = correlation("event_count", conditions=((">=", 1),))
    for relations in ({"httpproxy": "timeless"}, {}):
        assert run_correlations(engine, [wanted], "one_match", relations).groups.num_rows == 0


def test_a_correlation_that_fails_is_named_and_the_others_run(
    engine: DuckEngine, table_of: Callable[..., pa.Table]
) -> None:
    engine.register("some_events", table_of("httpproxy", [{"AuthenticatedUser": "ann"}]))
    engine.register("one_match", pa.table({"rule": ["rule-a"], "source_id": [1], "line": [1]}, schema=MATCH_SCHEMA))
    broken = correlation("event_count", conditions=(("NO OPERATOR", 1),), id="broken")
    good = correlation("event_count", conditions=((">=", 1),), id="good")
    found = run_correlations(engine, [broken, good], "one_match", {"httpproxy": "some_events"})
    assert [failure.rule for failure in found.failures] == ["broken"]
    assert found.groups.column("rule").to_pylist() == ["good"]
