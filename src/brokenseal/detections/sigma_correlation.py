"""Sigma correlations: what they say (``correlation_reading`` reads it).

A correlation looks at the events matched by its rules, group by group, in any window of ``timespan`` length (not in
fixed slots of the clock). Supported types: event_count, value_count, temporal, temporal_ordered.

References:
    https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.detections.rule_header import RuleHeader


@dataclass(frozen=True, slots=True)
class Present:
    """An event of this rule (by id) is in the window."""

    rule: str


@dataclass(frozen=True, slots=True)
class Combined:
    """``joined`` is 'AND' or 'OR'."""

    joined: str
    items: tuple[Presence, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    item: Presence


Presence = Present | Combined | Absent


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule or correlation that a correlation builds on, and the kinds of events it can match."""

    rule: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation(RuleHeader):
    """``uses``: the rules it looks at, in the order given; ``span_ms``: the timespan in milliseconds.

    ``conditions`` are SQL operators with numbers, all of which must hold for the count; ``presence`` replaces them
    where the condition is an expression over rules. ``aliases``: name → rule id → field. ``counted``: the fields of
    value_count.
    """

    type: str
    uses: tuple[Reference, ...]
    span_ms: int
    group_by: tuple[str, ...] = ()
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    conditions: tuple[tuple[str, int | float], ...] = ()
    presence: Presence | None = None
    counted: tuple[str, ...] = ()
    generate: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for reference in self.uses for kind in reference.kinds))

    def field_of(self, name: str, rule: str) -> str | None:
        """The field that *name* (a field or an alias) means in events of *rule*; None if the alias has none for it."""
        for alias, mapping in self.aliases:
            if alias == name:
                return dict(mapping).get(rule)
        return name

    @property
    def grows(self) -> bool:
        """Whether more events in a window can only help the condition."""
        if self.presence is not None:
            return not _has_absent(self.presence)
        return all(operator in (">", ">=") for operator, _ in self.conditions)


def _has_absent(presence: Presence) -> bool:
    if isinstance(presence, Combined):
        return any(_has_absent(item) for item in presence.items)
    return isinstance(presence, Absent)
