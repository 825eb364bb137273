"""Results kept in the case: a scan that finds nothing new gives the same bytes without doing the work again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from brokenseal import __version__
from brokenseal.events import Case
from brokenseal.events.case import write_atomically
from brokenseal.incident.schema_version import SCHEMA_VERSION

Json = dict[str, object]

_DOCUMENT, _KEY = "results/incident.json", "results/key.json"


def result_key(case: Case, rules: Sequence[Path], options: Sequence[object]) -> str:
    """A text that changes whenever the answer may change: the case's content, the rules, the options, this version."""
    digest = hashlib.sha256()
    for part in (__version__, SCHEMA_VERSION, *map(repr, options)):
        digest.update(part.encode() + b"\0")
    digest.update(case.journal_path.read_bytes() if case.journal_path.exists() else b"")
    content = files("brokenseal") / "content"
    for folder in (Path(str(content)), *rules):
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(f"\0{path.name}\0".encode("utf-8", "surrogateescape") + path.read_bytes())
    return digest.hexdigest()


def keep(case: Case, key: str, document: Json, unread: Sequence[str]) -> None:
    """Write the document, then the key that makes it count; in between nothing counts."""
    (case.directory / _KEY).unlink(missing_ok=True)
    content = json.dumps(document, indent=1).encode() + b"\n"
    write_atomically(case.directory / _DOCUMENT, content)
    record = {"key": key, "document_sha256": hashlib.sha256(content).hexdigest(), "unread": list(unread)}
    write_atomically(case.directory / _KEY, json.dumps(record, indent=1).encode() + b"\n")


def kept(case: Case, key: str) -> tuple[Json, tuple[str, ...]] | None:
    """The document and the unread sentences kept under *key*, if they are the latest and nobody changed them."""
    found = _read(case.directory)
    return None if found is None or found[0] != key else found[1:]


def latest(case: Path) -> Json | None:
    """The document of the last scan into the case directory *case*; None if there is none, or somebody changed it."""
    found = _read(case)
    return None if found is None else found[1]


def _read(case: Path) -> tuple[str, Json, tuple[str, ...]] | None:
    """Key, document and unread sentences of the last scan, if nobody changed them."""
    try:
        record = json.loads((case / _KEY).read_bytes())
        content = (case / _DOCUMENT).read_bytes()
        if record["document_sha256"] != hashlib.sha256(content).hexdigest():
            return None
        return record["key"], json.loads(content), tuple(record["unread"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
