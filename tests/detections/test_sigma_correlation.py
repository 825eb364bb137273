"""Reading correlations from YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from brokenseal.detections.matching import MATCH_SCHEMA, run_correlations
from brokenseal.detections.rules import RuleSet, load_rules
from brokenseal.detections.sigma_correlation import Absent, Combined, Correlation, Present
from brokenseal.events.engine import DuckEngine

ID = "44444444-0000-4000-8000-00000000000"


def load(write_rules: Callable[[Mapping[str, str]], Path], body: str) -> RuleSet:
    rules = "".join(
        f"title: t{n}\nid: {ID}{n}\nname: {name}\nlogsource: {{product: exchange, service: {service}}}\n"
        f"detection: {{sel: {{RequestId: x}}, condition: sel}}\n---\n"
        for n, (name, service) in enumerate([("proxy", "httpproxy"), ("mail", "ews")], start=1)
    )
    return load_rules([write_rules({"r.yml": f"{rules}title: c\nid: {ID}3\ncorrelation:\n{body}"})])


def only(loaded: RuleSet) -> Correlation:
    assert loaded.problems == ()
    return loaded.correlations[0]


def test_aliases_join_different_fields(
    engine: DuckEngine, table_of: Callable[..., pa.Table], write_rules: Callable[[Mapping[str, str]], Path]
) -> None:
    body = (
        "  type: temporal\n  rules: [proxy, mail]\n  group-by: [who]\n  timespan: 1m\n"
        "  aliases: {who: {proxy: AuthenticatedUser, " + f"{ID}2" + ": ActAsUser}}\n"
    )
    wanted = only(load(write_rules, body))
    assert wanted.conditions == ((">=", 2),)
    engine.register("proxy_rows", table_of("httpproxy", [{"AuthenticatedUser": "Ann"}, {"AuthenticatedUser": "bob"}]))
    mails = [{"ActAsUser": "ann", "source_id": 2}, {"AuthenticatedUser": "bob", "source_id": 2}]
    engine.register("mail_rows", table_of("ews", mails))
    rows = {"rule": [f"{ID}1", f"{ID}1", f"{ID}2", f"{ID}2"], "source_id": [1, 1, 2, 2], "line": [1, 2, 1, 2]}
    engine.register("all_matches", pa.table(rows, schema=MATCH_SCHEMA))
    found = run_correlations(engine, [wanted], "all_matches", {"httpproxy": "proxy_rows", "ews": "mail_rows"})
    assert found.groups.column("values").to_pylist() == [["ann"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "  type: event_count\n  rules: proxy\n  timespan: 2h\n  condition: {gt: 1, lte: 5}\n",
            {"conditions": ((">", 1), ("<=", 5))},
        ),
        (
            "  type: event_count\n  rules: [proxy]\n  timespan: 7d\n  condition: {neq: 2}\n",
            {"conditions": (("<>", 2),)},
        ),
        (
            "  type: value_count\n  rules: [proxy]\n  timespan: 1s\n  condition: {gte: 2, field: UrlStem}\n",
            {"counted": ("UrlStem",)},
        ),
        (
            "  type: value_count\n  rules: [proxy]\n  timespan: 1s\n  condition: {gte: 2, field: [UrlStem, Method]}\n",
            {"counted": ("UrlStem", "Method")},
        ),
        (
            "  type: temporal_ordered\n  rules: [mail, proxy]\n  timespan: 5m\n",
            {"type": "temporal_ordered", "span_ms": 300_000},
        ),
        ("  type: temporal_ordered\n  timespan: 5m\n  condition: mail and proxy\n", {"type": "temporal_ordered"}),
        (
            "  type: temporal\n  timespan: 5m\n  condition: proxy and not mail\n",
            {"presence": Combined("AND", (Present(f"{ID}1"), Absent(Present(f"{ID}2"))))},
        ),
    ],
)
def test_what_is_read(
    write_rules: Callable[[Mapping[str, str]], Path], body: str, expected: Mapping[str, object]
) -> None:
    wanted = only(load(write_rules, body))
    assert {name: getattr(wanted, name) for name in expected} == expected


@pytest.mark.parametrize(
    "body",
    [
        "  type: temporal_ordered\n  rules: [mail, proxy]\n  timespan: 5m\n  condition: {gte: 1}\n",
        "  type: temporal_ordered\n  timespan: 5m\n  condition: mail or proxy\n",
        "  type: value_avg\n  rules: [proxy]\n  timespan: 5m\n  condition: {gte: 1, field: HttpStatus}\n",
    ],
)
def test_what_is_not_supported_is_listed(write_rules: Callable[[Mapping[str, str]], Path], body: str) -> None:
    loaded = load(write_rules, body)
    assert loaded.correlations == ()
    assert [problem.severity for problem in loaded.problems] == ["not_run"]
    assert "supported" in loaded.problems[0].reason
