"""Pages of the timeline: the events that a filter leaves, from a place in the order of time on, forwards or backwards.

A page looks through stretches of time, few at first, and stops when it is full: what is asked for often is at hand, and the
rest takes one pass over the columns that the filter needs. Rows are never counted to skip them.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from brokenseal.events import Engine
from brokenseal.events.engine import sql_text
from brokenseal.review.chosen import NUMBERS, WRITTEN_NUMBERS, Chosen, excerpt_sql, told_sql
from brokenseal.review.event_index import ENTITY, EVENT, HOUR, SPAN, TOLD_SPAN
from brokenseal.review.event_key import EventKey
from brokenseal.review.filters import Filter
from brokenseal.review.text_blocks import Bits, possible

_COLUMNS = "ms, source_id, line, kind, host, ip, account, mailbox, text, more IS NOT NULL AS cut, told"
_FIRST_STRETCHES, _GROWTH = 4, 4
_EXPORT_ROWS = 5000
#: Texts are counted only where few stretches can hold them.
_COUNTED_STRETCHES = 40
#: Of so many marked ones those that fit the rest of the filter are counted.
_COUNTED_MARKED = 2000
#: Names that a part of a name is replaced by; with more, each event's names are looked into.
_NAMED = 1000
_ANY = Chosen()


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as the index has it; ``cut``: its fields hold more than ``text``; ``told``: the number of its findings.

    ``excerpt``: where the text that was asked for stands, if that is not in the beginning.
    """

    key: EventKey
    kind: str
    host: str | None
    ip: str | None
    account: str | None
    mailbox: str | None
    text: str
    cut: bool
    told: int | None = None
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class _Span:
    """So many stretches in a row; ``end_ms`` None: to the end."""

    first_ms: int
    end_ms: int | None
    stretches: int


@dataclass(frozen=True, slots=True)
class Entity:
    """An address, account or mailbox. Times in milliseconds since 1970 UTC."""

    type: str
    value: str
    events: int
    first_ms: int
    last_ms: int


class Timeline:
    """Questions to the index. ``blocks``: see :mod:`brokenseal.review.text_blocks`."""

    def __init__(self, engine: Engine, blocks: Bits) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._blocks = blocks
        spans = self.ask(f"SELECT first_ms, events FROM {SPAN} ORDER BY first_ms")
        self._starts = [int(str(span["first_ms"])) for span in spans]
        self.events = sum(int(str(span["events"])) for span in spans)
        ends = self.ask(f"SELECT min(ms) AS first, max(ms) AS last FROM {EVENT}")[0]
        self.first_ms, self.last_ms = _number(ends["first"]), _number(ends["last"])
        listed = self.ask(f"SELECT kind, host, sum(events)::BIGINT AS events FROM {HOUR} GROUP BY ALL ORDER BY ALL")
        self.kinds = sorted({str(one["kind"]) for one in listed})
        self.hosts = sorted({str(one["host"]) for one in listed if one["host"] is not None})

    def page(
        self, wanted: Filter, chosen: Chosen | None, start: EventKey | None, limit: int, *, back: bool = False
    ) -> tuple[list[EventRow], bool]:
        """At most ``limit`` events after ``start`` (before it, with ``back``) by time; whether there are more."""
        chosen = chosen or _ANY
        rows: list[EventRow] = []
        for spans in self._looks(wanted, chosen, start, back):
            rows += self._rows(wanted, chosen, spans, start, limit + 1 - len(rows), back)
            if len(rows) > limit:
                break
        more = len(rows) > limit
        rows = rows[:limit]
        return (rows[::-1] if back else rows), more

    def every(self, wanted: Filter, chosen: Chosen | None) -> Iterator[EventRow]:
        """All events that the filter leaves, in the order of time; few at once are in memory."""
        start: EventKey | None = None
        while True:
            rows, more = self.page(wanted, chosen, start, _EXPORT_ROWS)
            yield from rows
            if not more:
                return
            start = rows[-1].key

    def count(self, wanted: Filter, chosen: Chosen | None) -> int | None:
        """How many events the filter leaves; None where counting would take long."""
        if wanted.empty:
            return self.events
        chosen = chosen or _ANY
        if chosen.marked is not None and len(chosen.marked) > _COUNTED_MARKED:
            return None
        if chosen.told is not None and chosen.marked is None and not wanted.looks_at_events and not wanted.bounded:
            told = f"SELECT sum(events)::BIGINT AS n FROM {TOLD_SPAN} WHERE {told_sql(chosen.told)}"
            return _number(self.ask(told, chosen.told)[0]["n"]) or 0
        looks = list(self._looks(wanted, chosen, None, False))
        if wanted.text and sum(span.stretches for look in looks for span in look) > _COUNTED_STRETCHES:
            return None
        conditions, total = self._conditions(wanted), 0
        for look in looks:
            each = [f"SELECT count(*) AS n FROM {EVENT} WHERE {_where(conditions, chosen, span)}" for span in look]
            found = self.ask(f"SELECT sum(n)::BIGINT AS n FROM ({' UNION ALL '.join(each)})", chosen.told)
            total += int(str(found[0]["n"]))
        return total

    def one(self, key: EventKey) -> EventRow | None:
        found = self.ask(
            f"SELECT {_COLUMNS} FROM {EVENT} WHERE ms = {key.ms} AND source_id = {key.source_id} AND line = {key.line}"
        )
        return _row(found[0]) if found else None

    def keys(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], EventKey]:
        """The keys of events named by file and line; those that are not in the index are missing."""
        if not places:
            return {}
        values = ", ".join(f"({source}, {line})" for source, line in sorted(set(places)))
        found = self.ask(f"SELECT ms, source_id, line FROM {EVENT} WHERE (source_id, line) IN (VALUES {values})")
        keys = [EventKey(*(int(str(row[name])) for name in ("ms", "source_id", "line"))) for row in found]
        return {(key.source_id, key.line): key for key in keys}

    def hours(self, wanted: Filter) -> list[tuple[int, int]]:
        """Hour since 1970 and events, of the filter's host, kind and time alone."""
        where = [f"{name} = {sql_text(value)}" for name in ("host", "kind") if (value := getattr(wanted, name))]
        if wanted.from_ms is not None:
            where.append(f"hour >= {wanted.from_ms // 3600000}")
        if wanted.to_ms is not None:
            where.append(f"hour <= {(wanted.to_ms - 1) // 3600000}")
        found = self.ask(
            f"SELECT hour, sum(events)::BIGINT AS events FROM {HOUR} WHERE {' AND '.join(where) or 'true'} "
            "GROUP BY hour ORDER BY hour"
        )
        return [(int(str(row["hour"])), int(str(row["events"]))) for row in found]

    def entities(self, kind: str, part: str, limit: int) -> list[Entity]:
        """Those of a type (``ip``, ``account``, ``mailbox``) whose name holds ``part``, with most events first."""
        holds = f" AND contains(lower(value), lower({sql_text(part)}))" if part else ""
        found = self.ask(
            f"SELECT * FROM {ENTITY} WHERE type = {sql_text(kind)}{holds} ORDER BY events DESC, value LIMIT {limit}"
        )
        return [_entity(row) for row in found]

    def entity(self, kind: str, value: str) -> Entity | None:
        found = self.ask(f"SELECT * FROM {ENTITY} WHERE type = {sql_text(kind)} AND value = {sql_text(value)}")
        return _entity(found[0]) if found else None

    def names(self, limit: int) -> list[str]:
        """Accounts and mailboxes, those with most events first."""
        found = self.ask(
            f"SELECT value, max(events) AS events FROM {ENTITY} WHERE type IN ('account', 'mailbox') "
            f"GROUP BY value ORDER BY events DESC, value LIMIT {limit}"
        )
        return [str(row["value"]) for row in found]

    def grouped(self, wanted: Filter, column: str, limit: int) -> list[tuple[str, int]]:
        """The values of ``column`` (kind, host, ip, account, mailbox) among the filter's events, with most events first."""
        where = " AND ".join(self._conditions(wanted)) or "true"
        found = self.ask(
            f"SELECT {column} AS value, count(*) AS events FROM {EVENT} WHERE {where} AND {column} IS NOT NULL "
            f"GROUP BY value ORDER BY events DESC, value LIMIT {limit}"
        )
        return [(str(row["value"]), int(str(row["events"]))) for row in found]

    def _conditions(self, wanted: Filter) -> list[str]:
        return wanted.conditions(self._named(wanted.who) if wanted.who else None)

    def _named(self, part: str) -> list[str] | None:
        """The accounts and mailboxes whose names hold ``part``; None if there are too many to name them."""
        found = self.ask(
            f"SELECT DISTINCT value FROM {ENTITY} WHERE type IN ('account', 'mailbox') "
            f"AND contains(lower(value), lower({sql_text(part)})) LIMIT {_NAMED + 1}"
        )
        return [str(row["value"]) for row in found] if len(found) <= _NAMED else None

    def _rows(
        self,
        wanted: Filter,
        chosen: Chosen,
        spans: Sequence[_Span],
        start: EventKey | None,
        limit: int,
        back: bool,
    ) -> list[EventRow]:
        sign, direction = ("<", " DESC") if back else (">", "")
        conditions = self._conditions(wanted)
        if start is not None:
            # The first condition says nothing new, but lets the engine leave out what lies before the time.
            beyond = f"(ms {sign} {start.ms} OR (source_id, line) {sign} ({start.source_id}, {start.line}))"
            conditions = [*conditions, f"ms {sign}= {start.ms}", beyond]
        order = ", ".join(f"{name}{direction}" for name in ("ms", "source_id", "line"))
        # First which rows, then what is in them: a text takes longest to read, and most of what is found is not shown.
        keys = "rowid AS place, ms, source_id, line"
        each = [f"SELECT {keys} FROM {EVENT} WHERE {_where(conditions, chosen, span)}" for span in spans]
        found = self.ask(f"{' UNION ALL '.join(each)} ORDER BY {order} LIMIT {limit}", chosen.told)
        if not found:
            return []
        places = [int(str(row["place"])) for row in found]
        # The range says nothing new, but makes the engine go to the rows themselves.
        there = f"rowid BETWEEN {min(places)} AND {max(places)} AND rowid IN ({', '.join(map(str, places))})"
        rows = f"SELECT {_COLUMNS}, {excerpt_sql(wanted.text)} AS excerpt FROM {EVENT} WHERE {there} ORDER BY {order}"
        return [_row(row) for row in self.ask(rows)]

    def _looks(self, wanted: Filter, chosen: Chosen, start: EventKey | None, back: bool) -> Iterator[list[_Span]]:
        """What is looked through at once, in order: spans that lie before those of the next look."""
        places = self._places(wanted, chosen, start, back)
        width, at = _FIRST_STRETCHES, 0
        while at < len(places):
            numbers = sorted(places[at : at + width])
            at, width = at + width, width * _GROWTH
            look: list[_Span] = []
            first = last = numbers[0]
            for number in [*numbers[1:], -1]:
                if number == last + 1:
                    last = number
                    continue
                end = self._starts[last + 1] if last + 1 < len(self._starts) else None
                look.append(_Span(self._starts[first], end, last - first + 1))
                first = last = number
            yield look

    def _places(self, wanted: Filter, chosen: Chosen, start: EventKey | None, back: bool) -> list[int]:
        """Numbers of the stretches that can hold an event, in the order of looking."""
        use = np.ones(len(self._starts), np.bool_)
        low, high = wanted.from_ms, wanted.to_ms
        if start is not None:
            low, high = (low, start.ms + 1) if back else (max(start.ms, low if low is not None else start.ms), high)
        if low is not None:
            use[: max(bisect_right(self._starts, low) - 1, 0)] = False
        if high is not None:
            use[bisect_right(self._starts, high) :] = False
        if wanted.text:
            lowered = str(self.ask(f"SELECT lower({sql_text(wanted.text)}) AS lowered")[0]["lowered"])
            may = possible(self._blocks, lowered)
            if may is not None:
                use &= may
        if chosen.marked is not None:
            use &= self._only_at(max(bisect_right(self._starts, key.ms) - 1, 0) for key in chosen.marked)
        if chosen.told is not None:
            found = self.ask(f"SELECT DISTINCT span FROM {TOLD_SPAN} WHERE {told_sql(chosen.told)}", chosen.told)
            use &= self._only_at(int(str(row["span"])) for row in found)
        places = [int(place) for place in np.flatnonzero(use)]
        return places[::-1] if back else places

    def _only_at(self, stretches: Iterable[int]) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self._starts), np.bool_)
        found[list(stretches)] = True
        return found

    def ask(self, sql: str, told: Sequence[int] | None = None) -> list[Mapping[str, object]]:
        """The rows of a query, few of them. ``told``: the numbers of findings that it asks for."""
        # One connection, used by one thread at a time.
        with self._lock:
            if told is not None and len(told) > WRITTEN_NUMBERS:
                self._engine.register(NUMBERS, pa.table({"told": pa.array(told, pa.int32())}))
            found: list[Mapping[str, object]] = self._engine.query(sql).to_pylist()
        return found


def _where(conditions: list[str], chosen: Chosen, span: _Span) -> str:
    end = [] if span.end_ms is None else [f"ms < {span.end_ms}"]
    return " AND ".join([f"ms >= {span.first_ms}", *end, *conditions, *chosen.conditions(span.first_ms, span.end_ms)])


def _row(row: Mapping[str, object]) -> EventRow:
    key = EventKey(*(int(str(row[name])) for name in ("ms", "source_id", "line")))
    host, ip, account, mailbox = (_text(row[name]) for name in ("host", "ip", "account", "mailbox"))
    return EventRow(
        key,
        str(row["kind"]),
        host,
        ip,
        account,
        mailbox,
        _text(row["text"]) or "",
        bool(row["cut"]),
        _number(row["told"]),
        _text(row.get("excerpt")),
    )


def _entity(row: Mapping[str, object]) -> Entity:
    events, first, last = (int(str(row[name])) for name in ("events", "first_ms", "last_ms"))
    return Entity(str(row["type"]), str(row["value"]), events, first, last)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
