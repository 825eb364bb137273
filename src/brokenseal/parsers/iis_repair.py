"""Fit an IIS row to its header when it has too many or too few cells.

IIS writes spaces inside values as '+', but not always: user names hold spaces, empty values are sometimes written as
nothing, and a crash cuts a row. A row is fitted only where a check on the other cells says that it fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from brokenseal.parsers.delimited import Fitted

FEWER = "row has fewer cells than its header (the rest is empty)"
_ELASTIC = ("cs-username", "cs(user-agent)", "cs(cookie)", "cs(referer)", "cs-uri-query", "cs-uri-stem")
_NUMBER = r"-|-?[0-9]+"
_ADDRESS = r"-|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?"
#: How the cells of some fields look; those of any other field are free text.
_SHAPES = {
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "time": r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?",
    **dict.fromkeys(("c-ip", "s-ip"), _ADDRESS),
    **dict.fromkeys(("s-port", "sc-status", "sc-substatus", "sc-win32-status"), _NUMBER),
    **dict.fromkeys(("sc-bytes", "cs-bytes", "time-taken"), _NUMBER),
}
_METHOD = re.compile(r"[A-Z_]+")
_STATUS = re.compile(r"[1-9][0-9]{2}")


def fit_cells(fields: Sequence[str], text: str) -> Fitted | str:
    """The row's cells, as many as *fields*, or the reason why it is rejected."""
    names = tuple(field.lower() for field in fields)
    cells = text.split(" ")
    surplus = len(cells) - len(names)
    if surplus == 0:
        return Fitted(cells)
    if surplus > 0:
        fitted = _without_empty(names, cells, surplus) or _joined(names, cells, surplus)
        if fitted is not None:
            return fitted
    elif len(cells) > 1 and _plausible(names[: len(cells)], cells):  # a date alone is no event
        return Fitted([*cells, *["-"] * -surplus], FEWER, short=True)
    return f"row has {len(cells)} cells, its header {len(names)}, and the values do not fit the columns"


def looks_default(text: str, fields: tuple[str, ...]) -> bool:
    """Whether a row without any header before it is beyond doubt one in IIS's default *fields*."""
    cells = text.split(" ")
    if len(cells) != len(fields) or not _plausible(fields, cells):
        return False
    row = dict(zip(fields, cells, strict=True))
    # Another selection of as many fields would put something else into one of these places.
    return (
        bool(_METHOD.fullmatch(row["cs-method"]))
        and row["cs-uri-stem"].startswith("/")
        and bool(_STATUS.fullmatch(row["sc-status"]))
        and not {"-"} & {row["s-ip"], row["s-port"], row["c-ip"], row["sc-win32-status"], row["time-taken"]}
    )


def _without_empty(names: tuple[str, ...], cells: list[str], surplus: int) -> Fitted | None:
    """Two spaces in a row make an empty cell: dropping them may be all that is needed."""
    kept = [cell for cell in cells if cell]
    if len(cells) - len(kept) == surplus and _plausible(names, kept):
        return Fitted(kept, "double space between cells")
    return None


def _joined(names: tuple[str, ...], cells: list[str], surplus: int) -> Fitted | None:
    """The surplus may be spaces inside one value.

    The user name comes first: IIS writes its spaces as they are, so a name could be made to look like several cells, while
    in headers and paths it writes '+'.
    """
    for field in _ELASTIC:
        if field not in names:
            continue
        at = names.index(field)
        fitted = [*cells[:at], " ".join(cells[at : at + surplus + 1]), *cells[at + surplus + 1 :]]
        if _plausible(names, fitted):
            return Fitted(fitted, f"spaces inside {field}")
    return None


def _plausible(names: tuple[str, ...], cells: Sequence[str]) -> bool:
    return all(shape is None or shape.fullmatch(cell) for shape, cell in zip(_shapes(names), cells, strict=True))


@lru_cache(maxsize=64)
def _shapes(names: tuple[str, ...]) -> tuple[re.Pattern[str] | None, ...]:
    return tuple(re.compile(_SHAPES[name], re.ASCII) if name in _SHAPES else None for name in names)
