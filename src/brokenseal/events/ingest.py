"""Bring evidence into the case: only what is new or changed, several files at a time, memory bounded.

Files are grouped into tasks (large ones alone, small ones together). A task is read by one thread and committed to the
journal when all its rows are on disk. pyarrow, hashing and the literal search release Python's lock, so threads suffice.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from brokenseal.events.case import Case
from brokenseal.events.parts import TaskParts
from brokenseal.events.reading import Prefilter, Stopped, read_file
from brokenseal.events.sources import Source
from brokenseal.events.web_file import FileJudge
from brokenseal.evidence import EvidenceFile
from brokenseal.parsers import Settings

#: Files are put together until a task holds so many bytes or files; a killed scan loses at most the tasks in hand.
TASK_BYTES = 24 << 20
TASK_FILES = 400
#: Each thread holds up to about 150 MiB; the disk and Python's lock leave little to gain from more.
MOST_THREADS = 4


def default_jobs() -> int:
    """Threads to use when nobody says: one a processor, at most :data:`MOST_THREADS`."""
    return min(os.cpu_count() or 1, MOST_THREADS)


class Progress(Protocol):
    """What a scan tells of its progress; every method may be called from any thread."""

    def start(self, total_bytes: int, files: int) -> None: ...

    def advance(self, bytes: int) -> None: ...  # noqa: A002 - the name users of the API see

    def file(self, name: str) -> None: ...

    def phase(self, text: str) -> None: ...

    def stop(self) -> None: ...


class NoProgress:
    """Tells nobody."""

    def start(self, total_bytes: int, files: int) -> None: ...

    def advance(self, bytes: int) -> None: ...  # noqa: A002

    def file(self, name: str) -> None: ...

    def phase(self, text: str) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Task:
    part: str
    work: tuple[tuple[EvidenceFile, Source], ...]


def ingest(
    case: Case,
    files: Sequence[EvidenceFile],
    settings: Settings,
    prefilter: Prefilter | None,
    *,
    judge: FileJudge | None = None,
    jobs: int,
    progress: Progress | None = None,
) -> None:
    """Read what the case does not yet know. Raises KeyboardInterrupt when interrupted; what was committed stays."""
    progress = progress or NoProgress()
    tasks = _tasks(case, files, settings, judge)
    progress.start(
        sum(max(file.size, 0) for task in tasks for file, _ in task.work), sum(len(task.work) for task in tasks)
    )
    # The pools of Arrow would multiply with ours: the parallelism here is over files.
    pa.set_cpu_count(1)
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="read") as pool:
        waiting = list(reversed(tasks))
        running: set[Future[tuple[list[Source], list[Path]]]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    running.add(pool.submit(_run, case, waiting.pop(), settings, prefilter, judge, progress, stop))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    case.commit(*future.result())
        except BaseException:
            stop.set()
            raise
    # What the blocks took is free again, but stays with the process until it is given back: the engine needs room next.
    pa.default_memory_pool().release_unused()


def _run(
    case: Case,
    task: _Task,
    settings: Settings,
    prefilter: Prefilter | None,
    judge: FileJudge | None,
    progress: Progress,
    stop: threading.Event,
) -> tuple[list[Source], list[Path]]:
    parts = TaskParts(case, task.part)

    def heartbeat(size: int) -> None:
        if stop.is_set():
            raise Stopped
        progress.advance(size)

    for file, source in task.work:
        progress.file(file.name)
        try:
            read_file(file, source, parts, settings, prefilter, judge, heartbeat)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - one file must never end the run; it is named and the exit code says so
            source.damage = f"internal error ({type(error).__name__}: {error}); please report it"
    return [source for _, source in task.work], parts.finish()


def unread_files(
    case: Case, files: Sequence[EvidenceFile], settings: Settings, judge: FileJudge | None = None
) -> list[EvidenceFile]:
    """The files that the case does not know as they are now, or knows as another judge saw them."""
    unread = []
    for file in files:
        known = case.sources.get(file.location)
        now = (_key(file, settings, judge), file.name, file.host_given)
        if known is None or (known.key, known.name, known.host_given) != now:
            unread.append(file)
    return unread


def _key(file: EvidenceFile, settings: Settings, judge: FileJudge | None) -> str:
    judged = judge is not None and judge.wants(file.windows_path or file.name)
    return f"{file.fingerprint}|{settings.iis_timezone}" + (f"|{judge.fingerprint}" if judge and judged else "")


def _tasks(case: Case, files: Sequence[EvidenceFile], settings: Settings, judge: FileJudge | None) -> list[_Task]:
    """New or changed files as tasks, largest first so that the threads end together."""
    fresh: list[tuple[EvidenceFile, Source]] = []
    number = case.next_id()
    for file in files:
        key = _key(file, settings, judge)
        known = case.sources.get(file.location)
        if known is not None and (known.key, known.name, known.host_given) == (key, file.name, file.host_given):
            continue
        source = Source(
            number, file.name, file.location, key, file.machine, file.windows_path, file.host_given, part=""
        )
        number += 1
        fresh.append((file, source))
    fresh.sort(key=lambda pair: (-pair[0].size, pair[0].name, pair[0].location))
    tasks: list[_Task] = []
    batch: list[tuple[EvidenceFile, Source]] = []
    size = 0
    for pair in fresh:
        if batch and (size + max(pair[0].size, 0) > TASK_BYTES or len(batch) >= TASK_FILES):
            tasks.append(_task(batch))
            batch, size = [], 0
        batch.append(pair)
        size += max(pair[0].size, 0)
    if batch:
        tasks.append(_task(batch))
    return tasks


def _task(batch: Sequence[tuple[EvidenceFile, Source]]) -> _Task:
    part = f"part-{batch[0][1].id:07d}"
    for _, source in batch:
        source.part = part
    return _Task(part, tuple(batch))
