"""Compare a server's files with those that its build of Exchange has, and the servers of one organisation with each other.

A baseline is a CSV file without a header, in the form that Microsoft published its own in: SHA-256 (upper case), build, path
from the install folder on (``\\FrontEnd\\HttpProxy\\owa\\auth\\logon.aspx``). It has ``version`` in place of the folder of a
build (``15.1.2106``, ``Current``).

References:
    https://github.com/microsoft/CSS-Exchange (Security/src/Baselines, until April 2021)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from brokenseal.detections.web_folders import is_script, without_version

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_BUILD = re.compile(r"1[45]\.\d{1,2}\.\d{1,5}\.\d{1,5}")
_INSTALL_FOLDER = re.compile(r"^(?P<install>.*?)\\(?:frontend\\httpproxy|clientaccess)(?:\\|$)", re.IGNORECASE)
#: A line of a baseline is short; a longer one is none.
_LONGEST_LINE = 1000
#: Only the first problems are kept, by line; all are counted.
_MOST_PROBLEMS = 100
#: Setup and administrators write into these; that one differs says little.
_CONFIGURATION = (".config", ".config.template")


class BaselineFile(NamedTuple):
    """A file of a build: its SHA-256 (upper case) and path from the install folder on, as written."""

    sha256: str
    build: str
    path: str


@dataclass(slots=True)
class Baseline:
    """The files of one build by path (lower case, ``version`` for a build's folder)."""

    build: str
    files: dict[str, set[str]] = field(default_factory=dict)

    def top_folders(self) -> set[str]:
        """The first two parts of the paths: what the baseline covers."""
        return {_top(path) for path in self.files}


@dataclass(slots=True)
class ReadBaselines:
    """What was read: baselines by build, the first lines that were none (line from 1 and why), and how many there were."""

    by_build: dict[str, Baseline] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    rows: int = 0
    rejected: int = 0


def read_baselines(data: bytes) -> ReadBaselines:
    """The baselines in *data* (UTF-8 or UTF-16, with or without a byte order mark), of one or of several builds."""
    read = ReadBaselines()
    for number, line in enumerate(_text(data).split("\n"), start=1):
        text = line.rstrip("\r")
        if not text.strip():
            continue
        read.rows += 1
        found = _row(text)
        if isinstance(found, str):
            read.rejected += 1
            if len(read.problems) < _MOST_PROBLEMS:
                read.problems.append((number, found))
            continue
        baseline = read.by_build.setdefault(found.build, Baseline(found.build))
        baseline.files.setdefault(_key(found.path), set()).add(found.sha256)
    return read


def write_baseline(files: Iterable[BaselineFile]) -> Iterator[str]:
    """Lines (each with its LF) of a baseline, by path. Raises ValueError where a path could not be read again."""
    for file in sorted(files, key=lambda each: (each.path.lower(), each.path, each.sha256)):
        if any(sign in file.path for sign in '\r\n"') or not file.path.startswith("\\"):
            raise ValueError(f"'{file.path}' is no path of a baseline")
        yield f"{file.sha256.upper()},{file.build},{file.path}\n"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A server's files against a baseline: paths as the server has them (``missing``: as the baseline has them), sorted.

    ``configuration``: changed files that setup and administrators write themselves. ``unhashed``: files of the baseline of
    whose content nothing is known. ``extra`` are only looked for in folders that the baseline covers.
    """

    build: str
    same: tuple[str, ...]
    changed: tuple[str, ...]
    configuration: tuple[str, ...]
    extra: tuple[str, ...]
    missing: tuple[str, ...]
    unhashed: tuple[str, ...]

    @property
    def extra_scripts(self) -> tuple[str, ...]:
        """Those of the extra files that a web server would run."""
        return tuple(path for path in self.extra if is_script(path))


def compare(inventory: Mapping[str, str | None], baseline: Baseline, install_folder: str | None = None) -> Comparison:
    """Compare *inventory* (whole path → SHA-256 or None where it is not known) with *baseline*.

    *install_folder*: Exchange's own (``C:\\Program Files\\Microsoft\\Exchange Server\\V15``); else found in the paths.
    ``missing`` are only looked for in folders of which the inventory has anything.
    """
    folder = install_folder if install_folder is not None else find_install_folder(inventory)
    found: dict[str, list[str]] = {name: [] for name in ("same", "changed", "configuration", "extra", "unhashed")}
    seen: set[str] = set()
    covered = baseline.top_folders()
    for path, sha256 in sorted(inventory.items()):
        relative = _relative(path, folder)
        if relative is None or _top(relative) not in covered:
            continue
        seen.add(relative)
        known = baseline.files.get(relative)
        if known is None:
            found["extra"].append(path)
        elif sha256 is None:
            found["unhashed"].append(path)
        elif sha256.upper() in known:
            found["same"].append(path)
        else:
            found["configuration" if relative.endswith(_CONFIGURATION) else "changed"].append(path)
    looked_at = {_top(path) for path in seen}
    missing = sorted(path for path in baseline.files if path not in seen and _top(path) in looked_at)
    return Comparison(
        baseline.build,
        same=tuple(found["same"]),
        changed=tuple(found["changed"]),
        configuration=tuple(found["configuration"]),
        extra=tuple(found["extra"]),
        missing=tuple(missing),
        unhashed=tuple(found["unhashed"]),
    )


def find_install_folder(paths: Iterable[str]) -> str | None:
    """Exchange's install folder, by the paths of most files below it; None if there are none."""
    counts: dict[str, int] = {}
    for path in paths:
        found = _INSTALL_FOLDER.match(path.replace("/", "\\"))
        if found is not None:
            counts[found["install"].lower()] = counts.get(found["install"].lower(), 0) + 1
    return min(counts, key=lambda folder: (-counts[folder], folder)) if counts else None


class Outlier(NamedTuple):
    """A file that not all servers have alike: path (``version`` for a build's folder, lower case), SHA-256 → servers.

    ``without``: servers that have other files of its folder, and not this one. The hash is '' where it is not known.
    """

    path: str
    servers: dict[str, tuple[str, ...]]
    without: tuple[str, ...]

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(sorted(server for servers in self.servers.values() for server in servers))


def outliers(inventories: Mapping[str, Mapping[str, str | None]], *, only_scripts: bool = True) -> list[Outlier]:
    """Files that a minority of the servers has, or that differ on a minority: by path, those on fewest servers first.

    *inventories*: server → whole path → SHA-256 or None. A server counts as without a file only where it has others of the
    same folder. Compare servers of the same build: other builds have other files.
    """
    where: dict[str, dict[str, str]] = {}
    folders: dict[str, set[str]] = {}
    for server, inventory in inventories.items():
        install = find_install_folder(inventory)
        for path, sha256 in inventory.items():
            key = _relative(path, install) or _key(path)
            folders.setdefault(key.rpartition("\\")[0], set()).add(server)
            if not only_scripts or is_script(key):
                where.setdefault(key, {})[server] = (sha256 or "").upper()
    found = []
    for key, holders in where.items():
        hashes: dict[str, list[str]] = {}
        for server, sha256 in holders.items():
            hashes.setdefault(sha256, []).append(server)
        without = folders[key.rpartition("\\")[0]] - holders.keys()
        known = [servers for sha256, servers in hashes.items() if sha256]
        all_servers = len(holders) + len(without)
        differs = len(known) > 1 and min(map(len, known)) * 2 <= all_servers
        if (without and len(holders) * 2 <= all_servers) or differs:
            servers = {sha256: tuple(sorted(names)) for sha256, names in sorted(hashes.items())}
            found.append(Outlier(key, servers, tuple(sorted(without))))
    return sorted(found, key=lambda each: (len(each.holders), each.path))


def _row(text: str) -> BaselineFile | str:
    if len(text) > _LONGEST_LINE:
        return "line is too long"
    cells = [cell.strip().strip('"') for cell in text.split(",", 2)]
    if len(cells) != 3:
        return "line has not three cells: SHA-256, build, path"
    sha256, build, path = cells
    if not _SHA256.fullmatch(sha256):
        return "first cell is no SHA-256"
    if not _BUILD.fullmatch(build):
        return "second cell is no build (15.1.2106.13)"
    if not path.startswith("\\"):
        return "third cell is no path from the install folder on"
    return BaselineFile(sha256.upper(), build, path)


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _key(path: str) -> str:
    return without_version(path.replace("/", "\\").lower())


def _top(path: str) -> str:
    return "\\".join(path.split("\\")[:3])


def _relative(path: str, install_folder: str | None) -> str | None:
    """The path from the install folder on as baselines have it; None if it does not lie there."""
    if install_folder is None:
        return None
    plain = path.replace("/", "\\")
    folder = install_folder.replace("/", "\\").rstrip("\\")
    return _key(plain[len(folder) :]) if plain.lower().startswith(f"{folder.lower()}\\") else None
