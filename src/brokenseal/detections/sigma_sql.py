"""SQL conditions (DuckDB) from what rules ask.

Text is compared without case unless the rule says otherwise: both sides are lowered by the engine's ``lower()``,
which maps each character by itself (Unicode's simple lower case: 'İ' is 'i', 'ß' stays, no final sigma). ``re`` is
case-sensitive without its ``i`` and is searched for anywhere in the value.

Null is how the tables say "missing", "empty" and "-", so each of these in a rule also matches null. A field that the
events do not have is null everywhere. A condition may be null where it is not true; inside NOT that is turned into
false, so ``not field: x`` holds for an event without the field. No value of an event can make a condition raise an
error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from brokenseal.detections.criteria import (
    AllOf,
    AnyOf,
    BoolTest,
    CompareTest,
    Criterion,
    ExistsTest,
    KeywordTest,
    NetworkTest,
    Not,
    NullTest,
    NumberTest,
    PatternTest,
    ReferenceTest,
    Test,
    TextTest,
    TimePartTest,
    Wildcard,
)
from brokenseal.detections.network_sql import address_key, in_network
from brokenseal.detections.shadows import KEYWORDS_SHADOW, address_shadow, haystack, lowered_shadow
from brokenseal.detections.taxonomy import EventField, EventKind, FieldType
from brokenseal.events.engine import sql_name

_TRUE, _FALSE = "TRUE", "FALSE"
_NUMBER_TEXT = "[+-]?[0-9]{1,30}(?:[.][0-9]{1,30})?"
_INT64 = 1 << 63


def sql_literal(value: str) -> str:
    """*value* as an SQL text expression; the only place where text of a rule becomes SQL."""
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in value.split("\0")]
    # The text of a query is handed to the engine's parser as it is; a NUL in it is best not relied upon.
    return pieces[0] if len(pieces) == 1 else "(" + " || chr(0) || ".join(pieces) + ")"


def condition_sql(criterion: Criterion, kind: EventKind, shadows: Collection[str] = ()) -> str:
    """The condition on events of *kind*; ``shadows`` names the shadow columns that the relation has."""
    return _ConditionWriter(kind, frozenset(shadows)).write(criterion)


class _ConditionWriter:
    def __init__(self, kind: EventKind, shadows: frozenset[str]) -> None:
        self._kind = kind
        self._shadows = shadows

    def write(self, criterion: Criterion) -> str:
        if isinstance(criterion, AllOf):
            return "(" + " AND ".join(self.write(item) for item in criterion.items) + ")"
        if isinstance(criterion, AnyOf):
            return "(" + " OR ".join(self.write(item) for item in criterion.items) + ")"
        if isinstance(criterion, Not):
            # AND and OR never turn a null into true, so it is enough to settle nulls here.
            return f"(NOT COALESCE({self.write(criterion.item)}, FALSE))"
        if isinstance(criterion, KeywordTest):
            return self._keyword(criterion.test)
        field = self._kind.field(criterion.field)
        if field is None:
            return _TRUE if is_true_of_null(criterion.test, self._kind) else _FALSE
        return self._field(field, criterion.test)

    def _field(self, field: EventField, test: Test) -> str:
        if isinstance(test, TextTest):
            return self._text(field, test)
        if isinstance(test, NumberTest):
            return self._number(field, test.number)
        if isinstance(test, BoolTest):
            return (
                _FALSE if field.type is not FieldType.TEXT else f"{self._lowered(field)} = '{str(test.value).lower()}'"
            )
        if isinstance(test, PatternTest):
            return f"regexp_matches({_as_text(field)}, {_pattern(test)})"
        if isinstance(test, NetworkTest):
            return self._network(field, test)
        if isinstance(test, CompareTest):
            return _comparison(field, test)
        if isinstance(test, ReferenceTest):
            return self._reference(field, test)
        if isinstance(test, TimePartTest):
            return _time_part(field, test)
        if isinstance(test, ExistsTest):
            return f"{field.sql} IS NOT NULL" if test.exists else f"{field.sql} IS NULL"
        return f"{field.sql} IS NULL"

    def _text(self, field: EventField, test: TextTest) -> str:
        if is_true_of_null(test, self._kind):
            if field.type is not FieldType.TEXT:
                return f"{field.sql} IS NULL"
            return f"({field.sql} IS NULL OR {field.sql} = {sql_literal(''.join(map(str, test.parts)))})"
        if test.parts == (Wildcard.ANY_TEXT,):
            return f"{field.sql} IS NOT NULL"
        if field.type is FieldType.INTEGER and isinstance(test.parts[0], str) and len(test.parts) == 1:
            text = test.parts[0]
            return _integer_equals(field, field.names.get(text.lower(), text))
        value = _as_text(field) if test.cased or field.type is not FieldType.TEXT else self._lowered(field)
        return _text_match(*self._spaced(value, test.parts), test.cased)

    def _spaced(self, value: str, parts: tuple[str | Wildcard, ...]) -> tuple[str, tuple[str | Wildcard, ...]]:
        """Where the log writes '+' for a space, a space in the rule means both."""
        if not self._kind.plus_is_space or not any(isinstance(part, str) and " " in part for part in parts):
            return value, parts
        spaced = tuple(part.replace(" ", "+") if isinstance(part, str) else part for part in parts)
        return f"replace({value}, ' ', '+')", spaced

    def _number(self, field: EventField, number: int | float) -> str:
        if field.type is FieldType.INTEGER:
            return f"{field.sql} = {_sql_number(number)}"
        return (
            _FALSE if field.type is FieldType.TIME else f"{self._lowered(field)} = {sql_literal(str(number).lower())}"
        )

    def _network(self, field: EventField, test: NetworkTest) -> str:
        if field.type is not FieldType.TEXT:
            return _FALSE
        name = address_shadow(field)
        return in_network(sql_name(name) if name in self._shadows else address_key(field.sql), test.network)

    def _reference(self, field: EventField, test: ReferenceTest) -> str:
        other = self._kind.field(test.other)
        if other is None:
            return _FALSE
        if field.type is other.type is FieldType.INTEGER and not (test.starts or test.ends):
            return f"{field.sql} = {other.sql}"
        left, right = (
            self._lowered(each) if each.type is FieldType.TEXT else _as_text(each) for each in (field, other)
        )
        if test.starts and test.ends:
            return f"contains({left}, {right})"
        if test.starts:
            return f"starts_with({left}, {right})"
        return f"ends_with({left}, {right})" if test.ends else f"{left} = {right}"

    def _keyword(self, test: TextTest | NumberTest | PatternTest) -> str:
        searched = self._kind.searched
        if isinstance(test, PatternTest):
            return _any_of(f"regexp_matches({field.sql}, {_pattern(test)})" for field in searched)
        if isinstance(test, NumberTest):
            test = TextTest((str(test.number),))
        parts = _trimmed(test.parts)
        around = (Wildcard.ANY_TEXT, *parts, Wildcard.ANY_TEXT)
        if not any(isinstance(part, Wildcard) or "\n" in part for part in parts):
            text = haystack(self._kind)
            if not test.cased:
                text = sql_name(KEYWORDS_SHADOW) if KEYWORDS_SHADOW in self._shadows else f"lower({text})"
            return _text_match(*self._spaced(text, around), test.cased)
        values = [field.sql if test.cased else self._lowered(field) for field in searched]
        return _any_of(_text_match(*self._spaced(value, around), test.cased) for value in values)

    def _lowered(self, field: EventField) -> str:
        name = lowered_shadow(field)
        return sql_name(name) if name in self._shadows else f"lower({field.sql})"


def is_true_of_null(test: Test, kind: EventKind) -> bool:
    """Whether the test holds for a field that is missing from events of *kind*."""
    if isinstance(test, TextTest):
        return test.parts == () or (test.parts == ("-",) and not kind.json)
    return isinstance(test, NullTest) or (isinstance(test, ExistsTest) and not test.exists)


def _any_of(conditions: Iterable[str]) -> str:
    return "(" + (" OR ".join(conditions) or _FALSE) + ")"


def _trimmed(parts: tuple[str | Wildcard, ...]) -> tuple[str | Wildcard, ...]:
    start, end = int(parts[:1] == (Wildcard.ANY_TEXT,)), len(parts)
    return parts[start : end - 1] if end > start and parts[-1] is Wildcard.ANY_TEXT else parts[start:]


def _as_text(field: EventField) -> str:
    if field.type is FieldType.TEXT:
        return field.sql
    if field.type is FieldType.INTEGER:
        return f"CAST({field.sql} AS VARCHAR)"
    return f"strftime(make_timestamp(epoch_us({field.sql})), '%Y-%m-%dT%H:%M:%S.%gZ')"


def _folded(text: str, cased: bool) -> str:
    if cased:
        return sql_literal(text)
    return sql_literal(text.lower()) if text.isascii() else f"lower({sql_literal(text)})"


def _text_match(value: str, parts: tuple[str | Wildcard, ...], cased: bool) -> str:
    texts = [part for part in parts if isinstance(part, str)]
    if Wildcard.ANY_CHARACTER not in parts and len(texts) <= 1:
        text = _folded(texts[0] if texts else "", cased)
        before, after = (edge is Wildcard.ANY_TEXT for edge in (parts[0], parts[-1]))
        if before and after:
            return f"contains({value}, {text})"
        if before or after:
            return f"{'ends_with' if before else 'starts_with'}({value}, {text})"
        return f"{value} = {text}"
    # '!' and not the usual backslash: backslashes are common in rules, and each would have to be doubled.
    special = any(character in text for text in texts for character in "%_")
    pattern = "".join(_like(part, special) for part in parts)
    return f"{value} LIKE {_folded(pattern, cased)}" + (" ESCAPE '!'" if special else "")


def _like(part: str | Wildcard, special: bool) -> str:
    if isinstance(part, Wildcard):
        return "%" if part is Wildcard.ANY_TEXT else "_"
    return part.replace("!", "!!").replace("%", "!%").replace("_", "!_") if special else part


def _pattern(test: PatternTest) -> str:
    return sql_literal(f"(?{test.flags}){test.pattern}" if test.flags else test.pattern)


def _integer_equals(field: EventField, text: str) -> str:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (digits.startswith("0") and text != "0") or int(digits) >= _INT64:
        return _FALSE
    return f"{field.sql} = {text}"


def _sql_number(number: int | float) -> str:
    if isinstance(number, int) and abs(number) < _INT64:
        return str(number)
    return f"CAST('{float(number)!r}' AS DOUBLE)"


def _comparison(field: EventField, test: CompareTest) -> str:
    if field.type is FieldType.TIME:
        return _FALSE
    number = _sql_number(test.number)
    if field.type is FieldType.INTEGER:
        return f"{field.sql} {test.operator} {number}"
    readable = f"regexp_full_match({field.sql}, '{_NUMBER_TEXT}')"
    return f"(CASE WHEN {readable} THEN TRY_CAST({field.sql} AS DOUBLE) END) {test.operator} {number}"


def _time_part(field: EventField, test: TimePartTest) -> str:
    if field.type is FieldType.INTEGER:
        return _FALSE
    moment = f"TRY_CAST({field.sql} AS TIMESTAMP)"
    if field.type is FieldType.TIME:
        moment = f"make_timestamp(epoch_us({field.sql}))"
    return f"date_part('{test.part}', {moment}) = {_sql_number(test.number)}"
