"""The words of the report, from one file a language (``texts/<language>.yaml``): templates and views hold none.

A text may have places ``{like_this}``; what is put in there is escaped unless it is markup already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from markupsafe import Markup, escape

from brokenseal.content_yaml import read_yaml
from brokenseal.errors import UsageError
from brokenseal.report.html.clock import read_time, written
from brokenseal.report.html.shown import LONGEST_NAME, bare, shown
from brokenseal.report.text import plain

_FOLDER = "texts"
_STEP = 1000
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def languages() -> list[str]:
    """The languages that there are texts for, such as ``en``."""
    folder = files("brokenseal.report.html") / _FOLDER
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def load_texts(language: str) -> Texts:
    """Raises ``UsageError`` when there are no texts in ``language``."""
    if language not in languages():
        raise UsageError(f"no texts in the language '{plain(language, 40)}'; there are: {', '.join(languages())}.")
    file = files("brokenseal.report.html") / _FOLDER / f"{language}.yaml"
    found: dict[str, str] = {}
    _flatten(read_yaml(file.read_text(encoding="utf-8")), "", found)
    return Texts(language, found)


@dataclass(frozen=True, slots=True)
class Texts:
    """``entries``: by keys such as ``mail.title``, the names of the file's nesting with dots between."""

    language: str
    entries: Mapping[str, str]

    def has(self, key: str) -> bool:
        return key in self.entries

    def say(self, key: str, /, **values: object) -> Markup:
        """Raises ``KeyError`` for a key that the language lacks."""
        return Markup(escape(self.entries[key])).format(**values)

    def words(self, group: str, identity: str | None, fallback: Markup | None = None) -> Markup:
        """The words for an id of the document, or the id itself where this version has none."""
        key = f"{group}.{identity}"
        if identity and key in self.entries:
            return self.say(key)
        return fallback if fallback is not None else shown(identity, LONGEST_NAME)

    def number(self, number: int) -> str:
        return f"{number:,}".replace(",", self.entries["number.thousands"])

    def count(self, key: str, number: int, /, **values: object) -> Markup:
        """``key.one`` or ``key.many``, with the number as ``{n}``."""
        return self.say(f"{key}.{'one' if number == 1 else 'many'}", n=self.number(number), **values)

    def size(self, size: int, *, exact: bool = True) -> Markup:
        """Bytes rounded for the eye and, if asked for, exactly: ``12.3 MB (12,345,678 bytes)``."""
        whole = self.count("bytes", size)
        if size < _STEP:
            return whole
        power = 1
        while round(size / _STEP**power, 1) >= _STEP and power < len(_UNITS):
            power += 1
        rounded = f"{size / _STEP**power:.1f}".replace(".", self.entries["number.decimal"])
        short = Markup("{}\N{NO-BREAK SPACE}{}").format(rounded, _UNITS[power - 1])
        return self.say("bytes_exact", rounded=short, exact=whole) if exact else short

    def moment(self, time: str | None) -> Markup:
        """``2021-03-03 04:12:09`` as a time element; the page says once that times are UTC."""
        if not time:
            return self.say("time.unknown")
        read = read_time(time)
        if read is None:
            return shown(time, LONGEST_NAME)
        return Markup('<time datetime="{}">{}</time>').format(bare(time, 40), written(read))

    def span(self, first: str | None, last: str | None) -> Markup:
        """From, to and how long; one time where both are of the same second."""
        one, two = read_time(first), read_time(last)
        if one is None or two is None or written(one) == written(two):
            return self.moment(first or last)
        length = self.duration(int(abs((two - one).total_seconds())))
        return self.say("time.span", first=self.moment(first), last=self.moment(last), length=length)

    def duration(self, seconds: int) -> Markup:
        days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
        if days:
            whole = self.count("time.days", days)
            return self.say("time.and_hours", days=whole, hours=hours) if hours else whole
        if hours:
            return self.say("time.hours_minutes", hours=hours, minutes=minutes)
        return self.say("time.minutes", n=minutes) if minutes else self.say("time.seconds", n=seconds)

    def listed(self, items: Iterable[str], most: int | None = None) -> Markup:
        """``a, b and c``; cut to ``most`` items it ends in ``and 3 more``."""
        every = list(items)
        kept = every if most is None or len(every) <= most else every[:most]
        if len(kept) < len(every):
            more = self.say("list.more", n=self.number(len(every) - len(kept)))
            return self.say("list.cut", items=self._commas(kept), more=more)
        if len(kept) <= 1:
            return Markup("").join(kept)
        return self.say("list.two", first=self._commas(kept[:-1]), last=kept[-1])

    def _commas(self, items: Sequence[str]) -> Markup:
        return self.say("list.comma").join(items)


def _flatten(node: object, path: str, found: dict[str, str]) -> None:
    if isinstance(node, Mapping):
        for name, value in cast(Mapping[object, object], node).items():
            _flatten(value, f"{path}.{name}".removeprefix("."), found)
    else:
        found[path] = str(node)
