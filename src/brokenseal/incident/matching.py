"""Run all rules over the case and keep what they matched in one table."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.detections.matching import MATCH_SCHEMA, Matches, match_rules, run_correlations
from brokenseal.events import EventStore
from brokenseal.events.sources import WEB_FILE
from brokenseal.events.store import present_kinds
from brokenseal.incident.event_sql import HOST, HOST_JOIN, hosted
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.matches import build_matches
from brokenseal.incident.reconcile import (
    refuse,
    without_ordinary_pages,
    without_overlap,
    without_twin_cmdlets,
    yield_to_proxy,
)
from brokenseal.incident.web_files import WEB_FILES, build_web_files
from brokenseal.incident.windows_events import MATCHED, correlated_relations, match_windows_events
from brokenseal.parsers.windows_event import TABLE

Failure = tuple[str | None, str, str]


def match_everything(store: EventStore, knowledge: Knowledge, prefilter: str, jobs: int) -> list[Failure]:
    """Make the table ``matches``; the rules that failed while running come back as (id, file, reason).

    Rules with literals look at candidates only; the few without any look at every event of their kind.
    """
    relations: dict[str, str] = {}
    keys: dict[str, list[pa.Table]] = defaultdict(list)
    failures: list[Failure] = []
    if build_web_files(store):
        relations[WEB_FILE] = WEB_FILES
        matches = match_rules(store.engine, WEB_FILE, WEB_FILES, knowledge.for_kind(WEB_FILE))
        keys[WEB_FILE].append(matches.table)
        failures += _failures(knowledge, matches)
    for kind in present_kinds(store):
        if kind == TABLE:
            found_there = match_windows_events(store, knowledge.windows_rules(), jobs)
            relations[kind] = MATCHED
            keys[kind].append(found_there.table)
            failures += _failures(knowledge, found_there)
            continue
        rules = [rule for rule in knowledge.for_kind(kind) if not rule.requests_to_planted]
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
            failures += _failures(knowledge, matches)
    failures += _requests_to_planted(store, knowledge, relations, keys)
    matched = {kind: pa.concat_tables([MATCH_SCHEMA.empty_table(), *tables]) for kind, tables in sorted(keys.items())}
    matched = {kind: without_overlap(store, relations[kind], table) for kind, table in matched.items()}
    yield_to_proxy(store, knowledge, relations, matched)
    refuse(store, knowledge, relations, matched)
    without_ordinary_pages(store, knowledge, relations, matched)
    without_twin_cmdlets(store, relations, matched)
    failures += _correlate(store, knowledge, relations, matched)
    silent = pa.array([rule.id for rule in knowledge.rule_set.rules if not rule.reported], pa.string())
    found = []
    for kind, table in matched.items():
        found.append((kind, relations[kind], table.filter(pc.invert(pc.is_in(table.column("rule"), silent)))))
    build_matches(store, found)
    return failures


def _requests_to_planted(
    store: EventStore, knowledge: Knowledge, relations: dict[str, str], keys: dict[str, list[pa.Table]]
) -> list[Failure]:
    """Run the rules that look only at requests to files found to be web shells, and add their matches to *keys*.

    A request that another rule took for the use of a web shell is not counted again.
    """
    events = store.events("iis")
    rules = [rule for rule in knowledge.for_kind("iis") if rule.requests_to_planted]
    planted = pa.array([rule.id for rule in knowledge.rule_set.rules if rule.webshell == "planted"], pa.string())
    found = pa.concat_tables([MATCH_SCHEMA.empty_table(), *keys.get(WEB_FILE, [])])
    found = found.filter(pc.is_in(found.column("rule"), planted))
    if events is None or not rules or not found.num_rows:
        return []
    used = pa.array([rule.id for rule in knowledge.rule_set.rules if rule.webshell is not None], pa.string())
    known = pa.concat_tables([MATCH_SCHEMA.empty_table(), *keys.get("iis", [])])
    store.engine.register("planted_files", found)
    store.engine.register("known_requests", known.filter(pc.is_in(known.column("rule"), used)))
    relation = (
        "(WITH urls AS (SELECT DISTINCT w.host, lower(w.url) AS url FROM planted_files f "
        f"JOIN {WEB_FILES} w ON w.source_id = f.source_id AND w.line = f.line WHERE w.url IS NOT NULL) "
        f"SELECT e.* FROM {events} e {HOST_JOIN} "
        "ANTI JOIN known_requests k ON k.source_id = e.source_id AND k.line = e.line "
        f'WHERE ({HOST}, lower("cs-uri-stem")) IN (SELECT (host, url) FROM urls))'
    )
    matches = match_rules(store.engine, "iis", relation, rules)
    keys["iis"].append(matches.table)
    relations["iis"] = events
    store.engine.unregister("planted_files")
    store.engine.unregister("known_requests")
    return _failures(knowledge, matches)


def _failures(knowledge: Knowledge, matches: Matches) -> list[Failure]:
    return [(failure.rule, _path(knowledge, failure.rule), failure.error) for failure in matches.failures]


def _correlate(
    store: EventStore, knowledge: Knowledge, relations: dict[str, str], matched: dict[str, pa.Table]
) -> list[Failure]:
    """Run the correlations and add their events to *matched*; the ones that failed come back."""
    together = pa.concat_tables([MATCH_SCHEMA.empty_table(), *matched.values()])
    if not together.num_rows or not knowledge.rule_set.correlations:
        return []
    store.engine.register("rule_matches", together)
    # Correlations group by server: a row that does not name its own is of the server its file is of.
    by_server = {kind: hosted(relation) for kind, relation in relations.items() if kind != TABLE}
    if TABLE in relations:
        by_server |= correlated_relations(store, knowledge)
    correlated = run_correlations(store.engine, knowledge.rule_set.correlations, "rule_matches", by_server)
    # A correlation that marks access to mail counts requests; the back end's rows of them are found by the ledger.
    reading = pa.array([c.id for c in knowledge.rule_set.correlations if c.mail_access is not None], pa.string())
    for kind, table in _by_kind(store, correlated.members).items():
        if kind == "ews":
            table = table.filter(pc.invert(pc.is_in(table.column("rule"), reading)))  # noqa: PLW2901
        matched[kind] = pa.concat_tables([matched[kind], table])
    return [(failure.rule, _path(knowledge, failure.rule), failure.error) for failure in correlated.failures]


def _by_kind(store: EventStore, members: pa.Table) -> dict[str, pa.Table]:
    """The events of correlations as keys, by the kind of their source; an event counts once a correlation."""
    distinct = members.select(MATCH_SCHEMA.names).group_by(MATCH_SCHEMA.names).aggregate([])
    of_source = [store.sources[source_id].kind for source_id in distinct.column("source_id").to_pylist()]
    kinds = pa.array(of_source, pa.string())
    return {kind: distinct.filter(pc.equal(kinds, kind)).cast(MATCH_SCHEMA) for kind in sorted(set(of_source))}


def _path(knowledge: Knowledge, rule: str) -> str:
    found = knowledge.by_id.get(rule)
    return found.path if found is not None else rule
