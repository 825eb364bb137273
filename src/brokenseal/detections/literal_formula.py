"""All that a rule needs to find in an event's text, as a formula: what ``literals`` says of a rule, kept in full.

Where ``necessary_literals`` gives one set of texts of which each match has one, the formula keeps the rule's ANDs and ORs of
such sets and the event ids it asks for. It is true of every event that the rule is true of (and of some more): what
cannot be
told from texts, NOT included, counts as true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from brokenseal.detections.criteria import AllOf, AnyOf, Criterion, FieldTest, Not, NumberTest, TextTest
from brokenseal.detections.literals import in_json, necessary_literals
from brokenseal.detections.taxonomy import EventKind


@dataclass(frozen=True, slots=True)
class OneOf:
    """The event's text holds one of these (lower case); of none, nothing does."""

    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class HasEventID:
    events: frozenset[int]


@dataclass(frozen=True, slots=True)
class Both:
    items: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Either:
    items: tuple[Formula, ...]


Formula = OneOf | HasEventID | Both | Either

_COMMON = frozenset(
    [
        *("user", "process", "security", "system", "type", "service", "services", "auth", "list", "group", "command"),
        *("port", "authori", "nt aut", "share", "scan", "source", "name:", "call", "exec", "start", "find", "enabled"),
        *("session", "driver", "update", "script", "change", "account", "product", "displayname", "-window", "local"),
        *(
            ".exe",
            ".dll",
            "0x3e7",
            "s-1-5-21-",
            "s-1-0-0",
            "microsoft corporation",
            "application",
            "registry",
            "kernel",
        ),
        *("\\windows\\", "c:\\windows", "c:\\windows\\", ":\\windows\\", "\\system", "system32\\", "\\system32"),
        *("\\windows\\system32\\", "c:\\windows\\system32\\", "\\windows\\system32", "c:\\windows\\system32"),
        "microsoft-windows-security-auditing",
    ]
)
#: Texts in so many ordinary Windows events (in names of fields, too) that looking for them costs more than it saves; as they
#: stand in JSON.
EVERYWHERE = frozenset[str]().union(*map(in_json, _COMMON))
_TOO_SHORT = 4
#: Texts shorter than _SHORT are left out where a set of texts of at least _LONG must hold as well.
_SHORT, _LONG = 6, 8


def necessary_formula(criterion: Criterion, kind: EventKind) -> Formula | None:
    """The formula of *criterion* on events of *kind*; None: every event may match."""
    if isinstance(criterion, AllOf):
        items = _worth([found for item in criterion.items if (found := necessary_formula(item, kind)) is not None])
        return None if not items else items[0] if len(items) == 1 else Both(tuple(items))
    if isinstance(criterion, AnyOf):
        return _either([necessary_formula(item, kind) for item in criterion.items])
    if isinstance(criterion, Not):
        return None
    if isinstance(criterion, FieldTest) and criterion.field.strip().lower() in ("eventid", "event_id"):
        return _event_id(criterion)
    texts = necessary_literals(criterion, kind)
    return None if texts is None or any(map(_is_everywhere, texts)) else OneOf(texts)


def _is_everywhere(text: str) -> bool:
    return text in EVERYWHERE or (len(text) < _TOO_SHORT and text.isascii())


def texts_of(formula: Formula | None) -> Iterator[str]:
    """Every text in the formula."""
    if isinstance(formula, OneOf):
        yield from formula.texts
    elif isinstance(formula, Both | Either):
        for item in formula.items:
            yield from texts_of(item)


def rows_of(formula: Formula, of_text: Callable[[str], int], of_event: Callable[[int], int]) -> int:
    """The rows of which the formula is true, as the bits of a number; the functions give those of a text, of an event id."""
    if isinstance(formula, OneOf):
        rows = 0
        for text in formula.texts:
            rows |= of_text(text)
        return rows
    if isinstance(formula, HasEventID):
        rows = 0
        for event in formula.events:
            rows |= of_event(event)
        return rows
    if isinstance(formula, Either):
        rows = 0
        for item in formula.items:
            rows |= rows_of(item, of_text, of_event)
        return rows
    rows = rows_of(formula.items[0], of_text, of_event)
    for item in formula.items[1:]:
        if not rows:
            break
        rows &= rows_of(item, of_text, of_event)
    return rows


def _worth(items: list[Formula]) -> list[Formula]:
    """Without the sets with short texts, where another says enough: short texts are everywhere, and each hit costs."""
    if any(_shortest(item) >= _LONG for item in items):
        return [item for item in items if _shortest(item) >= _SHORT]
    return items


def _shortest(formula: Formula) -> int:
    """Length of the shortest text on which the formula can be true by itself; an event id is as telling as a long one."""
    if isinstance(formula, OneOf):
        return min((len(text) for text in formula.texts), default=_LONG)
    if isinstance(formula, HasEventID):
        return _LONG
    lengths = [_shortest(item) for item in formula.items]
    return max(lengths) if isinstance(formula, Both) else min(lengths)


def _either(items: list[Formula | None]) -> Formula | None:
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        return None
    texts = frozenset().union(*(item.texts for item in known if isinstance(item, OneOf)))
    others = tuple(item for item in known if not isinstance(item, OneOf))
    if not others:
        return OneOf(texts)
    return Either((OneOf(texts), *others)) if texts else others[0] if len(others) == 1 else Either(others)


def _event_id(item: FieldTest) -> Formula | None:
    if isinstance(item.test, NumberTest) and isinstance(item.test.number, int):
        return HasEventID(frozenset([item.test.number]))
    if isinstance(item.test, TextTest) and len(item.test.parts) == 1:
        text = item.test.parts[0]
        if isinstance(text, str) and text.isascii() and text.isdigit():
            return HasEventID(frozenset([int(text)]))
    return None
