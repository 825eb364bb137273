"""Rules kept ready between runs: reading thousands of Sigma rules takes seconds, reading what was made of them does not.

The cache lies in the user's own cache folder, never in the evidence or the case. A kept entry counts only for exactly these
rule files (by content), this version and these libraries; anything wrong with it and the rules are read anew.
``BROKENSEAL_CACHE`` names another folder, or ``off``.
"""

from __future__ import annotations

import gc
import hashlib
import io
import os
import pickle
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from brokenseal.detections.literal_formula import Formula
from brokenseal.detections.rule_files import rule_paths
from brokenseal.detections.rules import RuleSet, load_rules
from brokenseal.detections.windows_matching import WindowsRules
from brokenseal.events.case import write_atomically
from brokenseal.version import __version__

_VARIABLE = "BROKENSEAL_CACHE"
#: Older entries beyond so many are removed.
_MOST_ENTRIES = 8
#: What an entry may hold besides our own types.
_PLAIN = {
    *(("builtins", name) for name in ("frozenset", "set")),
    *(("ipaddress", name) for name in ("IPv4Network", "IPv6Network", "IPv4Address", "IPv6Address")),
    # Python 3.13 calls the module of paths by another name.
    *((module, name) for module in ("pathlib", "pathlib._local") for name in ("Path", "PosixPath", "WindowsPath")),
}


class _OurTypes(pickle.Unpickler):
    """Reads entries that hold rules and nothing else: a changed file cannot make anything else of itself."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in _PLAIN or (module.startswith("brokenseal.detections.") and "." not in name):
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        if module == "dataclasses" and name in ("_dataclass_setstate", "_dataclass_getstate"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into the cache")


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
    entry = folder / f"rules-{_key(folders)}.bin"
    kept = _kept(entry)
    if kept is not None:
        return kept
    compiled = CompiledRules(load_rules(folders))
    _keep(entry, compiled)
    return compiled


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


def _key(folders: Sequence[Path]) -> str:
    digest = hashlib.sha256()

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "little") + part)

    for text in (__version__, sys.version, platform.machine(), *map(version, ("pysigma", "pyarrow", "duckdb"))):
        add(text.encode())
    add((files("brokenseal") / "content" / "windows" / "logsources.yaml").read_bytes())
    for source in sorted(Path(str(files("brokenseal.detections"))).glob("*.py")):
        # An installed version never changes, but a developer's does.
        add(f"{source.name} {source.stat().st_mtime_ns} {source.stat().st_size}".encode())
    for path, name in rule_paths(folders):
        add(f"{name}\0{os.path.abspath(path)}".encode("utf-8", "surrogateescape"))
        try:
            add(path.read_bytes())
        except OSError:
            add(b"unreadable")
    return digest.hexdigest()[:40]


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
        rule_set, formulas, search = _OurTypes(io.BytesIO(content)).load()
        if not isinstance(rule_set, RuleSet):
            return None
        return CompiledRules(rule_set, WindowsRules(rule_set.rules, formulas=formulas, search=search), from_cache=True)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the rules themselves are still there
        return None


def _keep(entry: Path, compiled: CompiledRules) -> None:
    formulas: dict[tuple[str, str], Formula | None] = compiled.windows().formulas
    content = pickle.dumps((compiled.rule_set, formulas, compiled.windows().hits.serialise()), protocol=5)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(entry, hashlib.sha256(content).digest() + content)
        others = sorted(entry.parent.glob("rules-*.bin"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for old in others[_MOST_ENTRIES:]:
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
