"""Which operations change who gets somebody's mail, and how logs write what they were given.

The kinds are ``content/mailboxes/settings.yaml``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from brokenseal.content_yaml import read_yaml
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT

#: What takes a setting back, or leaves it as it was.
_NOTHING = frozenset({"", "$null", "null", "{}", "[]", "$false", "false"})
#: Letters of one parameter that are shown.
_SHOWN = 120
_ADDRESS = re.compile(r"[^\s\"'<>\[\](){};,:=]+@[^\s\"'<>\[\](){};,:=]+\.[^\s\"'<>\[\](){};,:=]+")
# The control panel writes Name=value.Name=value, values in single quotes; cmdlet logs write -Name "value"; Exchange 2010
# writes {Name=value, Name=value}.
_PANEL = re.compile(r"(?:^|\.)([A-Za-z]\w*)=('(?:[^']|'')*'|\$\w+|[^.']*)")
_DASHED = re.compile(
    r"(?:^|\s)-([A-Za-z]\w*)(?:(?:\s+|:\s*)(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[^\s\"'-]\S*(?:,\s+[^\s-]\S*)*))?"
)
_BRACED = re.compile(r"(?:^|[{,;])\s*([A-Za-z]\w*)=(\"[^\"]*\"|'[^']*'|[^,}]*)")


@dataclass(frozen=True, slots=True)
class SettingKind:
    """One kind of setting; operations and names of parameters in lower case."""

    what: str
    operations: frozenset[str]
    one_of: tuple[str, ...]
    values: frozenset[str]
    mailbox: tuple[str, ...]
    whole: bool
    to: tuple[str, ...]
    shown: tuple[str, ...]

    def fits(self, operation: str, given: Mapping[str, str]) -> bool:
        """Whether *operation* (lower case) with the parameters *given* sets this."""
        if operation not in self.operations:
            return False
        set_now = [given[name].lower() for name in self.one_of if given.get(name, "").lower() not in _NOTHING]
        if self.values:
            return any(value in each for each in set_now for value in self.values)
        return bool(set_now) or not self.one_of

    def receivers(self, given: Mapping[str, str]) -> list[str]:
        """Who gets the mail or the rights, lower case: the addresses in the parameters, else their values."""
        values = {name: given[name] for name in self.to if given.get(name, "").lower() not in _NOTHING}
        addresses = [found.lower() for value in values.values() for found in _ADDRESS.findall(value)]
        # What an audit record says of a rule's actions names no receiver where it holds no address.
        others = [value.lower() for name, value in values.items() if name != "ruleactions"]
        return list(dict.fromkeys(addresses or others))

    def detail(self, operation: str, given: Mapping[str, str]) -> str:
        """What was set, as logged: the operation and the parameters that tell it, each cut with a note of it."""
        told = [f"{name} {_cut(given[name.lower()])}" for name in self.shown if given.get(name.lower())]
        return ", ".join([operation.strip().rstrip("."), *told])


def operations() -> list[str]:
    """All operations that can change a setting, in lower case."""
    return sorted({name for kind in setting_kinds() for name in kind.operations})


def plain_operation(operation: str) -> str:
    """An operation as it is compared: lower case, without the full stop that the directory's audit log puts after it."""
    return operation.strip().lower().rstrip(".")


@cache
def setting_kinds() -> tuple[SettingKind, ...]:
    text = (files("brokenseal") / "content" / "mailboxes" / "settings.yaml").read_text("utf-8")
    kinds: list[dict[str, Any]] = read_yaml(text)
    return tuple(
        SettingKind(
            kind["what"],
            frozenset(map(str.lower, kind["operations"])),
            _lower(kind.get("one_of")),
            frozenset(_lower(kind.get("values"))),
            _lower(kind.get("mailbox")),
            bool(kind.get("whole")),
            _lower(kind.get("to")),
            tuple(kind["shown"]),
        )
        for kind in kinds
    )


def parameters(text: str | None, kind: str) -> dict[str, str]:
    """Parameters by their names in lower case, as a log of *kind* (its table) writes them.

    What cannot be read is left out.
    """
    if not text:
        return {}
    if kind == MAIL_AUDIT:
        return _of_record(text)
    if kind == "ecp_server":
        return {name.lower(): _unquoted(value) for name, value in _PANEL.findall(text)}
    if re.match(r"\s*-", text):
        return {found[1].lower(): _unquoted(found[2] or "true") for found in _DASHED.finditer(text)}
    return {name.lower(): _unquoted(value) for name, value in _BRACED.findall(text)}


def _of_record(text: str) -> dict[str, str]:
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    given: dict[str, str] = {}
    for name, value in record.items() if isinstance(record, dict) else ():
        if name == "ModifiedProperties" and isinstance(value, list):
            for each in value:
                if isinstance(each, dict) and each.get("Name"):
                    given.setdefault(str(each["Name"]).lower(), str(each.get("NewValue") or ""))
        elif isinstance(value, str):
            given[str(name).lower()] = value
        elif value is not None:
            given[str(name).lower()] = json.dumps(value, ensure_ascii=False)
    return given


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace(value[0] * 2, value[0])
    return value


def _cut(value: str) -> str:
    return f"'{value}'" if len(value) <= _SHOWN else f"'{value[:_SHOWN]}' (and {len(value) - _SHOWN:,} letters more)"


def _lower(names: list[str] | None) -> tuple[str, ...]:
    return tuple(name.lower() for name in names or ())
