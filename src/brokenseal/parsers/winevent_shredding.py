"""Take JSON records of Windows events apart by their shape, in the embedded engine: a block of them at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.decoding import Mask
from brokenseal.parsers.windows_event import QueryError, query
from brokenseal.parsers.winevent_columns import filled
from brokenseal.parsers.winevent_shapes import EVTXECMD, SHAPES, JsonShape
from brokenseal.parsers.winevent_sql import staged

#: What the classes of :func:`classified` say beside the number of a shape.
NOT_JSON, UNKNOWN, WRAPPED = -3, -2, -1
WRAPPER = "$._source"


def classified(records: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """For each of *records* (text) the number of its shape in ``SHAPES``, or why it has none. Raises QueryError."""
    paths = tuple(dict.fromkeys([WRAPPER, *_keys(SHAPES)]))
    # A key counts if it has a value.
    flag = {path: f"coalesce(f[{number}], 'NULL') <> 'NULL'" for number, path in enumerate(paths, start=1)}
    cases = " ".join(
        f"WHEN {' AND '.join('(' + ' OR '.join(flag[path] for path in group) + ')' for group in shape.keys)} THEN {number}"
        for number, shape in enumerate(SHAPES)
    )
    sql = (
        f"SELECT CAST(CASE WHEN f IS NULL OR NOT regexp_matches(j, '^[ \\t\\r\\n]*\\{{') THEN {NOT_JSON} {cases} "
        f"WHEN {flag[WRAPPER]} THEN {WRAPPED} ELSE {UNKNOWN} END AS TINYINT) AS shape "
        f"FROM (SELECT j, TRY(json_type(j, [{_listed(paths)}])) AS f FROM records)"
    )
    return query(records, sql).column(0)


def _keys(shapes: Iterable[JsonShape]) -> tuple[str, ...]:
    return tuple(path for shape in shapes for group in shape.keys for path in group)


def unwrapped(records: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """The documents inside *records* of class ``WRAPPED``, as text."""
    return query(records, f"SELECT CAST(json_extract(j, '{WRAPPER}') AS VARCHAR) AS j FROM records").column(0)


def taken_apart(records: pa.Array | pa.ChunkedArray, shape: JsonShape) -> pa.Table:
    """What *records*, all of this *shape*, hold, in their order: the texts of ``shape.columns`` and ``Data``, as text.

    Raises QueryError.
    """
    table = query(records, _sql(shape, shape.paths))
    return _columns(table, shape, shape.paths)


def all_alike(records: pa.Array | pa.ChunkedArray, shape: JsonShape) -> pa.Table | None:
    """The same as :func:`taken_apart`, if every one of *records* is of this *shape*; else None.

    It saves looking at them twice where, as nearly always, a whole file has one shape.
    """
    before = SHAPES[: SHAPES.index(shape)]
    paths = tuple(dict.fromkeys([*shape.paths, *_keys((*before, shape))]))
    if not set(shape.parts).isdisjoint(paths):
        return None
    try:
        table = query(records, _sql(shape, paths))
    except QueryError:
        return None
    there = np.asarray(pc.is_valid(table.column("s").combine_chunks().flatten())).reshape(-1, len(paths))
    key = {path: there[:, at] for at, path in enumerate(paths)}

    def fits(each: JsonShape) -> Mask:
        groups = [np.logical_or.reduce([key[path] for path in group]) for group in each.keys]
        every: Mask = np.logical_and.reduce(groups)
        return every

    if not fits(shape).all() or any(fits(each).any() for each in before):
        return None
    return _columns(table, shape, paths)


def _columns(table: pa.Table, shape: JsonShape, paths: tuple[str, ...]) -> pa.Table:
    # Each record has as many texts as there are paths: a path's are every so many from its own place on.
    texts = filled(table.column("s").combine_chunks().flatten())
    width = len(paths)
    there = np.asarray(pc.is_valid(texts)).reshape(-1, width)
    counts = np.count_nonzero(there, axis=0).tolist()
    number = {path: at for at, path in enumerate(paths)}
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"Data": table.column("Data")}
    for name, places_of in shape.columns.items():
        places = [number[path] for path in places_of if counts[number[path]]]
        needed = next((at for at, place in enumerate(places, start=1) if counts[place] == len(there)), len(places))
        found = [texts.take(pa.array(np.arange(place, len(texts), width))) for place in places[:needed]]
        columns[name] = pc.coalesce(*found) if found else pa.nulls(len(there), pa.string())
    return pa.table(columns)


def payload_fields(payloads: pa.ChunkedArray) -> pa.ChunkedArray:
    """The events' fields in EvtxECmd's *payloads* (text or null), as JSON. Raises QueryError."""
    relation = staged("(SELECT j AS payload_ FROM records)", EVTXECMD.stages)
    return query(payloads, f"SELECT CAST(d AS VARCHAR) AS d FROM {relation}").column(0)


@cache
def _sql(shape: JsonShape, paths: tuple[str, ...]) -> str:
    number = {path: at for at, path in enumerate(paths, start=1)}

    def place(name: str) -> str:
        places = [f"nullif(s[{number[path]}], '')" for path in shape.columns.get(name, ())]
        return f"coalesce({', '.join(places)})" if len(places) > 1 else places[0] if places else "NULL"

    parts = f"json_extract(j, [{_listed(shape.parts)}])" if shape.parts else "NULL"
    taken = f"(SELECT j, json_extract_string(j, [{_listed(paths)}]) AS s, {parts} AS e FROM records)"
    stages = " ".join(sql for stage in shape.stages for sql in stage.values())
    inputs = {
        name: sql
        for name, sql in (
            ("p", place("Provider_Name")),
            ("n", f"TRY_CAST({place('EventID')} AS BIGINT)"),
            ("payload_", place("payload")),
        )
        if re.search(rf"\b{name}\b", stages)
    }
    return f"SELECT s, CAST(d AS VARCHAR) AS Data FROM {staged(taken, ((inputs,) if inputs else ()) + shape.stages)}"


def _listed(paths: tuple[str, ...]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
