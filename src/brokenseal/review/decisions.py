"""Notes and decisions of the people who review a case, in ``review.sqlite`` in its directory.

Nothing is ever deleted: taking a decision back writes when that was. A decision names what it is about by what stays the
same when the case is scanned again: a finding by rule, host and address, an event by its file's name, SHA-256 and line.
"""

from __future__ import annotations

import getpass
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from brokenseal.errors import CaseError

FILE = "review.sqlite"

#: What can be said of a finding or an event; a tag and a comment have a text.
KINDS = ("star", "tag", "comment", "false_positive")
ABOUT = ("finding", "event")
LONGEST_TAG, LONGEST_COMMENT = 60, 4000

_VERSION = 1
_SCHEMA = """
CREATE TABLE decision (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  made_at TEXT NOT NULL,
  made_by TEXT NOT NULL,
  kind TEXT NOT NULL,
  about TEXT NOT NULL,
  target TEXT NOT NULL,
  label TEXT NOT NULL,
  value TEXT NOT NULL,
  undone_at TEXT,
  undone_by TEXT
);
CREATE INDEX decision_target ON decision (about, target);
"""

#: Names what a decision is about, see the module; the parts of a finding or of an event.
Target = tuple[str, ...]
#: File, SHA-256 and line.
PARTS_OF_EVENT = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """Times as RFC 3339 UTC. ``label``: what it was about, in words, when it was made."""

    id: int
    made_at: str
    made_by: str
    kind: str
    about: str
    target: Target
    label: str
    value: str
    undone_at: str | None
    undone_by: str | None

    @property
    def active(self) -> bool:
        return self.undone_at is None


class Decisions:
    """The file ``review.sqlite`` of a case; made with the first decision. ``now`` gives the time, aware, for tests."""

    def __init__(self, case: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = case / FILE
        self._now = now
        if self.path.exists():
            with self._open() as connection:
                _check(connection, self.path)

    def add(self, kind: str, about: str, target: Target, *, label: str, value: str = "") -> int:
        """Record a decision and return its number. A star or 'false positive' that holds already is not made twice.

        Raises ``ValueError`` for a kind that there is none of, or a text that is missing or too long.
        """
        value = " ".join(value.split()) if kind == "tag" else value.strip()
        _check_value(kind, about, value)
        with self._open(create=True) as connection, connection:
            held = connection.execute(
                "SELECT id FROM decision WHERE kind = ? AND about = ? AND target = ? AND value = ? AND undone_at IS NULL",
                (kind, about, json.dumps(target), value),
            ).fetchone()
            if held is not None and kind != "comment":
                return int(held[0])
            made = connection.execute(
                "INSERT INTO decision (made_at, made_by, kind, about, target, label, value) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._time(), _user(), kind, about, json.dumps(target), label[:300], value),
            )
            return int(made.lastrowid or 0)

    def undo(self, number: int) -> bool:
        """Take a decision back; whether it held until now."""
        if not self.path.exists():
            return False
        with self._open() as connection, connection:
            done = connection.execute(
                "UPDATE decision SET undone_at = ?, undone_by = ? WHERE id = ? AND undone_at IS NULL",
                (self._time(), _user(), number),
            )
            return done.rowcount == 1

    def every(self) -> list[Decision]:
        """All decisions, also those taken back, in the order in which they were made."""
        if not self.path.exists():
            return []
        with self._open() as connection:
            rows = connection.execute(
                "SELECT id, made_at, made_by, kind, about, target, label, value, undone_at, undone_by "
                "FROM decision ORDER BY id"
            ).fetchall()
        return [
            Decision(row[0], row[1], row[2], row[3], row[4], tuple(map(str, json.loads(row[5]))), *row[6:])
            for row in rows
        ]

    def marks(self) -> Marks:
        return Marks([decision for decision in self.every() if decision.active])

    def _time(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    @contextmanager
    def _open(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if create and not self.path.exists():
                self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=10)) as connection:
                # A rollback journal: a copy of the case directory is then whole with this one file.
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA synchronous = FULL")
                if create:
                    _create(connection)
                yield connection
        except (sqlite3.DatabaseError, OSError) as error:
            raise CaseError(f"cannot use {self.path}: {error}") from error


class Marks:
    """The decisions that hold, by what they are about."""

    def __init__(self, held: Sequence[Decision]) -> None:
        self.held = held
        self._by_target: dict[tuple[str, Target], list[Decision]] = {}
        for decision in held:
            self._by_target.setdefault((decision.about, decision.target), []).append(decision)

    def of(self, about: str, target: Target) -> list[Decision]:
        return self._by_target.get((about, target), [])

    def star(self, about: str, target: Target) -> Decision | None:
        return next((one for one in self.of(about, target) if one.kind == "star"), None)

    def false_positive(self, target: Target) -> Decision | None:
        return next((one for one in self.of("finding", target) if one.kind == "false_positive"), None)

    def targets(self, kind: str, about: str) -> set[Target]:
        return {decision.target for decision in self.held if decision.kind == kind and decision.about == about}


def _check_value(kind: str, about: str, value: str) -> None:
    if kind not in KINDS or about not in ABOUT or (kind == "false_positive" and about != "finding"):
        raise ValueError("There is no such decision.")
    longest = {"tag": LONGEST_TAG, "comment": LONGEST_COMMENT}.get(kind, LONGEST_COMMENT)
    if kind in ("tag", "comment") and not value:
        raise ValueError(f"A {kind} needs a text.")
    if len(value) > longest:
        raise ValueError(f"The text is too long: at most {longest:,} characters.")


def _create(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _VERSION):
        raise CaseError(f"{path} was made by another version of brokenseal ({version})")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
