"""Run all rules over the case and keep what they matched in one table."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.detections.matching import MATCH_SCHEMA, match_rules, run_correlations
from brokenseal.detections.taxonomy import request_id_sql
from brokenseal.events import EventStore
from brokenseal.events.store import present_kinds
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.matches import build_matches

Failure = tuple[str | None, str, str]


def match_everything(store: EventStore, knowledge: Knowledge, prefilter: str) -> list[Failure]:
    """Make the table ``matches``; the rules that failed while running come back as (id, file, reason).

    Rules with literals look at candidates only; the few without any look at every event of their kind.
    """
    relations: dict[str, str] = {}
    keys: dict[str, list[pa.Table]] = defaultdict(list)
    failures: list[Failure] = []
    for kind in present_kinds(store):
        rules = knowledge.for_kind(kind)
        chosen = [rule for rule in rules if rule.literals(kind) is not None]
        everything = [rule for rule in rules if rule.literals(kind) is None]
        candidates = store.candidates(kind, prefilter)
        events = store.events(kind)
        if events is None:
            continue
        relations[kind] = events if everything or candidates is None else candidates
        for relation, group in ((candidates, chosen), (events, everything)):
            if relation is None or not group:
                continue
            matches = match_rules(store.engine, kind, relation, group, materialise=relation is candidates)
            keys[kind].append(matches.table)
            failures += [(failure.rule, _path(knowledge, failure.rule), failure.error) for failure in matches.failures]
    _yield(store, knowledge, relations, keys)
    matched = pa.concat_tables([MATCH_SCHEMA.empty_table(), *[table for found in keys.values() for table in found]])
    if matched.num_rows and knowledge.rule_set.correlations:
        store.engine.register("rule_matches", matched)
        correlated = run_correlations(store.engine, knowledge.rule_set.correlations, "rule_matches", relations)
        failures += [(failure.rule, _path(knowledge, failure.rule), failure.error) for failure in correlated.failures]
        for kind, table in _by_kind(store, correlated.members).items():
            keys[kind].append(table)
    silent = pa.array([rule.id for rule in knowledge.rule_set.rules if not rule.reported], pa.string())
    found = []
    for kind, tables in sorted(keys.items()):
        together = pa.concat_tables([MATCH_SCHEMA.empty_table(), *tables])
        together = together.filter(pc.invert(pc.is_in(together.column("rule"), silent)))
        found.append((kind, relations[kind], together))
    build_matches(store, found)
    return failures


def _yield(store: EventStore, knowledge: Knowledge, relations: dict[str, str], keys: dict[str, list[pa.Table]]) -> None:
    """Drop IIS matches of rules that yield to HttpProxy where its row of the same request shows no more than a probe.

    IIS sees that a forged request was answered, HttpProxy also what it asked for. Where both logs are there, the one that
    knows more decides.
    """
    yielding = [rule.id for rule in knowledge.rule_set.rules if rule.yields_to == "httpproxy"]
    proxied = store.events("httpproxy")
    if not yielding or proxied is None or not keys.get("iis"):
        return
    serious = [rule.id for rule in knowledge.rule_set.rules if rule.outcome in ("attempted", "succeeded")]
    mine = pa.concat_tables(keys["iis"])
    of_yielding = pc.is_in(mine.column("rule"), pa.array(yielding, pa.string()))
    store.engine.register("yielding", mine.filter(of_yielding))
    theirs = pa.concat_tables([MATCH_SCHEMA.empty_table(), *keys.get("httpproxy", [])])
    store.engine.register(
        "proxy_serious", theirs.filter(pc.is_in(theirs.column("rule"), pa.array(serious, pa.string())))
    )
    kept = store.engine.query(
        "WITH asked AS (SELECT y.rule, y.source_id, y.line, "
        f"{request_id_sql('iis')} AS request_id "
        f"FROM yielding y JOIN {relations['iis']} e ON e.source_id = y.source_id AND e.line = y.line), "
        "seen AS (SELECT lower(RequestId) AS request_id, bool_or(s.line IS NOT NULL) AS serious "
        f"FROM {proxied} p LEFT JOIN proxy_serious s ON s.source_id = p.source_id AND s.line = p.line "
        "WHERE lower(RequestId) IN (SELECT request_id FROM asked) GROUP BY ALL) "
        "SELECT rule, asked.source_id, asked.line FROM asked LEFT JOIN seen USING (request_id) "
        "WHERE seen.serious IS NULL OR seen.serious ORDER BY ALL"
    )
    keys["iis"] = [mine.filter(pc.invert(of_yielding)), kept.cast(MATCH_SCHEMA)]


def _by_kind(store: EventStore, members: pa.Table) -> dict[str, pa.Table]:
    """The events of correlations as keys, by the kind of their source; an event counts once a correlation."""
    distinct = members.select(MATCH_SCHEMA.names).group_by(MATCH_SCHEMA.names).aggregate([])
    kinds = pa.array(
        [store.sources[source_id].kind for source_id in distinct.column("source_id").to_pylist()], pa.string()
    )
    return {kind: distinct.filter(pc.equal(kinds, kind)).cast(MATCH_SCHEMA) for kind in sorted(set(kinds.to_pylist()))}


def _path(knowledge: Knowledge, rule: str) -> str:
    found = knowledge.by_id.get(rule)
    return found.path if found is not None else rule
