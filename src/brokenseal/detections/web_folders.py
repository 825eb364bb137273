"""Which folders of a server are web folders, which URL leads to a file, and whether Exchange itself has a file of that name.

A folder is known by the last parts of its path, whatever the drive and the install folder. Further web folders come from
the server's ``applicationHost.config`` (see :mod:`brokenseal.detections.iis_configuration`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from brokenseal.detections.web_folder_data import WebFolder, tables

#: Extensions that a web server runs, or that change what it runs, are SCRIPTS.
_SCRIPT_NAMES = (
    "aspx ashx asmx asax ascx asp asa cer cdx master svc soap rem cshtml vbhtml skin browser "
    "php php3 php4 php5 php7 phtml phar jsp jspx jspf jspa jspw war"
)
SCRIPTS = frozenset(_SCRIPT_NAMES.split())
#: Extensions of own files of which a folder's list is complete (static files are listed only in part).
_LISTED = SCRIPTS | {"config", "htm", "html"}
#: A version in a path, or what stands for it: Exchange keeps pages in a folder for each build.
_VERSION = re.compile(r"(?:15\.\d{1,2}\.\d{1,5}(?:\.\d{1,5})?|current|version)", re.IGNORECASE)


class Placed(NamedTuple):
    """Where a file lies: the web folder, and its path from there on (``\\`` between parts, no leading one)."""

    folder: WebFolder
    rest: str


class LookAlike(NamedTuple):
    """A name that imitates another: ``imitates`` is None for one that attackers used as it is; ``published``: they did."""

    name: str
    imitates: str | None
    published: bool


@dataclass(frozen=True, slots=True)
class _Match:
    parts: tuple[str, ...]
    folder: WebFolder
    whole: bool


class WebFolders:
    """The web folders of one server: the built-in ones, and those of its own configuration."""

    def __init__(self, own: Iterable[WebFolder] = ()) -> None:
        """*own*: folders from the server's configuration, with their whole path."""
        matches = [_Match(_parts(folder.path), folder, False) for folder in tables().folders]
        matches += [_Match(_parts(folder.path), folder, True) for folder in own if _parts(folder.path)]
        self._by_last: dict[str, list[_Match]] = {}
        for match in matches:
            self._by_last.setdefault(match.parts[-1], []).append(match)

    def of(self, path: str) -> Placed | None:
        """The web folder that *path* lies in, the innermost one; None if it lies in none."""
        given = _divided(path)
        parts = tuple(part.lower() for part in given)
        best: tuple[int, bool, int, _Match] | None = None
        for end in range(1, len(parts) + 1):
            for match in self._by_last.get(parts[end - 1], ()):
                begin = end - len(match.parts)
                if begin < 0 or parts[begin:end] != match.parts or (match.whole and begin > _drive(parts)):
                    continue
                candidate = (end, match.whole, len(match.parts), match)
                if best is None or candidate[:3] > best[:3]:
                    best = candidate
        return None if best is None else Placed(best[3].folder, "\\".join(given[best[0] :]))

    def url_of(self, path: str) -> str | None:
        """The URL (path part) at which a web server offers the file, None if none does."""
        placed = self.of(path)
        if placed is None or placed.folder.url is None:
            return None
        base = placed.folder.url.rstrip("/")
        return f"{base}/{placed.rest.replace(chr(92), '/')}" if placed.rest else base or "/"

    def path_ends(self, url: str, site: str | None = None) -> tuple[str, ...]:
        """The ends of the paths that a URL (its path part) may stand for, in lower case: front end first.

        *site* limits them to one web site.
        """
        wanted = "/" + "/".join(part for part in re.split(r"[/\\]", url.partition("?")[0]) if part)
        found: dict[str, list[tuple[int, str]]] = {}
        for matches in self._by_last.values():
            for match in matches:
                base = match.folder.url
                if base is None or (site is not None and match.folder.site != site):
                    continue
                base = base.rstrip("/").lower()
                if wanted.lower() == base or wanted.lower().startswith(f"{base}/"):
                    rest = wanted[len(base) :].strip("/").replace("/", "\\")
                    end = "\\".join(filter(None, (match.folder.path, rest))).lower()
                    found.setdefault(match.folder.site, []).append((len(base), end))
        ends: list[str] = []
        for where in sorted(found, key=lambda each: (each != "front end", each)):
            # On one site the folder with the longest URL answers.
            longest = max(length for length, _ in found[where])
            ends += sorted(end for length, end in found[where] if length == longest)
        return tuple(dict.fromkeys(ends))

    def is_own_name(self, path: str, product: str | None = None) -> bool | None:
        """Whether Exchange or IIS itself has a file of that name there: None if its list is not known.

        *product*: 2013, 2016, 2019 or SE; without it, any of them.
        """
        placed = self.of(path)
        if placed is None:
            return None
        folder, name = _listed_place(placed)
        known = tables().own.get((folder, name))
        if known is not None and (product is None or product in known.products):
            return True
        if _extension(name) not in _LISTED:
            return None
        above = folder
        while above:
            complete = tables().complete.get(above)
            if complete is not None and (above == folder or complete.below):
                return False if product is None or product in complete.products else None
            above = above.rpartition("\\")[0]
        return None

    def look_alike(self, path: str) -> LookAlike | None:
        """What the file's name imitates, if it is none of the folder's own: a published name, or one or two letters off."""
        if self.is_own_name(path):
            return None
        parts = _divided(path)
        if not parts:
            return None
        name = parts[-1].lower()
        placed = self.of(path)
        own = _own_names_of(_listed_place(placed)[0]) if placed is not None else {}
        if name in tables().shell_names:
            return LookAlike(parts[-1], tables().shell_names[name], True)
        for other in sorted(own):
            if is_script(path) and _extension(other) in SCRIPTS and _near(_stem(name), _stem(other)):
                return LookAlike(parts[-1], own[other], False)
        return None


def is_script(path: str) -> bool:
    """Whether a web server would run the file, by its name, with what Windows and IIS ignore in it (``x.aspx::$DATA``)."""
    name = (_divided(path) or ("",))[-1].lower()
    name = name.partition(":")[0].rstrip(". ")
    # IIS 6 took what stands before a semicolon for the name.
    return any(_extension(part) in SCRIPTS for part in name.split(";"))


_BUILT_IN: list[WebFolders] = []


def built_in() -> WebFolders:
    """The web folders that every Exchange server has."""
    if not _BUILT_IN:
        _BUILT_IN.append(WebFolders())
    return _BUILT_IN[0]


def web_folder_of(path: str) -> Placed | None:
    """See :meth:`WebFolders.of`, for the built-in folders."""
    return built_in().of(path)


def url_of(path: str) -> str | None:
    """See :meth:`WebFolders.url_of`, for the built-in folders."""
    return built_in().url_of(path)


def is_own_name(path: str, product: str | None = None) -> bool | None:
    """See :meth:`WebFolders.is_own_name`, for the built-in folders."""
    return built_in().is_own_name(path, product)


def without_version(path: str) -> str:
    """*path* with ``version`` for each folder of a build (``15.1.2106``, ``Current``), as Microsoft's baselines have it."""
    folder, divider, name = path.rpartition("\\")
    return "\\".join("version" if _VERSION.fullmatch(part) else part for part in folder.split("\\")) + divider + name


def _listed_place(placed: Placed) -> tuple[str, str]:
    """Folder and name as the tables have them, in lower case."""
    whole = without_version(f"{placed.folder.path}\\{placed.rest}".lower())
    folder, _, name = whole.rpartition("\\")
    return folder, name.partition(":")[0].rstrip(". ")


@cache
def _own_names_of(folder: str) -> dict[str, str]:
    return {name: own.name for (place, name), own in tables().own.items() if place == folder}


def _divided(path: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[\\/]", path) if part not in ("", ".", "?"))


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.lower() for part in _divided(path) if not re.fullmatch(r"[A-Za-z]:", part))


def _drive(parts: tuple[str, ...]) -> int:
    return 1 if parts and re.fullmatch(r"[a-z]:", parts[0]) else 0


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _near(first: str, second: str) -> bool:
    """Whether two different names are one or two changes of a letter apart (short ones: one)."""
    most = 2 if min(len(first), len(second)) >= 8 else 1
    if first == second or abs(len(first) - len(second)) > most or min(len(first), len(second)) < 5:
        return False
    row = list(range(len(second) + 1))
    for number, letter in enumerate(first, start=1):
        last, row[0] = row[0], number
        for at, other in enumerate(second, start=1):
            last, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, last + (letter != other))
    return row[-1] <= most
