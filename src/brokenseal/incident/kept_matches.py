"""Every event that a finding counts, in a file of the case: a finding's evidence names only the first of them.

    finding    id of the finding (F1 ...)
    rule       id of its rule
    level      of the rule
    intrusion  id of the intrusion, null if it is of none
    kind       table of the event
    file       name of the evidence file, as everywhere in the document
    sha256     of that file
    line       from 1
    offset     byte offset of the line
    time       UTC, milliseconds

Rows are in the order of time, then file, hash, line and finding. No number of this case is in it, so the same evidence gives
the same bytes however the case came about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from brokenseal.events import EventStore
from brokenseal.events.kept_table import write_table
from brokenseal.incident.document import Account
from brokenseal.incident.findings import Finding
from brokenseal.incident.matches import MATCHES

_ROWS = 1 << 16
_TEXTS = ("finding", "rule", "level", "intrusion", "kind", "file", "sha256")
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in _TEXTS),
        pa.field("line", pa.int64()),
        pa.field("offset", pa.int64()),
        pa.field("time", pa.timestamp("ms", "UTC")),
    ]
)


def write_matches(store: EventStore, account: Account, path: Path) -> None:
    """Write the matches of all findings of *account* to *path*, few rows at once. Needs the table ``matches``."""
    write_table(path, SCHEMA, _rows(store, account), repeating=_TEXTS)


def _rows(store: EventStore, account: Account) -> Iterator[pa.Table]:
    """In order. The tables that it joins with are kept ones: registered tables are not seen where rows come in batches."""
    store.engine.register("findings_here", _findings(account))
    store.engine.register("files_here", _files(store))
    store.engine.execute("CREATE OR REPLACE TABLE kept_findings AS SELECT * FROM findings_here")
    store.engine.execute("CREATE OR REPLACE TABLE kept_files AS SELECT * FROM files_here")
    columns = ", ".join(f'"{name}"' for name in SCHEMA.names)
    yield from store.engine.batches(
        f"SELECT {columns} FROM (SELECT f.finding, f.rule, f.level, f.intrusion, m.kind, s.file, s.sha256, m.line, "
        f'm."offset", epoch_ms(m.time) AS time, s.rank, f.number FROM {MATCHES} m JOIN kept_findings f '
        "ON f.rule = m.rule AND f.host IS NOT DISTINCT FROM m.host AND f.source_ip IS NOT DISTINCT FROM m.source_ip "
        "JOIN kept_files s ON s.source_id = m.source_id) ORDER BY time, rank, line, number",
        _ROWS,
    )
    store.engine.execute("DROP TABLE kept_findings")
    store.engine.execute("DROP TABLE kept_files")


def _findings(account: Account) -> pa.Table:
    intrusion_of = {
        finding.key: intrusion.id
        for intrusion in account.intrusions
        for finding in (*intrusion.findings, *intrusion.context)
    }
    found: Sequence[Finding] = account.findings
    return pa.table(
        {
            "number": pa.array(range(len(found)), pa.int64()),
            "finding": pa.array([finding.id for finding in found], pa.string()),
            "rule": pa.array([finding.rule.id for finding in found], pa.string()),
            "level": pa.array([finding.rule.level for finding in found], pa.string()),
            "host": pa.array([finding.host for finding in found], pa.string()),
            "source_ip": pa.array([finding.source_ip for finding in found], pa.string()),
            "intrusion": pa.array([intrusion_of.get(finding.key) for finding in found], pa.string()),
        }
    )


def _files(store: EventStore) -> pa.Table:
    sources = store.all_sources
    return pa.table(
        {
            "source_id": pa.array([source.id for source in sources], pa.int32()),
            "rank": pa.array(range(len(sources)), pa.int64()),
            "file": pa.array([source.name for source in sources], pa.string()),
            "sha256": pa.array([source.sha256 for source in sources], pa.string()),
        }
    )
