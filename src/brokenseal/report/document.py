"""The incident document as bytes, and its check against the schema shipped with it (``incident.schema.json``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from brokenseal.report.text import plain

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

SCHEMA_FILE = "incident.schema.json"

# What json.dumps(ensure_ascii=False) leaves raw and a terminal or an editor must not get raw: DEL and C1 controls, bidi
# controls, zero-width and other format characters, line separators, lone surrogates (they have no UTF-8), tags.
# The escape is JSON's own, so a reader of the document gets the very same string back.
_ESCAPED = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FIRST_OUTSIDE_BMP = 0x10000
_MESSAGE_LIMIT = 300


def dump(document: Mapping[str, object]) -> bytes:
    """The document as UTF-8 JSON: two spaces of indent, keys in the order of construction, a newline at the end.

    Equal documents give equal bytes. Raises ``ValueError`` for NaN and infinities, ``TypeError`` for what JSON has not.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    return (_ESCAPED.sub(_json_escape, text) + "\n").encode("utf-8")


def schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of the incident document."""
    text = files("brokenseal.report").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, object] = json.loads(text)
    return loaded


def validate(document: Mapping[str, object]) -> list[str]:
    """What is wrong with ``document``: one sentence a problem; empty when it is valid.

    Besides the schema it checks what a schema cannot say: that ids are unique, that each id referred to exists, and
    that processes come after their parents.
    Needs the ``jsonschema`` package (imported here, so that a scan does not pay for it).
    """
    errors = list(_validator().iter_errors(cast(Any, document)))
    if errors:
        return [f"{_path(error.absolute_path)}: {plain(error.message, _MESSAGE_LIMIT)}" for error in errors]
    return [*_repeated_ids(document), *_dangling(document)]


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < _FIRST_OUTSIDE_BMP:
        return f"\\u{code:04x}"
    code -= _FIRST_OUTSIDE_BMP
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


@cache
def _validator() -> Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def _path(parts: Iterable[str | int]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{plain(part, 80)}" for part in parts)
    return path.removeprefix(".") or "document"


def _items(document: Mapping[str, object], key: str) -> list[dict[str, object]]:
    value = document.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _repeated_ids(document: Mapping[str, object]) -> list[str]:
    problems = []
    lists = [(key, _items(document, key)) for key in ("hosts", "campaigns", "intrusions", "findings")]
    for index, intrusion in enumerate(_items(document, "intrusions")):
        lists.append((f"intrusions[{index}].processes", _items(intrusion, "processes")))
    for where, items in lists:
        seen: set[object] = set()
        for index, item in enumerate(items):
            identity = item["host" if where == "hosts" else "id"]
            if identity in seen:
                problems.append(f"{where}[{index}]: {plain(identity, 80)} is there more than once")
            seen.add(identity)
    return problems


def _dangling(document: Mapping[str, object]) -> list[str]:
    findings = {item["id"] for item in _items(document, "findings")}
    intrusions = {item["id"] for item in _items(document, "intrusions")}
    problems = []
    for index, intrusion in enumerate(_items(document, "intrusions")):
        for key in ("cves", "webshells", "processes"):
            for position, part in enumerate(_items(intrusion, key)):
                problems += _unknown(f"intrusions[{index}].{key}[{position}].findings", part.get("findings"), findings)
        problems += _unknown(f"intrusions[{index}].findings", intrusion.get("findings"), findings)
        problems += _parents(f"intrusions[{index}].processes", _items(intrusion, "processes"))
    for index, mailbox in enumerate(_items(document, "mailboxes")):
        if mailbox["intrusion"] is not None:
            problems += _unknown(f"mailboxes[{index}].intrusion", [mailbox["intrusion"]], intrusions)
    return problems


def _parents(where: str, processes: list[dict[str, object]]) -> list[str]:
    problems = []
    before: set[object] = set()
    for index, process in enumerate(processes):
        if process["parent"] is not None and process["parent"] not in before:
            problems.append(f"{where}[{index}].parent: nothing before it has the id {plain(process['parent'], 80)}")
        before.add(process["id"])
    return problems


def _unknown(where: str, ids: object, known: set[object]) -> list[str]:
    given = ids if isinstance(ids, list) else []
    return [f"{where}: nothing has the id {plain(identity, 80)}" for identity in given if identity not in known]
