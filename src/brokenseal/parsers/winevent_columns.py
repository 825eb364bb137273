"""Read the texts of an event's header, as exporters write them, into the columns of the table: in bulk, on Arrow arrays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.cells import to_cell
from brokenseal.parsers.columns import NULL_TEXT, Cell
from brokenseal.parsers.times import FIRST_MS, LAST_MS, as_chunked, iso_time

_NOTHING = pa.scalar(0, pa.int32())
LEVELS = {
    "logalways": 0,
    "critical": 1,
    "error": 2,
    "warning": 3,
    "information": 4,
    "informational": 4,
    "info": 4,
    "verbose": 5,
}
#: nxlog's own scale, from debug (1) to critical (5).
_SEVERITIES = {"1": 5, "2": 4, "3": 3, "4": 2, "5": 1}

_WITHOUT_ZONE = r"^\s*[0-9-]{10}[T ][0-9:]{5,8}(?:\.[0-9]+)?\s*$"
_FRACTION = r"^(-?[0-9]+)\.0*$"
_DATE = re.compile(r"/Date\((-?[0-9]{1,14})")
_SECONDS, _MILLISECONDS = re.compile(r"[0-9]{1,11}(\.[0-9]+)?"), re.compile(r"[0-9]{12,14}(\.[0-9]+)?")
_MICROSECONDS = re.compile(r"[0-9]{15,17}")
_INTEGER = re.compile(r"-?[0-9]{1,20}")


def filled(values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """*values* with null for empty text."""
    empty = pc.equal(pc.binary_length(values), _NOTHING)
    return as_chunked(pc.if_else(empty, NULL_TEXT, values) if pc.any(empty).as_py() else values)


def whole_numbers(values: pa.ChunkedArray, cell: Cell) -> tuple[pa.ChunkedArray, int]:
    """Numbers (``4624``, also as ``4624.0``), and how many texts were none and became null."""
    numbers, lost = to_cell(values, cell)
    if lost:
        numbers, lost = to_cell(pc.replace_substring_regex(values, _FRACTION, r"\1"), cell)
    return numbers, lost


def levels(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Levels, given by number or by their English name."""
    numbers, lost = whole_numbers(values, Cell.INT32)
    return pc.coalesce(numbers, _mapped(pc.utf8_lower(pc.utf8_trim_whitespace(values)), LEVELS)) if lost else numbers


def severities(values: pa.ChunkedArray, kinds: pa.ChunkedArray) -> pa.ChunkedArray:
    """Levels from nxlog's ``SeverityValue``; audit events (by ``EventType``), which it calls INFO or ERROR, have level 0."""
    audit = pc.fill_null(pc.starts_with(kinds, "AUDIT"), False)
    return pc.if_else(audit, pa.scalar(0, pa.int32()), _mapped(values, _SEVERITIES))


def _mapped(values: pa.ChunkedArray, numbers: dict[str, int]) -> pa.ChunkedArray:
    places = pc.index_in(values.combine_chunks(), pa.array(numbers, pa.string()))
    return as_chunked(pa.array(numbers.values(), pa.int32()).take(places))


def keywords(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keywords as Windows logs them (``0x8020000000000000``), also from a number, signed or not; names stay names.

    A JSON list of names becomes one text, joined by commas.
    """
    if pc.all(pc.starts_with(values, "0x")).as_py() is not False:
        return values
    return _each(values, _bits)


def _bits(text: str) -> str:
    if text.startswith("["):
        try:
            return ", ".join(map(str, json.loads(text)))
        except (ValueError, RecursionError):
            return text
    if not _INTEGER.fullmatch(text):
        return text
    number = int(text)
    return f"0x{number & (2**64 - 1):x}" if -(2**63) <= number < 2**64 else text


def moments(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Milliseconds since 1970 (int64) of the years 1 to 9999, UTC unless the text says its zone; null where it is no time.

    ISO 8601, or seconds, milliseconds or microseconds since 1970, or ``/Date(milliseconds)/`` as PowerShell writes it.
    """
    times = as_chunked(iso_time(values)).cast(pa.int64())
    odd = pc.and_(pc.is_null(times), pc.is_valid(values))
    if not pc.any(odd).as_py():
        return times
    return pc.coalesce(times, _each(pc.if_else(odd, values, NULL_TEXT), _since_1970, pa.int64()))


def _since_1970(text: str) -> int | None:
    text = text.strip()
    try:
        if _SECONDS.fullmatch(text):
            moment = int(Decimal(text) * 1000)
        elif _MILLISECONDS.fullmatch(text):
            moment = int(Decimal(text))
        elif _MICROSECONDS.fullmatch(text):
            moment = int(text) // 1000
        else:
            found = _DATE.search(text)
            if found is None:
                return None
            moment = int(found[1])
    except (InvalidOperation, ValueError):
        return None
    return moment if FIRST_MS <= moment <= LAST_MS else None


def zoned(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where a time says in which zone it is (a number does: it is UTC)."""
    return np.asarray(pc.fill_null(pc.invert(pc.match_substring_regex(values, _WITHOUT_ZONE)), True))


def _each(
    values: pa.ChunkedArray, read: Callable[[str], str | int | None], kind: pa.DataType | None = None
) -> pa.ChunkedArray:
    """*read* of each value; of equal ones once."""
    encoded = pc.dictionary_encode(values.combine_chunks())
    known = [None if text is None else read(text) for text in encoded.dictionary.to_pylist()]
    return as_chunked(pa.array(known, kind or pa.string()).take(encoded.indices))
