"""Windows events as rules see them: any name is a field, looked up in the event's own data.

The columns that rules look at are made by :func:`view_relation`; a condition only names them. Names are compared without
case. An empty value is null, '-' is a value like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from brokenseal.detections.sigma_sql import sql_literal
from brokenseal.detections.taxonomy import EventField, EventKind, FieldType
from brokenseal.detections.windows_logs import Derivation, LogRows, View, view
from brokenseal.events.engine import sql_name

#: Everything of an event that a keyword search looks at; no field of an event has such a name.
EVENT_TEXT = "event text"

#: Fields of a record's header: the column, and its type.
_HEADER = {
    "channel": ("Channel", FieldType.TEXT),
    "provider_name": ("Provider_Name", FieldType.TEXT),
    "eventid": ("EventID", FieldType.INTEGER),
    "level": ("Level", FieldType.INTEGER),
    "task": ("Task", FieldType.INTEGER),
    "opcode": ("Opcode", FieldType.INTEGER),
    "keywords": ("Keywords", FieldType.TEXT),
    "eventrecordid": ("EventRecordID", FieldType.INTEGER),
    "security_userid": ("UserID", FieldType.TEXT),
    "message": ("Message", FieldType.TEXT),
    "computer": ("host", FieldType.TEXT),
    "host": ("host", FieldType.TEXT),
    "time": ("time", FieldType.TIME),
    "provider": ("Provider_Name", FieldType.TEXT),
    "computername": ("host", FieldType.TEXT),
    "hostname": ("host", FieldType.TEXT),
    "event_id": ("EventID", FieldType.INTEGER),
}
#: Of these an event's own field comes first: event 104 names the log that was cleared, WMI's events another provider.
_OWN_FIRST = frozenset({"channel", "provider"})
_LEVELS = MappingProxyType(
    {"critical": "1", "error": "2", "warning": "3", "information": "4", "informational": "4", "verbose": "5"}
)
#: Columns that every relation has besides the fields.
_TAKEN = frozenset({"source_id", "line"})

#: Actual names of an event's own fields, by their lower case.
Keys = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsKind(EventKind):
    """One view of the Windows events; ``field`` knows every name."""

    view: View

    def field(self, name: str) -> EventField | None:
        return _field(self.name, name.strip().lower())

    @property
    def searched(self) -> tuple[EventField, ...]:
        return (_EVENT_TEXT,)


_EVENT_TEXT = EventField(EVENT_TEXT, sql_name(EVENT_TEXT), FieldType.TEXT, (EVENT_TEXT,), searched=True)


@cache
def windows_kind(name: str) -> WindowsKind:
    """The kind of the view *name* (with its prefix). Raises KeyError."""
    fields = {
        lowered: EventField(
            lowered, sql_name(lowered), kind, (lowered,), in_line=lowered in ("provider_name", "message")
        )
        for lowered, (_, kind) in _HEADER.items()
    }
    fields["level"] = replace(fields["level"], names=_LEVELS)
    fields[EVENT_TEXT] = _EVENT_TEXT
    return WindowsKind(
        name=name,
        fields=MappingProxyType(fields),
        source_ip="CAST(NULL AS VARCHAR)",
        request_id="CAST(NULL AS VARCHAR)",
        json=True,
        view=view(name),
    )


@cache
def _field(kind: str, lowered: str) -> EventField:
    """The field of a kind by its name. Thousands of rules ask for the same few."""
    own = windows_kind(kind)
    if lowered in own.fields:
        return own.fields[lowered]
    derived = [found for row in own.view.rows if (found := row.derivation(lowered)) is not None]
    column = _column_name(lowered)
    in_data = all(found.verbatim for found in derived)
    return EventField(column, sql_name(column), FieldType.TEXT, (column,), in_line=in_data, escaped=True)


def view_condition(kind: WindowsKind) -> str:
    """SQL condition on ``windows_event``: the rows of the view."""
    return "(" + " OR ".join(_of_rows(rows) for rows in kind.view.rows) + ")" if kind.view.rows else "FALSE"


def view_relation(
    events: str,
    kind: WindowsKind,
    names: Iterable[str],
    keys: Keys,
    *,
    of_view: bool = False,
    also: Iterable[str] = (),
) -> str:
    """SELECT of *events* (rows of ``windows_event``): source_id, line, host, time and the columns *names* of the view.

    ``keys``: the names that occur in the rows' data; other names are null. ``of_view``: *events* has rows of the view only.
    ``also``: columns of *events* to keep.
    """
    wanted = [name for name in dict.fromkeys(names) if name not in ("host", "time")]
    fields = [_field_name(name) for name in wanted]
    used = dict.fromkeys(key for field in fields for own in _own_names(kind, field) for key in _spellings(own, keys))
    place = {key: f"x[{number}]" for number, key in enumerate(used, start=1)}
    columns = [
        f"{_column(kind, field, keys, place)} AS {sql_name(name)}" for name, field in zip(wanted, fields, strict=True)
    ]
    pointers = ", ".join(sql_literal(_pointer(key)) for key in used)
    extracted = f", json_extract_string(Data, [{pointers}]) AS x" if used else ""
    where = "" if of_view else f" WHERE {view_condition(kind)}"
    listed = ", ".join(["source_id", "line", "host", "time", *map(sql_name, also), *columns])
    return f"SELECT {listed} FROM (SELECT *{extracted} FROM {events}{where})"


def header_columns(fields: Iterable[str]) -> frozenset[str]:
    """The columns of the table, besides ``Data``, that *fields* (as rules write them) are read from."""
    lowered = (name.strip().lower() for name in fields)
    return frozenset(_HEADER[name][0] for name in lowered if name in _HEADER)


def keys_sql(events: str) -> str:
    """SELECT of the names of data fields (column ``name``) that occur in *events*."""
    # What is no object has no keys; to ask for its type would take as long again.
    return f"SELECT DISTINCT unnest(json_keys(Data)) AS name FROM {events}"


def by_lower_case(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by their lower case, each list sorted; a name with blanks, as Defender's, also by what it is without them."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        for key in dict.fromkeys((name.lower(), name.lower().replace(" ", ""))):
            found.setdefault(key, []).append(name)
    return found


def _column_name(field: str) -> str:
    """The name of the column of a field: a field's name can be anything, a column's cannot."""
    if field and field.isascii() and field.isprintable() and "#" not in field and field not in _TAKEN:
        return field
    # No field's name begins with a space.
    return " " + field.encode("utf-8", "surrogatepass").hex()


def _field_name(column: str) -> str:
    return bytes.fromhex(column).decode("utf-8", "surrogatepass") if column.startswith(" ") else column


def _own_names(kind: WindowsKind, field: str) -> list[str]:
    """The event's own fields that *field* may come from."""
    if field == EVENT_TEXT or (field in _HEADER and field not in _OWN_FIRST):
        return []
    derived = [found for row in kind.view.rows if (found := row.derivation(field)) is not None]
    return [field, *(own for found in derived for own in found.names)]


def _spellings(name: str, keys: Keys) -> Collection[str]:
    return keys.get(name.lower(), ())


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _column(kind: WindowsKind, name: str, keys: Keys, place: Mapping[str, str]) -> str:
    if name == EVENT_TEXT:
        values = "array_to_string(json_extract_string(Data, '$.*'), chr(10))"
        return f"concat_ws(chr(10), Channel, Provider_Name, Message, {values})"
    if name in _HEADER and name not in _OWN_FIRST:
        return sql_name(_HEADER[name][0])
    plain = _value(name, keys, place)
    if name in _OWN_FIRST:
        return f"coalesce({plain}, {sql_name(_HEADER[name][0])})"
    cases = [
        f"WHEN {_of_rows(row)} THEN {_derived(found, keys, place)}"
        for row in kind.view.rows
        if (found := row.derivation(name)) is not None
    ]
    return f"CASE {' '.join(cases)} ELSE {plain} END" if cases else plain


def _value(name: str, keys: Keys, place: Mapping[str, str]) -> str:
    found = [f"nullif({place[key]}, '')" for key in _spellings(name, keys)]
    if not found:
        return "CAST(NULL AS VARCHAR)"
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def _derived(derivation: Derivation, keys: Keys, place: Mapping[str, str]) -> str:
    pieces = [sql_literal(derivation.texts[0])] if derivation.texts[0] else []
    for name, text in zip(derivation.names, derivation.texts[1:], strict=True):
        pieces.append(_value(name, keys, place))
        pieces += [sql_literal(text)] if text else []
    sql = pieces[0] if len(pieces) == 1 else f"({' || '.join(pieces)})"
    if derivation.hexadecimal:
        sql = f"CASE WHEN {sql} LIKE '0x%' THEN CAST(TRY_CAST({sql} AS BIGINT) AS VARCHAR) ELSE {sql} END"
    if derivation.values:
        cases = " ".join(f"WHEN {sql_literal(old)} THEN {sql_literal(new)}" for old, new in derivation.values)
        sql = f"CASE {sql} {cases} ELSE {sql} END"
    if derivation.prefixes:
        cases = " ".join(
            f"WHEN starts_with(lower({sql}), {sql_literal(old.lower())}) "
            f"THEN {sql_literal(new)} || substr({sql}, {len(old) + 1})"
            for old, new in derivation.prefixes
        )
        sql = f"CASE {cases} ELSE {sql} END"
    return sql


def _of_rows(rows: LogRows) -> str:
    parts = []
    if rows.channels:
        listed = ", ".join(sql_literal(channel) for channel in rows.channels)
        parts.append(f"coalesce(lower(Channel) IN ({listed}), FALSE)")
    if rows.events:
        parts.append(f"coalesce(EventID IN ({', '.join(map(str, rows.events))}), FALSE)")
    for name, values in rows.where:
        listed = ", ".join(sql_literal(value.lower()) for value in values)
        parts.append(f"coalesce(lower(json_extract_string(Data, {sql_literal(_pointer(name))})) IN ({listed}), FALSE)")
    return "(" + " AND ".join(parts) + ")" if parts else "TRUE"
