"""Where two logs, or two copies of one, speak of the same request: the one that knows more decides, and it counts once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.detections.matching import MATCH_SCHEMA
from brokenseal.detections.taxonomy import request_id_sql, source_ip_sql
from brokenseal.events import EventStore
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.event_sql import HOST, HOST_JOIN
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.web_files import ORDINARY_SCORE
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

#: Rows without a request id are the same request when address and path agree and they lie so close together.
NEAR_SECONDS = 2

Relations = dict[str, str]
Matched = dict[str, pa.Table]


def without_overlap(store: EventStore, relation: str, keys: pa.Table) -> pa.Table:
    """*keys* without events that a second, overlapping copy of a log repeats.

    Monday's copy of a log is the beginning of Tuesday's: the files differ, their common lines do not. A line that stands
    twice in one file stays twice.
    """
    if len(keys.column("source_id").unique()) <= 1:
        return keys
    store.engine.register("overlapping", keys)
    kept = store.engine.query(
        "WITH here AS (SELECT DISTINCT source_id, line FROM overlapping), "
        "rows AS (SELECT e.source_id, e.line, e.time, r.rank, "
        f'e.content FROM here h JOIN (SELECT source_id, line, time, hash(*COLUMNS(* EXCLUDE (source_id, line, "offset"))) '
        f"AS content FROM {relation}) e ON e.source_id = h.source_id AND e.line = h.line "
        "JOIN source_ranks r ON r.source_id = e.source_id), "
        "copies AS (SELECT *, row_number() OVER (PARTITION BY source_id, time, content ORDER BY line) AS copy FROM rows), "
        "chosen AS (SELECT source_id, line FROM copies "
        "QUALIFY row_number() OVER (PARTITION BY time, content, copy ORDER BY rank, line) = 1) "
        "SELECT o.rule, o.source_id, o.line FROM overlapping o JOIN chosen c "
        "ON c.source_id = o.source_id AND c.line = o.line ORDER BY ALL"
    )
    return kept.cast(MATCH_SCHEMA)


def yield_to_proxy(store: EventStore, knowledge: Knowledge, relations: Relations, matched: Matched) -> None:
    """Drop IIS matches of rules that yield to HttpProxy, where HttpProxy's row of the same request shows just a probe.

    IIS sees that a forged request was answered, HttpProxy also what it asked for. A row of HttpProxy in which no rule saw
    anything does not speak against IIS.
    """
    yielding = [rule.id for rule in knowledge.rule_set.rules if rule.yields_to == "httpproxy"]
    if not yielding or "iis" not in matched or "httpproxy" not in matched:
        return
    grades = {rule.id: rule.outcome for rule in knowledge.rule_set.rules}
    theirs = matched["httpproxy"]
    probes = [rule for rule, outcome in grades.items() if outcome == "probed"]
    serious = [rule for rule, outcome in grades.items() if outcome in ("attempted", "succeeded")]
    store.engine.register("yielding", _of_rules(matched["iis"], yielding))
    store.engine.register("proxy_probes", _of_rules(theirs, probes))
    store.engine.register("proxy_serious", _of_rules(theirs, serious))
    store.engine.execute(
        "CREATE OR REPLACE TEMP TABLE mere_probes AS "
        f"SELECT p.source_id, p.line, p.time, {request_id_sql('httpproxy')} AS request_id, "
        f"lower({source_ip_sql('httpproxy')}) AS client, lower(UrlStem) AS stem "
        f"FROM {relations['httpproxy']} p JOIN (SELECT DISTINCT source_id, line FROM proxy_probes) k "
        "ON k.source_id = p.source_id AND k.line = p.line "
        "WHERE NOT EXISTS (SELECT 1 FROM proxy_serious s WHERE s.source_id = p.source_id AND s.line = p.line)"
    )
    kept = store.engine.query(
        f"WITH asked AS (SELECT y.rule, y.source_id, y.line, e.time, {request_id_sql('iis')} AS request_id, "
        f'lower({source_ip_sql("iis")}) AS client, lower("cs-uri-stem") AS stem '
        f"FROM yielding y JOIN {relations['iis']} e ON e.source_id = y.source_id AND e.line = y.line) "
        "SELECT rule, source_id, line FROM asked a WHERE NOT EXISTS (SELECT 1 FROM mere_probes p "
        "WHERE p.request_id = a.request_id) AND (a.request_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM mere_probes p "
        "WHERE p.client = a.client AND p.stem = a.stem "
        f"AND abs(epoch_ms(p.time) - epoch_ms(a.time)) <= {NEAR_SECONDS * 1000})) ORDER BY ALL"
    )
    matched["iis"] = pa.concat_tables([_of_rules(matched["iis"], yielding, inverse=True), kept.cast(MATCH_SCHEMA)])


def refuse(store: EventStore, knowledge: Knowledge, relations: Relations, matched: Matched) -> None:
    """Give the matches whose back-end row of the same request failed to the rule that stands for the refusal."""
    refusals = {rule.id: rule.when_refused for rule in knowledge.rule_set.rules if rule.when_refused}
    ews = store.events("ews")
    if not refusals or ews is None or "httpproxy" not in matched:
        return
    mine = _of_rules(matched["httpproxy"], list(refusals))
    if not mine.num_rows:
        return
    store.engine.register("refusable", mine)
    rows = store.engine.query(
        "WITH asked AS (SELECT y.rule, y.source_id, y.line, "
        f"{request_id_sql('httpproxy')} AS request_id FROM refusable y JOIN {relations['httpproxy']} e "
        "ON e.source_id = y.source_id AND e.line = y.line), "
        f"failed AS (SELECT {request_id_sql('ews')} AS request_id FROM {ews} "
        f"WHERE {request_id_sql('ews')} IN (SELECT request_id FROM asked) "
        "GROUP BY ALL HAVING bool_and(HttpStatus >= 400)) "
        "SELECT a.rule, a.source_id, a.line, f.request_id IS NOT NULL AS refused FROM asked a "
        "LEFT JOIN failed f USING (request_id) ORDER BY ALL"
    )
    refused = rows.column("refused").to_pylist()
    rules = [
        refusals[rule] if failed else rule
        for rule, failed in zip(rows.column("rule").to_pylist(), refused, strict=True)
    ]
    moved = rows.drop_columns(["refused"]).set_column(0, "rule", pa.array(rules, pa.string())).cast(MATCH_SCHEMA)
    others = _of_rules(matched["httpproxy"], list(refusals), inverse=True)
    matched["httpproxy"] = (
        pa.concat_tables([others, moved]).group_by(MATCH_SCHEMA.names).aggregate([]).cast(MATCH_SCHEMA)
    )


def without_ordinary_pages(store: EventStore, knowledge: Knowledge, relations: Relations, matched: Matched) -> None:
    """Drop requests for pages that are not Exchange's where the page itself is at hand, was there then, and is ordinary.

    A page that was changed after the request may have replaced another: such a request stays.
    """
    sparing = [rule.id for rule in knowledge.rule_set.rules if rule.unless_ordinary]
    mine = _of_rules(matched["iis"], sparing) if "iis" in matched and WEB_FILE in relations else None
    if mine is None or not mine.num_rows:
        return
    store.engine.register("sparing", mine)
    kept = store.engine.query(
        f"WITH ordinary AS (SELECT host, lower(url) AS url, max(time) AS changed FROM {relations[WEB_FILE]} "
        "WHERE seen_in = 'content' AND page IS NULL AND url IS NOT NULL AND line = 1 GROUP BY ALL "
        f"HAVING bool_and(suspicious IS NULL AND score < {ORDINARY_SCORE} AND known_hash IS NULL)) "
        f"SELECT y.rule, y.source_id, y.line FROM sparing y JOIN {relations['iis']} e "
        f"ON e.source_id = y.source_id AND e.line = y.line {HOST_JOIN} LEFT JOIN ordinary o "
        f'ON o.host = {HOST} AND o.url = lower(e."cs-uri-stem") '
        "AND o.changed <= e.time WHERE o.url IS NULL ORDER BY ALL"
    )
    others = _of_rules(matched["iis"], sparing, inverse=True)
    matched["iis"] = pa.concat_tables([others, kept.cast(MATCH_SCHEMA)])


def without_twin_cmdlets(store: EventStore, relations: Relations, matched: Matched) -> None:
    """Drop what the event log says of a cmdlet when the cmdlet log says the same: the server writes both."""
    if "cmdlet" not in matched or WINDOWS_TABLE not in matched:
        return
    store.engine.register("cmdlet_rows", matched["cmdlet"])
    store.engine.register("event_rows", matched[WINDOWS_TABLE])

    def told(cmdlet: str, parameters: str) -> str:
        # The two logs quote parameters differently.
        return f"lower({cmdlet}) || ' ' || regexp_replace(lower(coalesce({parameters}, '')), '[^0-9a-z.@/\\\\-]+', '', 'g')"

    host = f"lower({HOST})"
    kept = store.engine.query(
        f"WITH logged AS (SELECT k.rule, e.time, {host} AS host, {told('e.Cmdlet', 'e.Parameters')} AS told "
        f"FROM cmdlet_rows k JOIN {relations['cmdlet']} e ON e.source_id = k.source_id AND e.line = k.line {HOST_JOIN}) "
        "SELECT k.rule, k.source_id, k.line FROM event_rows k "
        f"JOIN {relations[WINDOWS_TABLE]} e ON e.source_id = k.source_id AND e.line = k.line {HOST_JOIN} "
        f"WHERE NOT EXISTS (SELECT 1 FROM logged l WHERE l.rule = k.rule AND l.host = {host} "
        f"AND l.told = {told(_data('Cmdlet'), _data('Parameters'))} "
        f"AND abs(epoch_ms(l.time) - epoch_ms(e.time)) <= {NEAR_SECONDS * 1000}) ORDER BY ALL"
    )
    matched[WINDOWS_TABLE] = kept.cast(MATCH_SCHEMA)


def _data(name: str) -> str:
    return f"json_extract_string(e.Data, '/{name}')"


def _of_rules(keys: pa.Table, rules: list[str], *, inverse: bool = False) -> pa.Table:
    chosen = pc.is_in(keys.column("rule"), pa.array(rules, pa.string()))
    return keys.filter(pc.invert(chosen) if inverse else chosen)
