"""Results kept in the case: a scan that finds nothing new gives the same bytes without doing the work again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from brokenseal import __version__
from brokenseal.events import Case
from brokenseal.events.case import write_atomically
from brokenseal.incident.schema_version import SCHEMA_VERSION

Json = dict[str, object]

_DOCUMENT, _MATCHES, _KEY = "results/incident.json", "results/matches.parquet", "results/key.json"


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What the last scan into a case left, as it wrote it. ``document_sha256`` is of the bytes of ``results/incident.json``.

    ``matches``: the file of all matches (see :mod:`brokenseal.incident.kept_matches`), null where an older version made the
    case, which kept none.
    """

    key: str
    document: Json
    document_sha256: str
    unread: tuple[str, ...]
    matches: Path | None
    matches_sha256: str | None


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


def unfinished_matches(case: Case) -> Path:
    """Where a scan writes its matches before :func:`keep` makes them count."""
    return case.directory / f"{_MATCHES}.new"


def keep(case: Case, key: str, document: Json, unread: Sequence[str]) -> None:
    """Write the document and put the matches beside it, then the key that makes them count; in between nothing counts."""
    (case.directory / _KEY).unlink(missing_ok=True)
    content = json.dumps(document, indent=1).encode() + b"\n"
    matches = case.directory / _MATCHES
    unfinished_matches(case).replace(matches)
    write_atomically(case.directory / _DOCUMENT, content)
    record = {
        "key": key,
        "document_sha256": hashlib.sha256(content).hexdigest(),
        "matches_sha256": _sha256(matches),
        "unread": list(unread),
    }
    write_atomically(case.directory / _KEY, json.dumps(record, indent=1).encode() + b"\n")


def kept(case: Case, key: str) -> tuple[Json, tuple[str, ...]] | None:
    """The document and the unread sentences kept under *key*, if they are the latest and nobody changed them.

    A result without its matches does not count: a scan makes them.
    """
    found = latest_result(case.directory)
    return None if found is None or found.key != key or found.matches is None else (found.document, found.unread)


def latest(case: Path) -> Json | None:
    """The document of the last scan into the case directory *case*; None if there is none, or somebody changed it."""
    found = latest_result(case)
    return None if found is None else found.document


def latest_sha256(case: Path) -> str | None:
    """The SHA-256 of the file that holds the document of the last scan; None where :func:`latest` is None."""
    found = latest_result(case)
    return None if found is None else found.document_sha256


def latest_result(case: Path) -> KeptResult | None:
    """What the last scan into the case directory *case* left; None if there is none, or somebody changed part of it."""
    try:
        record = json.loads((case / _KEY).read_bytes())
        content = (case / _DOCUMENT).read_bytes()
        sha256, matches_sha256 = record["document_sha256"], record.get("matches_sha256")
        if sha256 != hashlib.sha256(content).hexdigest():
            return None
        if matches_sha256 is not None and matches_sha256 != _sha256(case / _MATCHES):
            return None
        matches = None if matches_sha256 is None else case / _MATCHES
        unread = tuple(record["unread"])
        return KeptResult(record["key"], json.loads(content), sha256, unread, matches, matches_sha256)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
