"""What later folders ask of the case: relations for SQL, over the rows that count, and nothing about files or engines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from brokenseal.events.case import Case
from brokenseal.events.engine import DuckEngine, Engine, parquet_relation, sql_text
from brokenseal.events.sources import Source, duplicates
from brokenseal.events.web_file import STATES
from brokenseal.parsers import tables


class EventStore:
    """The events of a case as SQL relations.

    ``since``/``until`` (UTC) bound the time of the rows that are seen. Rows of files that were read again later or that
    repeat another file's content are never seen.
    """

    def __init__(
        self, case: Case, *, threads: int, since: datetime | None = None, until: datetime | None = None
    ) -> None:
        self._case = case
        self.since, self.until = since, until
        self.duplicates = duplicates(case.sources.values())
        self.sources: dict[int, Source] = {
            source.id: source for source in case.sources.values() if source.id not in self.duplicates
        }
        self.all_sources = sorted(
            case.sources.values(), key=lambda source: (source.name, source.sha256, source.location)
        )
        self._conditions = _window(since, until)
        self._hidden = sorted({*case.superseded(), *self.duplicates})
        self._duck = DuckEngine(threads=threads, spill=case.directory / "spill")
        self.engine: Engine = self._duck

    def events(self, kind: str) -> str | None:
        """A relation over all events of a kind for use after FROM, or None when there are none."""
        return self._relation("events", kind, None)

    def candidates(self, kind: str, prefilter: str) -> str | None:
        """The events of a kind that some rule may match, found by the prefilter with this fingerprint.

        Files read with other rules than today's have no such selection: all their events are candidates.
        """
        stale = [s.id for s in self.sources.values() if s.kind == kind and s.prefilter != prefilter and s.events]
        chosen = self._relation("candidates", kind, f"source_id NOT IN ({_ids(stale)})" if stale else None)
        if not stale:
            return chosen
        rest = self._relation("events", kind, f"source_id IN ({_ids(stale)})")
        if chosen is None or rest is None:
            return chosen or rest
        return f"(SELECT * FROM {chosen} UNION ALL BY NAME SELECT * FROM {rest})"

    def _relation(self, table: str, kind: str, condition: str | None) -> str | None:
        paths = self._case.parts(table, kind)
        if not paths:
            return None
        # A file is a state: that it is older than what was asked for does not take it off the disk.
        conditions = [*(() if kind in STATES else self._conditions), *([condition] if condition else [])]
        if self._hidden:
            conditions.append(f"source_id NOT IN ({_ids(self._hidden)})")
        relation = parquet_relation(paths)
        return f"(SELECT * FROM {relation} WHERE {' AND '.join(conditions)})" if conditions else relation

    @property
    def window_ms(self) -> tuple[int, int] | None:
        """The time asked for in milliseconds since 1970 UTC; an open end is as far as time goes."""
        if self.since is None and self.until is None:
            return None
        start = int(self.since.timestamp() * 1000) if self.since else -(1 << 62)
        return start, int(self.until.timestamp() * 1000) if self.until else 1 << 62

    def register_hosts(self, hosts: dict[int, str]) -> None:
        """Give SQL the table ``source_hosts(source_id, source_host)``: the host of each source's rows that name none."""
        table = pa.table(
            {
                "source_id": pa.array(list(hosts), pa.int32()),
                "source_host": pa.array(list(hosts.values()), pa.string()),
            }
        )
        self.engine.register("source_hosts", table)

    def close(self) -> None:
        self._duck.close()


def present_kinds(store: EventStore) -> list[str]:
    """Kinds that have rows in the case, sorted."""
    return [kind for kind in tables() if store.events(kind) is not None]


def _ids(ids: Iterable[int]) -> str:
    return ", ".join(str(number) for number in ids)


def _window(since: datetime | None, until: datetime | None) -> list[str]:
    conditions = []
    if since is not None:
        conditions.append(f"time >= TIMESTAMPTZ {sql_text(since.isoformat())}")
    if until is not None:
        conditions.append(f"time < TIMESTAMPTZ {sql_text(until.isoformat())}")
    return conditions
