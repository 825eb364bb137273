"""A manifest: what a verification found, as a file to keep apart from the case, signed if a key is given.

The signature is an HMAC-SHA256. It proves that somebody who holds the key wrote the manifest and that it was not changed
since; it cannot prove to others who of those that hold the key it was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import cast

from brokenseal import __version__
from brokenseal.errors import UsageError
from brokenseal.incident.custody import who
from brokenseal.incident.kept_results import Json
from brokenseal.incident.verification import State, Verification

FORM = "brokenseal manifest 1"
_ALGORITHM = "HMAC-SHA256"
_SHORTEST_KEY = 16


def manifest(found: Verification) -> Json:
    """Files with hashes and sizes as the case recorded them and how they compare now, the document, the custody."""
    return {
        "form": FORM,
        "version": __version__,
        "made": who(),
        "verdict": found.verdict,
        "document_sha256": found.document_sha256,
        "matches_sha256": found.matches_sha256,
        "recomputed": found.recomputed.value,
        "files": [
            {"name": check.name, "sha256": check.sha256, "size": check.size, "state": check.state.value}
            for check in found.files
        ],
        "custody": list(found.custody.entries),
        "custody_problems": list(found.custody.problems),
    }


def signed(content: Json, key: bytes) -> Json:
    """*content* with its signature. Raises ``UsageError`` for a key that can be guessed."""
    unsigned = {name: value for name, value in content.items() if name != "signature"}
    return {**unsigned, "signature": {"algorithm": _ALGORITHM, "value": _signature(unsigned, key)}}


def differences(content: Json, found: Verification, key: bytes | None) -> list[str]:
    """In what the manifest differs from the case as it was verified now: sentences, none if all is the same."""
    problems = []
    signature = content.get("signature")
    if key is not None:
        unsigned = {name: value for name, value in content.items() if name != "signature"}
        value = signature.get("value") if isinstance(signature, dict) else None
        if not isinstance(value, str):
            problems.append("the manifest is not signed")
        elif not hmac.compare_digest(value.encode("utf-8", "replace"), _signature(unsigned, key).encode()):
            problems.append("the signature of the manifest is wrong: it was changed, or signed with another key")
    if content.get("document_sha256") != found.document_sha256:
        problems.append("the incident document is another one than in the manifest")
    # A manifest of an older version says nothing of matches.
    if content.get("matches_sha256") not in (None, found.matches_sha256):
        problems.append("the file of all matches is another one than in the manifest")
    problems += _file_differences(content, found)
    return problems


def read_manifest(path: Path) -> Json:
    """Raises ``UsageError`` for what is no manifest."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the manifest {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON") from error
    if not isinstance(content, dict) or content.get("form") != FORM:
        raise UsageError(f"{path} is no {FORM}")
    return cast("Json", content)


def read_key(path: Path) -> bytes:
    """The key in a file: all its bytes without blanks around them. Raises ``UsageError``."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror}") from error
    if len(key) < _SHORTEST_KEY:
        raise UsageError(f"the key in {path} is shorter than {_SHORTEST_KEY} bytes; make one: openssl rand -hex 32")
    return key


def _file_differences(content: Json, found: Verification) -> list[str]:
    listed = content.get("files")
    before: list[tuple[object, object]] = []
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("state") != State.NEW.value:
            before.append((entry.get("name"), entry.get("sha256")))
    now: list[tuple[object, object]] = [
        (check.name, check.sha256) for check in found.files if check.state is not State.NEW
    ]
    gone, more = _without(before, now), _without(now, before)
    problems = [f"in the manifest, but not so in the case: {name}" for name, _ in gone]
    return problems + [f"in the case, but not so in the manifest: {name}" for name, _ in more]


def _without(these: list[tuple[object, object]], those: list[tuple[object, object]]) -> list[tuple[object, object]]:
    known = {json.dumps(pair) for pair in those}
    return [pair for pair in these if json.dumps(pair) not in known]


def _signature(content: Json, key: bytes) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode("ascii"), hashlib.sha256).hexdigest()
