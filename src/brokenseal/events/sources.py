"""What the case knows of one evidence file after reading it: the record that makes its rows count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

#: Kind of a file that no parser recognises: it is hashed and listed, nothing more.
UNRECOGNISED = "unrecognised"
#: Kind of a file of a web folder, judged by its content (see :mod:`brokenseal.events.web_file`).
WEB_FILE = "web_file"

Json = dict[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class BuildSeen:
    """A server build that the lines of a file name: for which host (null: the line does not say), from when to when."""

    host: str | None
    build: str
    first_ms: int
    last_ms: int


@dataclass(slots=True)
class Slice:
    """The part of a file that one host wrote into one log: event exports mix many. ``exchange``: it shows an
    Exchange server.

    ``host`` is null where the lines do not say. Times are milliseconds since 1970 UTC, ``hours`` maps hours to event counts.
    """

    host: str | None
    stream: str
    first_ms: int
    last_ms: int
    exchange: bool = False
    hours: dict[int, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return sum(self.hours.values())


@dataclass(slots=True)
class Source:
    """One evidence file as read. Times are milliseconds since 1970 UTC; ``hours`` maps hours since 1970 to event counts.

    ``location`` is where the file lay (never printed in results); ``key`` changes when the file or the way of reading it
    changes; ``part`` names the Parquet parts that hold its rows.
    """

    id: int
    name: str
    location: str
    key: str
    machine: str
    windows_path: str
    host_given: str | None
    part: str
    kind: str = UNRECOGNISED
    sha256: str = ""
    size: int = 0
    lines: int = 0
    events: int = 0
    rejects: int = 0
    candidates: int = 0
    encoding: str = "utf-8"
    first_ms: int | None = None
    last_ms: int | None = None
    damage: str | None = None
    note: str | None = None
    prefilter: str = ""
    reject_reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, int] = field(default_factory=dict)
    hours: dict[int, int] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    builds: list[BuildSeen] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)

    def to_json(self) -> Json:
        record: Json = {name: getattr(self, name) for name in _FIELDS}
        record["builds"] = [(seen.host, seen.build, seen.first_ms, seen.last_ms) for seen in self.builds]
        record["slices"] = [
            (part.host, part.stream, part.first_ms, part.last_ms, part.exchange, part.hours) for part in self.slices
        ]
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> Source:
        values = dict(record)
        values["hours"] = {int(hour): count for hour, count in _mapping(values["hours"]).items()}
        values["builds"] = [BuildSeen(*build) for build in _list(values["builds"])]
        values["slices"] = [
            Slice(host, stream, first, last, exchange, {int(hour): count for hour, count in _mapping(hours).items()})
            for host, stream, first, last, exchange, hours in _list(values["slices"])
        ]
        return cls(**values)  # type: ignore[arg-type]

    @property
    def stream(self) -> str:
        """What part of its kind the file is: the HttpProxy protocol, IIS 'front end' or 'back end', else ''."""
        return max(self.streams, key=lambda name: (self.streams[name], name), default="")

    def saw_time(self, first_ms: int, last_ms: int) -> None:
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        self.last_ms = last_ms if self.last_ms is None else max(self.last_ms, last_ms)

    def saw_slice(self, seen: Slice) -> None:
        for part in self.slices:
            if (part.host, part.stream) == (seen.host, seen.stream):
                part.first_ms, part.last_ms = min(part.first_ms, seen.first_ms), max(part.last_ms, seen.last_ms)
                part.exchange |= seen.exchange
                for hour, count in seen.hours.items():
                    part.hours[hour] = part.hours.get(hour, 0) + count
                return
        self.slices.append(seen)

    def saw_build(self, host: str | None, build: str, first_ms: int, last_ms: int) -> None:
        for seen in self.builds:
            if (seen.host, seen.build) == (host, build):
                seen.first_ms = min(seen.first_ms, first_ms)
                seen.last_ms = max(seen.last_ms, last_ms)
                return
        self.builds.append(BuildSeen(host, build, first_ms, last_ms))


_FIELDS = tuple(field.name for field in fields(Source))


def duplicates(sources: Iterable[Source]) -> dict[int, str]:
    """Source ids that repeat another file's content → the name of the one that counts (the first by name and place).

    A log says the same wherever its copy lies; a file of a web folder is another one on every server and in every folder.
    """
    first: dict[tuple[str, str], Source] = {}
    repeated: dict[int, str] = {}
    for source in sorted(sources, key=lambda s: (s.name, s.location)):
        if not source.sha256 or source.size == 0 or source.damage or source.kind == WEB_FILE:
            continue
        kept = first.setdefault((source.sha256, source.kind), source)
        if kept is not source:
            repeated[source.id] = kept.name
    return repeated


def rfc3339(milliseconds: int) -> str:
    """Milliseconds since 1970 as ``YYYY-MM-DDTHH:MM:SS.mmmZ``."""
    # Not fromtimestamp: Windows has none before 1970, and damaged logs have such times.
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def _mapping(value: object) -> Mapping[str, int]:
    assert isinstance(value, Mapping)
    return value


def _list(value: object) -> list[list[Any]]:
    assert isinstance(value, list)
    return value
