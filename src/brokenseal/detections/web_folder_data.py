"""What is known of the web folders of Exchange servers: the tables in ``content/webfolders``, read once and checked."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from brokenseal.content_yaml import read_yaml
from brokenseal.errors import ContentError

SITES = ("front end", "back end", "other")
CONTENTS = ("exchange", "pages", "helpers", "compiled", "server", "other")
PRODUCTS = ("2013", "2016", "2019", "SE")


@dataclass(frozen=True, slots=True)
class WebFolder:
    """A folder that a web server serves, or that belongs to it.

    ``path``: its last parts, or the whole path of a folder found in a configuration. ``url`` is None where none leads there.
    ``site``: one of :data:`SITES`, or the name of a site found in a configuration. ``holds``: one of :data:`CONTENTS`.
    """

    path: str
    site: str
    holds: str
    url: str | None = None


class OwnName(NamedTuple):
    """A file that Exchange or IIS has itself: its folder (lower case), name as installed, and in which products."""

    folder: str
    name: str
    products: frozenset[str]


class Complete(NamedTuple):
    """A folder of which all own scripts are listed, in which products, and whether also of those below it."""

    products: frozenset[str]
    below: bool


class Tables(NamedTuple):
    """All tables. Keys are lower case; ``own`` by folder and name, ``shell_names`` give the own name that one imitates."""

    folders: tuple[WebFolder, ...]
    own: dict[tuple[str, str], OwnName]
    complete: dict[str, Complete]
    shell_names: dict[str, str | None]


@cache
def tables() -> Tables:
    """The tables. Raises ContentError where one is wrong."""
    own = [
        OwnName(folder.lower(), name, _products(where, products))
        for where, (folder, name, products) in _rows("own_names.csv", ("folder", "name", "products"))
    ]
    complete = {
        folder.lower(): Complete(_products(where, products), below == "yes")
        for where, (folder, products, below) in _rows("complete_folders.csv", ("folder", "products", "below"))
    }
    names = {name.lower(): imitates or None for _, (name, imitates) in _rows("shell_names.csv", ("name", "imitates"))}
    return Tables(_folders(), {(each.folder, each.name.lower()): each for each in own}, complete, names)


def _folders() -> tuple[WebFolder, ...]:
    name = "webfolders/folders.yaml"
    given = read_yaml(_text("folders.yaml"))
    found = []
    for number, entry in enumerate(given["folders"], start=1):
        known = entry.keys() <= {"path", "url", "site", "holds"} and entry.get("path")
        if not known or entry.get("site") not in SITES or entry.get("holds") not in CONTENTS:
            raise ContentError(
                f"{name}, folder {number}: {entry!r} is not a folder with path, site, holds and maybe url"
            )
        found.append(WebFolder(entry["path"], entry["site"], entry["holds"], entry.get("url")))
    return tuple(found)


def _products(where: str, text: str) -> frozenset[str]:
    products = frozenset(text.split("|"))
    if not products <= set(PRODUCTS):
        raise ContentError(f"{where}: '{text}' names a product that is none of {', '.join(PRODUCTS)}")
    return products


def _rows(name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(_text(name).splitlines())
    if tuple(next(reader, ())) != columns:
        raise ContentError(f"webfolders/{name}, line 1: the columns must be {', '.join(columns)}")
    for row in reader:
        where = f"webfolders/{name}, line {reader.line_num}"
        if len(row) != len(columns):
            raise ContentError(f"{where}: {len(row)} cells instead of {len(columns)}")
        yield where, row


def native_modules() -> dict[str, tuple[str, ...]]:
    """Native modules of IIS and Exchange: name (lower case) → ends of the path of its file (lower case)."""
    found: dict[str, tuple[str, ...]] = {}
    for _, (name, image) in _rows("native_modules.csv", ("name", "image")):
        found[name.lower()] = (*found.get(name.lower(), ()), image.lower())
    return found


class Mitigation(NamedTuple):
    """One of Microsoft's mitigations: the rewrite rule that it is. ``superseded``: it could be passed by."""

    cve: str
    direction: str
    names: tuple[str, ...]
    input: str
    pattern: str
    superseded: bool


@cache
def mitigations() -> tuple[Mitigation, ...]:
    """Microsoft's mitigations by rewrite rules."""
    given = read_yaml(_text("mitigations.yaml"))
    return tuple(
        Mitigation(
            each["cve"],
            each["direction"],
            tuple(each["names"]),
            each["input"],
            each["pattern"],
            bool(each.get("superseded")),
        )
        for each in given["mitigations"]
    )


def _text(name: str) -> str:
    return (files("brokenseal") / "content" / "webfolders" / name).read_text(encoding="utf-8")
