"""What the timeline is asked to show: the filter in the address, checked, and as SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlencode

from brokenseal.errors import UsageError
from brokenseal.events.engine import sql_text, sql_texts
from brokenseal.events.sources import rfc3339
from brokenseal.review.event_columns import LONGEST_SOUGHT

#: Characters of one value; longer ones are cut.
_LONGEST = LONGEST_SOUGHT
_LEVELS = ("informational", "low", "medium", "high", "critical")
_MARKS = ("star", "tag", "comment", "false_positive")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty texts filter nothing. ``from_ms``/``to_ms``: UTC, the end is not in it.

    ``who`` is part of the name of an account or mailbox, ``text`` part of the event's telling fields; both in any case.
    ``finding``, ``rule``, ``level``, ``intrusion`` and ``mark`` leave the events of such findings, or those that are marked.
    ``problems``: what was asked for and could not be understood, as sentences.
    """

    host: str = ""
    kind: str = ""
    ip: str = ""
    who: str = ""
    text: str = ""
    finding: str = ""
    rule: str = ""
    level: str = ""
    intrusion: str = ""
    mark: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, asked: Mapping[str, str]) -> Self:
        problems: list[str] = []
        texts = {name: _clean(asked.get(name, "")) for name in TEXTS}
        for name, known in (("level", _LEVELS), ("mark", _MARKS)):
            if texts[name] and texts[name] not in known:
                problems.append(f"There is no {name} of that name; it filters nothing.")
                texts[name] = ""
        times = {name: _time(asked.get(name, ""), name, problems) for name in ("from", "to")}
        if times["from"] is not None and times["to"] is not None and times["from"] >= times["to"]:
            problems.append("The time 'from' is not before the time 'to': nothing can lie between them.")
        texts["ip"], texts["finding"] = texts["ip"].lower(), texts["finding"].upper()
        return cls(**texts, from_ms=times["from"], to_ms=times["to"], problems=tuple(problems))

    def query(self, **more: object) -> str:
        """The filter as the query of an address, with ``more`` parameters; those that are None are left out."""
        return urlencode([*self.pairs(), *((name, str(value)) for name, value in more.items() if value is not None)])

    def pairs(self) -> list[tuple[str, str]]:
        """Name and value of what filters, in the order of the form."""
        pairs = [(name, value) for name in TEXTS if (value := getattr(self, name))]
        for name, moment in (("from", self.from_ms), ("to", self.to_ms)):
            if moment is not None:
                pairs.append((name, rfc3339(moment)))
        return pairs

    def without(self, name: str) -> Filter:
        """The filter but for one of its :meth:`pairs`."""
        if name in ("from", "to"):
            return replace(self, from_ms=None) if name == "from" else replace(self, to_ms=None)
        return self.narrowed(name, "")

    def narrowed(self, name: str, value: str) -> Filter:
        """The filter with another value of one of its texts."""
        given: dict[str, Any] = {name: value}
        return replace(self, **given)

    @property
    def chosen(self) -> bool:
        """Whether only events of findings, or marked ones, can be shown (see :class:`Filter`)."""
        return self.by_finding or bool(self.mark)

    @property
    def by_finding(self) -> bool:
        return bool(self.finding or self.rule or self.level or self.intrusion or self.mark == "false_positive")

    @property
    def looks_at_events(self) -> bool:
        """Whether an event itself has to be looked at, and not only where and when it is."""
        return bool(self.host or self.kind or self.ip or self.who or self.text)

    @property
    def bounded(self) -> bool:
        """Whether only a stretch of time is asked for."""
        return self.from_ms is not None or self.to_ms is not None

    @property
    def empty(self) -> bool:
        return not self.pairs()

    def conditions(self, named: Sequence[str] | None) -> list[str]:
        """SQL conditions on the index, but for :attr:`chosen`. ``named``: the names that ``who`` is part of, if known."""
        found = [f"{name} = {sql_text(value)}" for name in ("host", "kind", "ip") if (value := getattr(self, name))]
        if self.who and named is not None:
            found.append(f"(account IN ({sql_texts(named)}) OR mailbox IN ({sql_texts(named)}))")
        elif self.who:
            who = f"lower({sql_text(self.who)})"
            found.append(f"(contains(lower(account), {who}) OR contains(lower(mailbox), {who}))")
        if self.text:
            sought = f"lower({sql_text(self.text)})"
            found.append(f"(contains(lower(text), {sought}) OR contains(lower(more), {sought}))")
        if self.from_ms is not None:
            found.append(f"ms >= {self.from_ms}")
        if self.to_ms is not None:
            found.append(f"ms < {self.to_ms}")
        return found


TEXTS = tuple(one.name for one in fields(Filter) if one.type == "str")


def _clean(value: str) -> str:
    """Without control characters (the engine's SQL ends at NUL) and lone surrogates (which are no UTF-8)."""
    kept = "".join(letter for letter in value[:_LONGEST] if letter >= " " and not "\ud800" <= letter <= "\udfff")
    return kept.strip()


def _time(value: str, name: str, problems: list[str]) -> int | None:
    value = value.strip()
    if not value:
        return None
    found = _TIME.fullmatch(value)
    try:
        if found is None:
            raise ValueError
        day, clock, zone = found.groups()
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(zone or '').upper()}")
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError, UsageError):
        problems.append(f"The time '{name}' is not understood; write it as 2021-03-02 or 2021-03-02 08:30:00 (UTC).")
        return None
