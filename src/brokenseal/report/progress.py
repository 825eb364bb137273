"""How far a scan is, on the terminal while it runs: bytes done, bytes a second, time left, the file being read."""

from __future__ import annotations

import sys
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from brokenseal.report.text import plain

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

_NAME_LIMIT = 200
_TASK: TaskID = 0  # type: ignore[assignment]  # Rich numbers the tasks of a Progress from 0, and each has one


class ScanProgress:
    """A line on ``stream`` (standard error by default) if that is a terminal; if not, every call does nothing.

    While files are read it is a bar with bytes; afterwards :meth:`phase` says what is being done, and for how long. All
    methods may be called from any thread and in any order. As a context manager it stops itself, so that an exception
    leaves no half-drawn line and no hidden cursor behind.
    """

    def __init__(self, stream: TextIO | None = None, *, shown: bool | None = None, color: bool = True) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty() if shown is None else shown
        self._color = color
        self._lock = RLock()
        self._progress: Progress | None = None

    def start(self, total_bytes: int, files: int) -> None:
        """Begin to show reading; ``total_bytes`` is the content of all ``files``, as far as it is known beforehand."""
        if not self._shown:
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        rest_of_line = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._show(
            "Reading",
            max(total_bytes, 0) or None,
            f"{files:,} files",
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[name]}", markup=False, table_column=rest_of_line),
        )

    def advance(self, bytes: int) -> None:  # noqa: A002 - the name of events.Progress
        """``bytes`` more of content have been read."""
        progress = self._progress
        if progress is not None:
            progress.advance(_TASK, bytes)

    def file(self, name: str) -> None:
        """Reading has come to the file ``name``, of whose path there is room for the last part."""
        progress = self._progress
        if progress is not None:
            progress.update(_TASK, name=plain(name.rsplit("/", 1)[-1], _NAME_LIMIT))

    def phase(self, text: str) -> None:
        """Reading is over; ``text`` says what is being done now."""
        if not self._shown:
            return
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        words = plain(text, _NAME_LIMIT)
        self._show(
            words[:1].upper() + words[1:],
            None,
            "",
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )

    def stop(self) -> None:
        """Take the line away."""
        with self._lock:
            progress, self._progress = self._progress, None
            if progress is not None:
                progress.stop()

    def __enter__(self) -> ScanProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _show(self, description: str, total: int | None, name: str, *columns: ProgressColumn) -> None:
        """Put a line with these columns in the place of the one that is shown."""
        from rich.console import Console
        from rich.progress import Progress

        console = Console(
            file=self._stream, force_terminal=True, no_color=not self._color, highlight=False, markup=False, emoji=False
        )
        progress = Progress(
            *columns, console=console, transient=True, expand=True, redirect_stdout=False, redirect_stderr=False
        )
        progress.add_task(description, total=total, name=name)
        with self._lock:
            self.stop()
            self._progress = progress
            progress.start()
