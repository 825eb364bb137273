"""Exchange builds: which product and update a build number is, and whether it holds the fix of a vulnerability.

Two builds are compared only inside one cumulative update (equal first three parts): 15.1.2176.12 holds the fix of March 2021
although it is smaller than 15.1.2242.8. A cumulative update newer than the last one for which a security update was made
holds that update's fixes; an older one without such an update never got them. What the tables cannot tell is ``None``, never
a guess.

The tables are ``content/builds/exchange_builds.csv`` (product, cumulative_update, security_update, build; in the order of
release) and ``content/builds/security_updates.csv`` (security_update, cve, products separated by '|').

References:
    https://learn.microsoft.com/en-us/exchange/new-features/build-numbers-and-release-dates
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from brokenseal.errors import ContentError

_FOUR_PARTS = re.compile(r"\s*(\d{1,3})\.(\d{1,3})\.(\d{1,6})\.(\d{1,6})\s*", re.ASCII)
_DISPLAY_VERSION = re.compile(
    r"\s*(?:Version\s+)?(\d{1,3})\.(\d{1,3})\s*\(Build\s+(\d{1,6})\.(\d{1,6})\)\s*", re.ASCII | re.IGNORECASE
)
_CU_FOLDER = re.compile(r"(?:.*/)?\s*(\d{1,3})\.(\d{1,3})\.(\d{1,6})\s*(?:/.*)?", re.ASCII | re.DOTALL)
_UPDATE_NAME = re.compile(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(\d\d)[SH]U(?:v\d)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PRODUCT_OF = {(14, 0): "Exchange 2010", (14, 1): "Exchange 2010", (14, 2): "Exchange 2010", (14, 3): "Exchange 2010"}
_PRODUCT_OF |= {(15, 0): "Exchange 2013", (15, 1): "Exchange 2016"}
# Exchange SE came out in July 2025 from the code of Exchange 2019 CU15, so it holds every fix made before that.
_FIRST_RELEASE = {"Exchange SE": (2025, 7)}


@dataclass(frozen=True, slots=True)
class Build:
    """An Exchange build. ``cu_only`` when the source names the cumulative update but not the security update in it."""

    major: int
    minor: int
    build: int
    revision: int
    cu_only: bool = False

    @property
    def cumulative(self) -> tuple[int, int, int]:
        """The three parts that name the cumulative update."""
        return self.major, self.minor, self.build

    def __str__(self) -> str:
        three = f"{self.major}.{self.minor}.{self.build}"
        return three if self.cu_only else f"{three}.{self.revision}"


@dataclass(frozen=True, slots=True)
class Release:
    """What a build is. Each part is ``None`` when the table does not tell.

    ``exact`` is false when the build lies between two known ones; ``security_update`` is then the last one it holds.
    ``newer_than_table`` when it lies above the newest build known of its cumulative update.
    """

    build: str
    product: str | None
    cumulative_update: str | None
    security_update: str | None
    exact: bool
    newer_than_table: bool = False

    @property
    def title(self) -> str:
        """For people, such as 'Exchange 2016 CU19 Mar21SU'; 'unknown Exchange build' when nothing is known."""
        if self.product is None:
            return "unknown Exchange build"
        if self.cumulative_update is None:
            return f"{self.product}, unknown cumulative update"
        parts = [self.product, self.cumulative_update, *([self.security_update] if self.security_update else [])]
        if self.newer_than_table:
            parts.append("or newer")
        return " ".join(parts)


def parse(text: str) -> Build | None:
    """A build from any form that Exchange logs and tools write; ``None`` when it is not one.

    Taken are ``15.1.2176.9``, ``15.01.2176.009``, ``Version 15.1 (Build 2176.2)`` (AdminDisplayVersion: names the cumulative
    update only), ``15.01.2375.000`` (TargetServerVersion: likewise), ``15.1.2176`` and ``/owa/auth/15.1.2176/``.
    """
    if match := _FOUR_PARTS.fullmatch(text):
        major, minor, build, revision = (int(part) for part in match.groups())
        return Build(major, minor, build, revision, cu_only=revision == 0)
    if match := _DISPLAY_VERSION.fullmatch(text):
        major, minor, build, revision = (int(part) for part in match.groups())
        return Build(major, minor, build, revision, cu_only=True)
    if match := _CU_FOLDER.fullmatch(text):
        major, minor, build = (int(part) for part in match.groups())
        return Build(major, minor, build, 0, cu_only=True)
    return None


def describe(build: Build | str) -> Release:
    """Product, cumulative update and security update of a build; never raises for an unknown or unreadable one."""
    known = parse(build) if isinstance(build, str) else build
    if known is None:
        return Release(str(build), None, None, None, exact=False)
    cu = _tables().cumulative_updates.get(known.cumulative)
    if cu is None:
        return Release(str(known), _PRODUCT_OF.get((known.major, known.minor)), None, None, exact=False)
    if known.cu_only:
        return Release(str(known), cu.product, cu.name, None, exact=False)
    held = [(revision, update) for revision, update in cu.updates if revision <= known.revision]
    revision, update = held[-1] if held else (-1, "")
    newer = known.revision > cu.updates[-1][0]
    return Release(str(known), cu.product, cu.name, update or None, revision == known.revision, newer_than_table=newer)


def is_fixed(build: Build | str, cve: str) -> bool | None:
    """Whether the build holds the fix of a vulnerability (``CVE-2021-26855``); ``None`` when that cannot be said.

    It cannot be said of an unknown cumulative update, an unknown vulnerability, a product for which the vulnerability is not
    listed, and of a build that names only its cumulative update when the fix came as a security update of it.
    """
    known = parse(build) if isinstance(build, str) else build
    tables = _tables()
    cu = None if known is None else tables.cumulative_updates.get(known.cumulative)
    updates = tables.fixes.get(cve.strip().upper())
    if known is None or cu is None or not updates:
        return None
    listed = [update for update, products in updates if cu.product in products]
    if not listed:
        return True if all(_before_release(cu.product, update) for update, _ in updates) else None
    # A vulnerability named by two updates was fixed in full only by the later one.
    return _holds(cu, known, listed[-1], tables)


@dataclass(frozen=True, slots=True)
class _CumulativeUpdate:
    product: str
    name: str
    order: int
    updates: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Tables:
    cumulative_updates: dict[tuple[int, int, int], _CumulativeUpdate]
    fixes: dict[str, list[tuple[str, frozenset[str]]]]
    last_order: dict[tuple[str, str], int]


def _holds(cu: _CumulativeUpdate, build: Build, update: str, tables: _Tables) -> bool | None:
    needed = next((revision for revision, name in cu.updates if name == update), None)
    if needed is None:
        last = tables.last_order.get((cu.product, update))
        return None if last is None else cu.order > last
    if build.cu_only:
        return True if cu.updates[0][0] >= needed else None
    return build.revision >= needed


def _before_release(product: str, update: str) -> bool:
    first, match = _FIRST_RELEASE.get(product), _UPDATE_NAME.fullmatch(update)
    if first is None or match is None:
        return False
    return (2000 + int(match.group(2)), 1 + _MONTHS.index(match.group(1))) < first


@cache
def _tables() -> _Tables:
    updates: dict[tuple[int, int, int], list[tuple[int, str]]] = {}
    names: dict[tuple[int, int, int], tuple[str, str]] = {}
    for where, row in _rows("exchange_builds.csv", ("product", "cumulative_update", "security_update", "build")):
        product, name, update, text = row
        build = parse(text)
        if build is None or build.cu_only or names.setdefault(build.cumulative, (product, name)) != (product, name):
            raise ContentError(f"{where}: {text!r} is not a build of {product} {name}")
        updates.setdefault(build.cumulative, []).append((build.revision, update))
    cumulative_updates = {
        key: _CumulativeUpdate(product, name, order, tuple(updates[key]))
        for order, (key, (product, name)) in enumerate(names.items())
    }
    last_order: dict[tuple[str, str], int] = {}
    for cu in cumulative_updates.values():
        for _, update in cu.updates:
            last_order[cu.product, update] = cu.order
    fixes: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for _, row in _rows("security_updates.csv", ("security_update", "cve", "products")):
        fixes.setdefault(row[1].upper(), []).append((row[0], frozenset(row[2].split("|"))))
    return _Tables(cumulative_updates, fixes, last_order)


def _rows(name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    table = files("brokenseal") / "content" / "builds" / name
    reader = csv.reader(table.read_text(encoding="utf-8").splitlines())
    if tuple(next(reader, ())) != columns:
        raise ContentError(f"builds/{name}, line 1: the columns must be {', '.join(columns)}")
    for row in reader:
        where = f"builds/{name}, line {reader.line_num}"
        if len(row) != len(columns):
            raise ContentError(f"{where}: {len(row)} cells instead of {len(columns)}")
        yield where, row
