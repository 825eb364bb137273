"""The columns of the records of an event log, from the JSON that its decoder makes of them.

The JSON follows the event's XML, with attributes inside their elements (``#attributes``). The embedded engine takes it
apart, a block of records at once; data with names are the column ``Data`` as they are. Data without names, with attributes,
and those in UserData, are put in order one by one: for so few, an engine's plan takes longer than the work.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.cells import to_cell
from brokenseal.parsers.columns import EMPTY_TEXT, NULL_TEXT, Cell
from brokenseal.parsers.decoding import Mask, rows_with
from brokenseal.parsers.times import as_chunked, within_years
from brokenseal.parsers.windows_event import CMDLET_PROVIDER, query

_SYSTEM = "$.Event.System."
#: What is taken and where it is; the last two are the event's own data, of which it has one kind. Of ids with qualifiers,
#: which old programs write, the id is the text.
_PATHS = {
    "host": f"{_SYSTEM}Computer",
    "Channel": f"{_SYSTEM}Channel",
    "Provider_Name": f'{_SYSTEM}Provider."#attributes".Name',
    "Keywords": f"{_SYSTEM}Keywords",
    "UserID": f'{_SYSTEM}Security."#attributes".UserID',
    "Message": "$.Event.RenderingInfo.Message",
    "EventRecordID": f"{_SYSTEM}EventRecordID",
    "EventID": f"{_SYSTEM}EventID",
    "Level": f"{_SYSTEM}Level",
    "Task": f"{_SYSTEM}Task",
    "Opcode": f"{_SYSTEM}Opcode",
    "time": f'{_SYSTEM}TimeCreated."#attributes".SystemTime',
    "QualifiedID": f'{_SYSTEM}EventID."#text"',
    "EventData": "$.Event.EventData",
    "UserData": "$.Event.UserData",
}
NUMBERS = {
    "EventRecordID": Cell.INT64,
    "EventID": Cell.INT64,
    "Level": Cell.INT32,
    "Task": Cell.INT32,
    "Opcode": Cell.INT32,
}
_OWN_DATA = ("EventData", "UserData")
_COLUMNS = [name for name in _PATHS if name not in ("QualifiedID", *_OWN_DATA)]
_LISTED = ", ".join(f"'{path}'" for path in _PATHS.values())
_TIME = f"s[{list(_PATHS).index('time') + 1}]"
#: ``s``: JSON values, so that a text is not taken for the object it looks like. Of a time, ``epoch_ms`` would round up what
#: is cut off everywhere else.
_SQL = (
    f"SELECT s, epoch_us(TRY_CAST(replace({_TIME}, '\"', '') AS TIMESTAMPTZ)) // 1000 AS time "
    f"FROM (SELECT json_extract(j, [{_LISTED}]) AS s FROM records)"
)
_NULL, _CMDLETS, _FALSE = pa.scalar("null"), pa.scalar(CMDLET_PROVIDER), pa.scalar(False)
_OUTCOMES = {1: "succeeded", 6: "failed", 8: "failed"}
#: The items of Exchange's cmdlet events by their place.
_CMDLET_ITEMS = {0: "Cmdlet", 1: "Parameters", 2: "User", 3: "UserSid", 5: "HostApplication", 6: "Process"}
_CMDLET_ERROR = 12
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken from records: all columns but ``Data``, with the JSON that this is made of.

    ``unreadable``: of the columns that are numbers, where something else stands.
    """

    columns: dict[str, pa.ChunkedArray]
    event_data: pa.Array
    user_data: pa.Array
    unreadable: dict[str, Mask]

    def finished(self) -> tuple[dict[str, pa.ChunkedArray], Counter[str]]:
        """The columns of the table, and warnings, counted."""
        warnings = {
            f"{name} is not a number (kept as empty)": int(mask.sum()) for name, mask in self.unreadable.items()
        }
        data = _data(self.event_data, self.user_data, self.columns)
        return {**self.columns, "Data": data}, +Counter(warnings)


def joined(parts: Sequence[Taken], order: npt.NDArray[np.int64]) -> Taken:
    """All of *parts*, one behind the other, in *order*."""
    if len(parts) == 1:
        return parts[0]
    places = pa.array(order)

    def together(columns: Iterable[pa.Array | pa.ChunkedArray]) -> pa.ChunkedArray:
        return pa.chunked_array([chunk for column in columns for chunk in as_chunked(column).chunks]).take(places)

    return Taken(
        {name: together(part.columns[name] for part in parts) for name in parts[0].columns},
        together(part.event_data for part in parts).combine_chunks(),
        together(part.user_data for part in parts).combine_chunks(),
        {name: np.concatenate([part.unreadable[name] for part in parts])[order] for name in NUMBERS},
    )


def columns_of(records: pa.Array) -> tuple[dict[str, pa.ChunkedArray], Counter[str]]:
    """The table's columns of *records* (JSON objects), in their order, with ``host`` and ``time`` (null if unreadable).

    With them warnings, counted. Raises QueryError if a record is no JSON.
    """
    return taken(records).finished()


def taken(records: pa.Array) -> Taken:
    """What the table's columns are made of. Raises QueryError if a record is no JSON."""
    found = query(records, _SQL)
    cells = pa.concat_arrays(found.column("s").chunks).flatten()
    count = len(records)
    # All columns at once, one behind the other: each step has its price, however few values there are.
    places = dict(zip(_PATHS, np.arange(count * len(_PATHS)).reshape(count, len(_PATHS)).T, strict=True))
    qualified = places["QualifiedID"]
    has_qualifiers = np.asarray(cells.take(pa.array(qualified)).is_valid())
    places["EventID"] = np.where(has_qualifiers, qualified, places["EventID"])
    short = _plain(cells.take(pa.array(np.concatenate([places[name] for name in _COLUMNS]))))
    columns = {name: as_chunked(short.slice(place * count, count)) for place, name in enumerate(_COLUMNS)}
    unreadable = {}
    for name, cell in NUMBERS.items():
        text = columns[name]
        columns[name], _ = to_cell(text, cell)
        unreadable[name] = np.asarray(text.is_valid()) & np.asarray(columns[name].is_null())
    columns["time"] = within_years(found.column("time"))
    event_data, user_data = (cells.take(pa.array(places[name])) for name in _OWN_DATA)
    return Taken(columns, event_data, user_data, unreadable)


def _plain(values: pa.Array) -> pa.Array:
    """JSON values as text; those that say nothing are null."""
    text = pc.ascii_trim(values, characters='"')
    # What has escapes inside, or is an element with attributes, is not for such short cuts.
    escaped = rows_with(values, b"\\") | np.asarray(pc.fill_null(pc.starts_with(values, "{"), _FALSE))
    if escaped.any():
        read = pa.array(
            [_text(_beside(json.loads(value))) for value in values.filter(pa.array(escaped)).to_pylist()], pa.string()
        )
        text = pc.replace_with_mask(text, escaped, read)
    nothing = pc.or_(pc.equal(text, EMPTY_TEXT), pc.equal(values, _NULL))
    return pc.if_else(nothing, NULL_TEXT, text)


def _data(event_data: pa.Array, user_data: pa.Array, columns: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """The column ``Data``: an object of named data as it stands; what is different, one by one."""
    named = np.asarray(pc.fill_null(pc.starts_with(event_data, "{"), _FALSE))
    cmdlet = np.asarray(pc.fill_null(pc.equal(columns["Provider_Name"], _CMDLETS), _FALSE))
    odd = ~named | cmdlet | rows_with(event_data, b'"Data":', b'"#attributes":')
    if not odd.any():
        return as_chunked(event_data)
    chosen = pa.array(odd)
    rows = zip(
        event_data.filter(chosen).to_pylist(),
        user_data.filter(chosen).to_pylist(),
        columns["EventID"].filter(chosen).to_pylist(),
        cmdlet[odd].tolist(),
        strict=True,
    )
    made = pa.array([_fields(*row) for row in rows], pa.string())
    return as_chunked(pc.replace_with_mask(event_data, odd, made))


@lru_cache(maxsize=1024)
def _fields(event_data: str | None, user_data: str | None, event: int | None, cmdlet: bool) -> str | None:
    """The event's own data as one flat JSON object. Jobs that run all day log the same each time."""
    data = _own_data(event_data, user_data)
    if data is None:
        return None
    if "Data" in data:
        items = _items(data.pop("Data"))
        data["Data"] = "\n".join(items)
        data |= {f"Data#{number}": item for number, item in enumerate(items)}
    if cmdlet:
        data |= _cmdlet(data, event)
    return _ENCODER.encode(data)


def _own_data(event_data: str | None, user_data: str | None) -> dict[str, object] | None:
    """EventData or, without its own name, the element in UserData. A text instead of elements is one item."""
    value = json.loads(event_data or "null")
    if event_data is not None and "#attributes" in event_data:
        value = _beside(value)
    if value is None:
        elements = _beside(json.loads(user_data or "null"))
        if isinstance(elements, dict):
            names = (name for name in elements if not name.endswith("_attributes"))
            value = elements.get(next(names, ""))
    return value if value is None or isinstance(value, dict) else {"Data": _text(value)}


def _beside(element: object) -> object:
    """An element without its own attributes, and those of the elements in it beside them: ``X_attributes``, ``X``."""
    if isinstance(element, list):
        return [_beside(item) for item in element]
    if not isinstance(element, dict):
        return element
    if "#attributes" in element:
        rest = {name: value for name, value in element.items() if name != "#attributes"}
        return None if not rest else rest["#text"] if list(rest) == ["#text"] else _beside(rest)
    flat: dict[str, object] = {}
    for name, value in element.items():
        if isinstance(value, dict) and "#attributes" in value:
            flat[f"{name}_attributes"] = value["#attributes"]
            if len(value) == 1:
                continue
        flat[name] = _beside(value)
    return flat


def _items(data: object) -> list[str]:
    """The texts of elements without a name: a list, or one; with attributes they stand under '#text'."""
    if isinstance(data, dict):
        data = data.get("#text")
    return [_text(item) for item in data] if isinstance(data, list) else [_text(data)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else _ENCODER.encode(value)


def _cmdlet(data: Mapping[str, object], event: int | None) -> dict[str, object]:
    """What an event of Exchange's cmdlet log says, whose items have no names."""
    named = {name: data[key] for place, name in _CMDLET_ITEMS.items() if (key := f"Data#{place}") in data}
    if event in _OUTCOMES:
        named["Outcome"] = _OUTCOMES[event]
    if named.get("Outcome") == "failed" and data.get(f"Data#{_CMDLET_ERROR}"):
        named["Exception"] = data[f"Data#{_CMDLET_ERROR}"]
    return named
