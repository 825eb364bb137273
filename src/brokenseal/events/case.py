"""The case directory: Parquet parts by table, a journal of what was read, the results.

    case.json            version of the layout
    journal.jsonl        one line for each finished task: the sources it read and the parts that hold their rows
    events/<kind>/       all events                      <part>.parquet
    candidates/<kind>/   events that some rule may match  <part>.parquet
    rejects/             rows that could not become events <part>.parquet
    results/             incident.json, matches.parquet (every event that a finding counts), key.json (their hashes),
                         custody.jsonl

A part counts only when the journal names it. A scan that is killed leaves parts the journal does not know; the next scan
removes them and reads those files again, so a half-read file is never shown as read.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from brokenseal.errors import CaseError
from brokenseal.events.sources import Source

LAYOUT = 2


class Case:
    """An open case; closing it releases the lock (and removes a temporary one)."""

    def __init__(self, directory: Path | None) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="brokenseal-", ignore_cleanup_errors=True)
            directory = Path(self._temporary.name)
        self.directory = directory
        self.sources: dict[str, Source] = {}
        self._parts: set[str] = set()
        self._dead: set[int] = set()
        self._highest = 0
        self._lock: IO[bytes] | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CaseError(f"cannot make the case directory {self.directory}: {error.strerror}") from error
        marker = self.directory / "case.json"
        if marker.exists():
            layout = _layout(marker)
            if layout != LAYOUT:
                raise CaseError(
                    f"{self.directory} was made by another version of brokenseal (layout {layout}); use a new one"
                )
        elif any(self.directory.iterdir()):
            raise CaseError(f"{self.directory} is not empty and is no brokenseal case; name a new directory")
        self._lock = _locked(self.directory / "lock")
        write_atomically(marker, json.dumps({"layout": LAYOUT}).encode() + b"\n")
        self._read_journal()
        self._remove_orphans()

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.jsonl"

    def part_path(self, table: str, kind: str, part: str) -> Path:
        folder = self.directory / table / kind if kind else self.directory / table
        return folder / f"{part}.parquet"

    def parts(self, table: str, kind: str) -> list[Path]:
        """Parquet files of a table that the journal names, sorted."""
        return sorted(self.directory / relative for relative in self._parts if relative.startswith(f"{table}/{kind}/"))

    def commit(self, sources: list[Source], parts: list[Path]) -> None:
        """Make the rows of finished tasks count: their parts are on disk before the journal names them."""
        relative = [part.relative_to(self.directory).as_posix() for part in parts]
        record = {"parts": relative, "sources": [source.to_json() for source in sources]}
        with self.journal_path.open("ab") as journal:
            journal.write(json.dumps(record, separators=(",", ":"), ensure_ascii=True).encode() + b"\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._parts.update(relative)
        self._take(sources)

    def next_id(self) -> int:
        return self._highest + 1

    def superseded(self) -> set[int]:
        """Ids of records whose file was read again later; their rows are still in parts and must not count."""
        return self._dead

    def _take(self, sources: list[Source]) -> None:
        for source in sources:
            self._highest = max(self._highest, source.id)
            before = self.sources.get(source.location)
            if before is not None:
                self._dead.add(before.id)
            self.sources[source.location] = source

    def _read_journal(self) -> None:
        if not self.journal_path.exists():
            return
        whole = 0
        try:
            lines = self.journal_path.read_bytes().splitlines(keepends=True)
        except OSError as error:
            raise CaseError(f"cannot read {self.journal_path}: {error.strerror}") from error
        for line in lines:
            try:
                record = json.loads(line) if line.endswith(b"\n") else None
                taken = [Source.from_json(source) for source in record["sources"]] if record else []
                parts = record["parts"] if record else []
            except (ValueError, KeyError, TypeError):
                record = None
            if record is None or not all((self.directory / part).is_file() for part in parts):
                break
            whole += len(line)
            self._parts.update(parts)
            self._take(taken)
        if whole < self.journal_path.stat().st_size:
            # The scan was killed while writing this line: what it named is read again.
            with self.journal_path.open("r+b") as journal:
                journal.truncate(whole)

    def _remove_orphans(self) -> None:
        for table in ("events", "candidates", "rejects"):
            for path in (self.directory / table).rglob("*.parquet*"):
                if path.relative_to(self.directory).as_posix() not in self._parts:
                    path.unlink()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _layout(marker: Path) -> object:
    try:
        found = json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError):
        return "unreadable"
    return found.get("layout") if isinstance(found, dict) else "unreadable"


def _locked(path: Path) -> IO[bytes]:
    """Hold the case for this process; the operating system lets go when the process ends, however it ends."""
    try:
        stream = path.open("ab")
    except OSError as error:
        raise CaseError(f"cannot write in the case directory {path.parent}: {error.strerror}") from error
    try:
        if sys.platform == "win32":
            import msvcrt  # exists on Windows only

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # exists on POSIX only

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        raise CaseError(f"{path.parent} is in use by another brokenseal scan") from error
    return stream
