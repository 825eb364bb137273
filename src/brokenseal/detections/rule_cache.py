"""Rules kept ready between runs: reading thousands of Sigma rules takes seconds, reading what was made of them does not.

The cache lies in the user's own cache folder, never in the evidence or the case. A kept entry counts only for exactly these
rule files (by content), this version and these libraries; anything wrong with it and the rules are read anew. Files that
look as they did (size, times, place on the disk) when their content was last read are not read again.
``BROKENSEAL_CACHE`` names another folder, or ``off``.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import platform
import re
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from brokenseal.detections.kept_types import read_kept
from brokenseal.detections.rule_files import rule_names
from brokenseal.detections.rules import KEPT, Rule, RuleSet, load_rules
from brokenseal.detections.windows_matching import WindowsRules
from brokenseal.events.case import write_atomically
from brokenseal.version import __version__

_VARIABLE = "BROKENSEAL_CACHE"
_KEY = re.compile(r"[0-9a-f]{40}")
#: Older entries beyond so many are removed.
_MOST_ENTRIES = 8
#: A file that is younger (seconds) when it is looked at may change once more without any sign of it.
_SETTLED = 4.0
#: Older notes on files beyond so many are removed.
_MOST_NOTES = 32


class CompiledRules:
    """Rules of some folders, and the part on Windows events made ready to run. ``from_cache``: nothing had to be read."""

    def __init__(self, rule_set: RuleSet, windows: WindowsRules | None = None, *, from_cache: bool = False) -> None:
        self.rule_set = rule_set
        self.from_cache = from_cache
        self._windows = windows

    def windows(self) -> WindowsRules:
        if self._windows is None:
            self._windows = WindowsRules(self.rule_set.rules)
        return self._windows


def compiled_rules(folders: Sequence[Path]) -> CompiledRules:
    """All rules in *folders*, from the cache where they are kept; what was read is kept for the next time."""
    folder = cache_folder()
    if folder is None:
        return CompiledRules(load_rules(folders))
    paths = list(rule_names(folders))
    stamp, settled = _stamp(paths)
    note = folder / f"seen-{stamp}.txt"
    key = _noted(note)
    kept = None if key is None else _kept(folder / f"rules-{key}.bin")
    if kept is not None:
        return kept
    key = _key(paths)
    entry = folder / f"rules-{key}.bin"
    kept = _kept(entry)
    if kept is None:
        kept = CompiledRules(load_rules(folders))
        _keep(entry, kept)
    if settled:
        _put(note, key.encode(), _MOST_NOTES)
    return kept


def cache_folder() -> Path | None:
    """The user's cache folder for brokenseal, which need not exist; None where there is none or it is switched off."""
    told = os.environ.get(_VARIABLE, "")
    if told.lower() == "off":
        return None
    if told:
        return Path(told)
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) / "brokenseal" / "Cache" if base else None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "brokenseal"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home / ".cache") / "brokenseal"


def _stamp(paths: Sequence[tuple[str, str]]) -> tuple[str, bool]:
    """What tells these files as they are from any others without reading them; whether that can be relied upon."""
    digest = _ours()
    newest = 0
    for path, name in paths:
        try:
            seen = os.stat(path)
        except OSError:
            return "", False
        newest = max(newest, seen.st_mtime_ns, seen.st_ctime_ns)
        parts = (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev)
        digest.update(f"{name}\0{os.path.abspath(path)}\0{parts}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:40], newest < time.time_ns() - int(_SETTLED * 1e9)


def _noted(note: Path) -> str | None:
    try:
        key = note.read_text("ascii")
    except (OSError, ValueError):
        return None
    return key if _KEY.fullmatch(key) else None


def _ours() -> hashlib._Hash:
    """What an entry is good for, besides its rules: this version, this Python and these libraries."""
    digest = hashlib.sha256()
    for text in (__version__, sys.version, platform.machine(), *map(version, ("pysigma", "pyarrow", "duckdb"))):
        _add(digest, text.encode())
    _add(digest, (files("brokenseal") / "content" / "windows" / "logsources.yaml").read_bytes())
    for source in sorted(Path(str(files("brokenseal.detections"))).glob("*.py")):
        # An installed version never changes, but a developer's does.
        _add(digest, f"{source.name} {source.stat().st_mtime_ns} {source.stat().st_size}".encode())
    return digest


def _key(paths: Sequence[tuple[str, str]]) -> str:
    """The name of the entry for these files, by their content."""
    digest = _ours()
    for path, name in paths:
        _add(digest, f"{name}\0{os.path.abspath(path)}".encode("utf-8", "surrogateescape"))
        try:
            _add(digest, Path(path).read_bytes())
        except OSError:
            _add(digest, b"unreadable")
    return digest.hexdigest()[:40]


def _add(digest: hashlib._Hash, part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "little") + part)


def _kept(entry: Path) -> CompiledRules | None:
    try:
        content = entry.read_bytes()
    except OSError:
        return None
    digest, content = content[:32], content[32:]
    if hashlib.sha256(content).digest() != digest:
        return None
    return _uncollected(lambda: _read(content))


def _read(content: bytes) -> CompiledRules | None:
    try:
        found = read_kept(content)
        if not isinstance(found, tuple):
            return None
        plain, criteria, (correlations, problems, not_run), (formulas, looked_at, search) = found
        rules = tuple(Rule.kept(values, packed) for values, packed in zip(plain, criteria, strict=True))
        windows = WindowsRules(rules, formulas=formulas, looked_at=looked_at, search=search)
        return CompiledRules(RuleSet(rules, correlations, problems, not_run), windows, from_cache=True)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the rules themselves are still there
        return None


def _packed(compiled: CompiledRules) -> bytes:
    """What is kept of the rules; each criterion by itself, because most are never looked at."""
    rule_set, windows = compiled.rule_set, compiled.windows()
    plain = [{name: getattr(rule, name) for name in KEPT} for rule in rule_set.rules]
    criteria = [pickle.dumps(rule.criterion, protocol=5) for rule in rule_set.rules]
    others = rule_set.correlations, rule_set.problems, rule_set.not_run
    search = windows.formulas, windows.looked_at, windows.hits.serialise()
    return pickle.dumps((plain, criteria, others, search), protocol=5)


def _keep(entry: Path, compiled: CompiledRules) -> None:
    content = _packed(compiled)
    _put(entry, hashlib.sha256(content).digest() + content, _MOST_ENTRIES)


def _put(path: Path, content: bytes, most: int) -> None:
    """Write a file of the cache; of those of its sort, the *most* last written stay."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, content)
        others = path.parent.glob(f"{path.name.partition('-')[0]}-*{path.suffix}")
        for old in sorted(others, key=lambda other: other.stat().st_mtime_ns, reverse=True)[most:]:
            old.unlink(missing_ok=True)
    except OSError:
        # Without a cache the next run only takes longer.
        return


def _uncollected(read: Callable[[], CompiledRules | None]) -> CompiledRules | None:
    """Make many objects without looking for garbage among them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return read()
    finally:
        if enabled:
            gc.enable()
