"""Columns computed once so that many conditions need not compute them again: lower-case text, keys of IP addresses.

A shadow of the field ``x`` is named ``x#lc`` (lower case) or ``x#ip`` (see ``network_sql``); all searched text of an
event in lower case is ``#lc``. No log has a column of such a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from brokenseal.detections.criteria import (
    BoolTest,
    Criterion,
    FieldTest,
    KeywordTest,
    NetworkTest,
    NumberTest,
    ReferenceTest,
    TextTest,
    field_tests,
)
from brokenseal.detections.network_sql import address_key
from brokenseal.detections.taxonomy import EventField, EventKind, FieldType
from brokenseal.events.engine import sql_name

KEYWORDS_SHADOW = "#lc"


@dataclass(frozen=True, slots=True)
class Shadow:
    """``name`` of the column (unquoted) and the SQL expression it is made by."""

    name: str
    sql: str


def lowered_shadow(field: EventField) -> str:
    return f"{field.name}#lc"


def address_shadow(field: EventField) -> str:
    return f"{field.name}#ip"


def haystack(kind: EventKind) -> str:
    """SQL expression: the searched text of an event, one field a line, so that no match crosses from one to the
    next."""
    return f"concat_ws(chr(10), {', '.join(field.sql for field in kind.searched)})"


def shadow_columns(criteria: Iterable[Criterion], kind: EventKind) -> tuple[Shadow, ...]:
    """The shadow columns that conditions made from *criteria* can use, sorted by name."""
    shadows = {shadow.name: shadow for item in _tests(criteria) for shadow in _shadows_of(item, kind)}
    return tuple(shadows[name] for name in sorted(shadows))


def raw_columns(criteria: Iterable[Criterion], kind: EventKind) -> tuple[str, ...]:
    """The table's columns that conditions made from *criteria* read, sorted."""
    columns: set[str] = set()
    for item in _tests(criteria):
        fields = kind.searched if isinstance(item, KeywordTest) else _fields(item, kind)
        columns.update(column for field in fields for column in field.columns)
    return tuple(sorted(columns))


def with_shadows(relation: str, shadows: Iterable[Shadow], columns: Iterable[str] | None = None) -> str:
    """SELECT of *relation* (anything that may follow FROM): all its columns or those given, and the shadow columns."""
    kept = ["*"] if columns is None else [sql_name(name) for name in columns]
    added = [f"{shadow.sql} AS {sql_name(shadow.name)}" for shadow in shadows]
    return f"SELECT {', '.join(kept + added)} FROM {relation}"


def _tests(criteria: Iterable[Criterion]) -> Iterator[FieldTest | KeywordTest]:
    for criterion in criteria:
        yield from field_tests(criterion)


def _fields(item: FieldTest, kind: EventKind) -> list[EventField]:
    names = [item.field, item.test.other] if isinstance(item.test, ReferenceTest) else [item.field]
    return [field for name in names if (field := kind.field(name)) is not None]


def _shadows_of(item: FieldTest | KeywordTest, kind: EventKind) -> Iterator[Shadow]:
    if isinstance(item, KeywordTest):
        if isinstance(item.test, NumberTest) or (isinstance(item.test, TextTest) and not item.test.cased):
            yield Shadow(KEYWORDS_SHADOW, f"lower({haystack(kind)})")
        return
    test = item.test
    for field in _fields(item, kind):
        if field.type is not FieldType.TEXT:
            continue
        if isinstance(test, NetworkTest):
            yield Shadow(address_shadow(field), address_key(field.sql))
        elif isinstance(test, NumberTest | BoolTest | ReferenceTest) or (isinstance(test, TextTest) and not test.cased):
            yield Shadow(lowered_shadow(field), f"lower({field.sql})")
