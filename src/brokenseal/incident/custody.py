"""The chain of custody of a case: a line for each scan into it, who, when, with what version and command, what came out.

It lies beside the incident document, never in it: the document has no clock, so that the same evidence gives the same
bytes. Each line names the SHA-256 of the line before, so a line that was changed, removed or put in shows. Whoever can
write all lines anew can forge them all; only a signed manifest, kept elsewhere, shows that (``docs/exports.md``).
"""

from __future__ import annotations

import getpass
import hashlib
import inspect
import json
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from brokenseal import __version__
from brokenseal.incident.kept_results import Json

LOG = "results/custody.jsonl"
#: Arguments of a scan that say nothing about its result.
_WITHOUT_EFFECT = ("case", "jobs", "progress")
_PATHS = ("evidence", "rules", "yara")
_TIMES = ("since", "until")
#: Hashes of what a scan leaves, as its key has them.
_RESULTS = ("document_sha256", "matches_sha256")
#: A path or nothing; scans of older versions do not have it.
_FILE = "geoip"

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Custody:
    """``entries`` in order; ``problems`` are sentences about lines that are not as they were written."""

    entries: tuple[Json, ...]
    problems: tuple[str, ...]


def recorded(scan: Callable[P, R]) -> Callable[P, R]:
    """Wrap a scan so that each one into a case is entered in the case's chain of custody when it is done."""
    shape = inspect.signature(scan)

    @wraps(scan)
    def entered(*args: P.args, **kwargs: P.kwargs) -> R:
        started = _now()
        result = scan(*args, **kwargs)
        given = shape.bind(*args, **kwargs)
        given.apply_defaults()
        case = given.arguments["case"]
        if case is not None:
            arguments = {name: value for name, value in given.arguments.items() if name not in _WITHOUT_EFFECT}
            _append(Path(case), {"what": "scan", "started": started, **who(), **_of_scan(Path(case), arguments)})
        return result

    return entered


def who() -> Json:
    """Who does something now, when, where, and with which command and version."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "(unknown)"
    return {
        "ended": _now(),
        "user": user,
        "host": platform.node(),
        "version": __version__,
        "command": shlex.join(sys.argv),
    }


def custody(case: Path) -> Custody:
    """The chain of custody of the case directory *case*; empty for a case of a version that kept none."""
    try:
        lines = (case / LOG).read_bytes().splitlines(keepends=True)
    except OSError:
        return Custody((), ())
    entries: list[Json] = []
    problems: list[str] = []
    previous: str | None = None
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            named = entry["previous"]
            arguments_of(entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(f"line {number} of the chain of custody cannot be read")
            previous = hashlib.sha256(line).hexdigest()
            continue
        if named != previous:
            problems.append(f"line {number} of the chain of custody does not follow the line before it")
        previous = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    return Custody(tuple(entries), tuple(problems))


def arguments_of(entry: Json) -> dict[str, object]:
    """The arguments with which the scan of *entry* was made, as :func:`brokenseal.scan` takes them."""
    found: dict[str, object] = dict(cast("Mapping[str, object]", entry["arguments"]))
    for name in _PATHS:
        found[name] = [Path(item) for item in cast("list[str]", found[name])]
    if found.get(_FILE) is not None:
        found[_FILE] = Path(str(found[_FILE]))
    hosts = cast("Mapping[str, list[str]]", found["hosts"])
    found["hosts"] = {host: [Path(item) for item in paths] for host, paths in hosts.items()}
    for name in _TIMES:
        text = found[name]
        found[name] = datetime.fromisoformat(str(text)) if text is not None else None
    return found


def content_hash(paths: Iterable[Path]) -> str:
    """SHA-256 over all files at and below *paths*: their names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                name = file.name if file == path else file.relative_to(path).as_posix()
                digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def evidence_places(case: Path) -> list[Path]:
    """Where the evidence of the case directory *case* lay: nothing may be written there."""
    places = {
        path: None for entry in custody(case).entries for path in cast("list[Path]", arguments_of(entry)["evidence"])
    }
    try:
        lines = (case / "journal.jsonl").read_bytes().splitlines()
    except OSError:
        lines = []
    for line in lines:
        try:
            sources = json.loads(line)["sources"]
            places.update(dict.fromkeys(Path(str(source["location"]).partition("!/")[0]) for source in sources))
        except (ValueError, KeyError, TypeError):
            continue
    return list(places)


def _of_scan(case: Path, arguments: Mapping[str, object]) -> Json:
    found: Json = {name: _json(value) for name, value in arguments.items()}
    for name in _PATHS:
        found[name] = [_absolute(item) for item in cast("Iterable[object]", arguments[name])]
    places = arguments.get(_FILE)
    if places is not None:
        found[_FILE] = _absolute(places)
    hosts = cast("Mapping[str, object]", arguments["hosts"] or {})
    found["hosts"] = {host: [_absolute(item) for item in _several(paths)] for host, paths in hosts.items()}
    try:
        key = json.loads((case / "results/key.json").read_bytes())
        results = {name: key.get(name) for name in _RESULTS}
    except (OSError, ValueError, AttributeError):
        results = dict.fromkeys(_RESULTS)
    rules = [Path(item) for item in (*cast("list[str]", found["rules"]), *cast("list[str]", found["yara"]))]
    return {
        "arguments": found,
        "own_rules_sha256": content_hash(rules) if rules else None,
        "geoip_sha256": content_hash([Path(str(found[_FILE]))]) if places is not None else None,
        **results,
    }


def _append(case: Path, entry: Json) -> None:
    path = case / LOG
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = b""
    lines = before.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        # The scan was killed while it wrote this line; it shows as one that cannot be read.
        lines[-1] += b"\n"
        with path.open("ab") as log:
            log.write(b"\n")
    entry["previous"] = hashlib.sha256(lines[-1]).hexdigest() if lines else None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        log.write(json.dumps(entry, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")


def _several(paths: object) -> list[object]:
    return [paths] if isinstance(paths, (str, Path)) else list(cast("Iterable[object]", paths))


def _absolute(path: object) -> str:
    return str(Path(str(path)).absolute())


def _json(value: object) -> object:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_json(item) for item in value]
    return str(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
