"""Exported mailboxes that were fetched over the web: the path from the export request, the requests for it from IIS."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from brokenseal.detections.taxonomy import source_ip_sql
from brokenseal.detections.web_folders import url_of
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_texts
from brokenseal.incident.event_sql import HOST, HOST_JOIN, client_sql
from brokenseal.incident.export_parameters import file_parameter, mailbox_parameter
from brokenseal.incident.findings import EVIDENCE_LINES, Key, Line
from brokenseal.incident.ledger_rows import EXPORT_DOWNLOAD, NO_BYTES, NO_ITEMS, MailboxAccess
from brokenseal.incident.matches import MATCHES

#: SQL: a path as :func:`_written` has it; IIS writes a space as '+'.
_WRITTEN = "replace(replace(lower(e.\"cs-uri-stem\"), '%20', '+'), ' ', '+')"


def export_downloads(store: EventStore, members: Mapping[Key, str]) -> list[MailboxAccess]:
    """One row for each intrusion and exported file that the web server gave out. *members*: finding key → intrusion, of
    the rules on export requests."""
    iis = store.events("iis")
    if iis is None or not members:
        return []
    rules = sql_texts(rule for rule, _, _ in members)
    asked = store.engine.query(
        f"SELECT DISTINCT rule, host, coalesce(source_ip, '') AS source_ip, parameters FROM {MATCHES} "
        f"WHERE rule IN ({rules}) AND parameters IS NOT NULL ORDER BY ALL"
    ).to_pylist()
    files: dict[str, tuple[str, str | None]] = {}
    for row in asked:
        intrusion = members.get((row["rule"], row["host"], row["source_ip"]))
        path = file_parameter(row["parameters"])
        url = url_of(path) if path is not None else None
        if intrusion is not None and url is not None:
            files.setdefault(_written(url), (intrusion, mailbox_parameter(row["parameters"])))
    if not files:
        return []
    store.engine.register("exported_files", pa.table({"url": pa.array(sorted(files), pa.string())}))
    rows = store.engine.query(
        f'SELECT x.url, e.source_id, e.line, e."offset", epoch_ms(e.time) AS time_ms, e."sc-bytes" AS bytes, '
        f"{client_sql(source_ip_sql('iis'))} AS ip, {HOST} AS host "
        f"FROM {iis} e JOIN exported_files x ON x.url = {_WRITTEN} "
        f"JOIN source_ranks r ON r.source_id = e.source_id {HOST_JOIN} "
        "WHERE e.\"sc-status\" IN (200, 206) AND e.\"cs-method\" IN ('GET', 'POST') ORDER BY e.time, r.rank, e.line"
    ).to_pylist()
    store.engine.unregister("exported_files")
    found: dict[str, MailboxAccess] = {}
    for row in rows:
        intrusion, mailbox = files[row["url"]]
        at = row["time_ms"]
        entry = found.setdefault(
            row["url"],
            MailboxAccess(intrusion, mailbox, EXPORT_DOWNLOAD, at, at, 0, 0, 0, [row["host"]], bytes_known=True),
        )
        entry.requests += 1
        entry.last_ms = at
        entry.bytes_at_least += row["bytes"] or 0
        entry.bytes_known &= row["bytes"] is not None
        entry.source_ips = sorted({*entry.source_ips, *([row["ip"]] if row["ip"] else [])})
        if len(entry.lines) < EVIDENCE_LINES:
            entry.lines.append(Line(row["source_id"], row["line"], row["offset"], row["time_ms"]))
    for entry in found.values():
        entry.protocols = ["http"]
        entry.incomplete = [NO_ITEMS] + [NO_BYTES] * (not entry.bytes_known)
    return list(found.values())


def _written(url: str) -> str:
    return url.lower().replace("%20", "+").replace(" ", "+")
