"""Which Windows events a Sigma log source means, read from ``content/windows/logsources.yaml``.

A *view* is a log source's part of the table ``windows_event``: rows of some channels and event ids, and where in
them a field
has another name than Sigma's, how it is made from the event's own.

References:
    https://sigmahq.io/sigma-specification/specification/sigma-appendix-taxonomy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

from brokenseal.content_yaml import read_yaml
from brokenseal.errors import ContentError

#: Prefix of the names of views, among the names of event kinds.
PREFIX = "windows_event:"
#: All Windows events, whatever the log.
EVERYTHING = "all"
#: The cmdlets that Exchange writes into the event log, under the names of the cmdlet log's columns.
EXCHANGE_CMDLET = "exchange-cmdlet"

_PART = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a Sigma field is made from an event's own: texts and field names in turn (a text first), then translated.

    ``texts`` has one member more than ``names``. ``values`` translates whole values, ``prefixes`` (longest first) the start.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    hexadecimal: bool = False

    @property
    def verbatim(self) -> bool:
        """Whether the value stands in the event as it is."""
        return self.texts == ("", "") and not (self.values or self.prefixes or self.hexadecimal)


@dataclass(frozen=True, slots=True)
class LogRows:
    """Rows of some channels (``names``; none: of all) with these event ids (none: all) and values (field → any of)."""

    names: tuple[str, ...] = ()
    events: tuple[int, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fields: Mapping[str, Derivation] = field(default_factory=dict)

    def derivation(self, lowered: str) -> Derivation | None:
        """How the field of this name (lower case) is made here; None where it has its own name."""
        return next((found for name, found in self.fields.items() if name.lower() == lowered), None)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels in lower case, as they are compared."""
        return tuple(name.lower() for name in self.names)

    def has(self, channel: str, event: int) -> bool:
        """Whether events of this channel (lower case) and id belong here, as far as these say."""
        return (not self.channels or channel in self.channels) and (not self.events or event in self.events)


@dataclass(frozen=True, slots=True)
class View:
    """A log source: the rows of any of ``rows``."""

    name: str
    rows: tuple[LogRows, ...]


def view_name(category: str, product: str, service: str) -> str | None:
    """The view (with its prefix) that a rule with this log source sees; None if it is not about Windows events known here.

    All parts are lower case, missing ones empty.
    """
    content = _content()
    if product not in ("", "windows"):
        return None
    if category and category not in content.categories:
        return None
    if service and service not in content.services:
        return None
    if not category and not service:
        return PREFIX + EVERYTHING if product else None
    if not product and service:
        return None
    return PREFIX + "+".join(part for part in (category, service) if part)


@cache
def view(name: str) -> View:
    """The view of this name (with or without its prefix). Raises KeyError."""
    content = _content()
    short = name.removeprefix(PREFIX)
    if short == EVERYTHING:
        return View(name, (LogRows(),))
    first, _, second = short.partition("+")
    if first in content.categories:
        rows = content.categories[first]
        if second:
            channels = content.services[second]
            rows = tuple(found for found in map(lambda row: _within(row, channels), rows) if found is not None)
        return View(name, rows)
    return View(name, (LogRows(content.services[first]),))


def services() -> Mapping[str, tuple[str, ...]]:
    """Each service with its channels."""
    return _content().services


def categories() -> Mapping[str, tuple[LogRows, ...]]:
    """Each category with its rows."""
    return _content().categories


def _within(row: LogRows, channels: tuple[str, ...]) -> LogRows | None:
    wanted = {channel.lower() for channel in channels}
    shared = tuple(name for name in row.names if name.lower() in wanted)
    return LogRows(shared, row.events, row.where, row.fields) if shared else None


@dataclass(frozen=True, slots=True)
class _Content:
    services: Mapping[str, tuple[str, ...]]
    categories: Mapping[str, tuple[LogRows, ...]]


@cache
def _content() -> _Content:
    path = files("brokenseal") / "content" / "windows" / "logsources.yaml"
    try:
        root = read_yaml(path.read_bytes())
        services = {name: tuple(listed) for name, listed in root["services"].items()}
        categories = {name: tuple(_rows(listed)) for name, listed in root["categories"].items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ContentError(f"content/windows/logsources.yaml cannot be read: {error}") from error
    return _Content(services, categories)


def _rows(listed: list[dict[str, object]]) -> Iterator[LogRows]:
    for item in listed:
        channels, events, where, fields = (item.get(key) or {} for key in ("channels", "events", "where", "fields"))
        assert isinstance(channels, list) and isinstance(events, list)
        assert isinstance(where, dict) and isinstance(fields, dict)
        yield LogRows(
            tuple(channels),
            tuple(events),
            tuple((name, tuple(values)) for name, values in where.items()),
            {name: _derivation(told) for name, told in fields.items()},
        )


def _derivation(told: object) -> Derivation:
    if isinstance(told, str):
        return Derivation(*_template(told))
    if not isinstance(told, dict):
        raise TypeError(f"a field is made from a name or a mapping, not {told!r}")
    prefixes = sorted(told.get("prefixes", {}).items(), key=lambda item: (-len(item[0]), item[0]))
    texts, names = _template(told["of"])
    return Derivation(
        texts, names, tuple(told.get("values", {}).items()), tuple(prefixes), bool(told.get("hexadecimal"))
    )


def _template(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if "{" not in text:
        return ("", ""), (text,)
    pieces = _PART.split(text)
    return tuple(pieces[::2]), tuple(pieces[1::2])
