"""Decodes chunks of event logs in a process of their own (see ``evtx_worker``), one a thread that reads.

Besides that hostile content cannot end the scan, the decoder's work does not hold up the other threads: in this process it
would keep Python's lock all the time.
"""

from __future__ import annotations

import atexit
import io
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from brokenseal.parsers import evtx_worker
from brokenseal.parsers.evtx_cut import Cut
from brokenseal.parsers.evtx_worker import ANSWER, FRAME, REQUEST, Results

_WORKER = Path(evtx_worker.__file__)
#: What a pipe may hold, where that can be set: each turn of reading waits for Python's lock, which other threads have.
_PIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a chunk gave, result by result: the record's number; its text's length (bytes), negative where it is an error.

    ``text`` holds all texts one after the other, cut as ``cut`` says. ``failure``: why there is nothing to be had from the
    chunk as a whole.
    """

    numbers: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]
    cut: Cut
    text: bytes | memoryview
    failure: str = ""


class DecoderLost(Exception):
    """The process has ended: the questions not yet answered will not be."""


class Decoder(Protocol):
    """Takes images of chunks (64 KiB each) and gives an answer for each, in order. For one thread at a time."""

    def ask(self, images: Sequence[bytes | bytearray]) -> None:
        """Have *images* decoded; all answers to the request before must have been taken."""

    def answer(self) -> Answer:
        """The next answer. Raises DecoderLost; the next request then has a new process."""


class _Process:
    """A worker, which is started anew after it was lost."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._frame, self._at = bytearray(), 0
        self._start()

    def _start(self) -> None:
        self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
            # Isolated: no variable, folder or file of the user's changes what is run.
            [sys.executable, "-I", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._questions = cast(io.FileIO, self._process.stdin)
        self._answers = cast(io.FileIO, self._process.stdout)
        for pipe in (self._questions, self._answers):
            _widen(pipe)

    def ask(self, images: Sequence[bytes | bytearray]) -> None:
        if self._process is None:
            self._start()
        view = memoryview(b"".join((REQUEST.pack(len(images)), *images)))
        try:
            while view:
                view = view[self._questions.write(view) :]
        except OSError:
            pass  # it has ended, which the missing answer tells

    def answer(self) -> Answer:
        if self._at == len(self._frame):
            (size,) = FRAME.unpack(self._read(FRAME.size))
            self._frame, self._at = self._read(size), 0
        count, head_size, size = ANSWER.unpack_from(self._frame, self._at)
        self._at += ANSWER.size
        if count < 0:
            return _failed(bytes(self._taken(size)).decode("utf-8", "replace"))
        numbers = np.frombuffer(self._taken(8 * count), np.uint64)
        lengths, stamps, heads = np.frombuffer(self._taken(12 * count), np.int32).reshape(3, count)
        return Answer(numbers, lengths, Cut.of(stamps, heads, bytes(self._taken(head_size))), self._taken(size))

    def _taken(self, size: int) -> memoryview:
        self._at += size
        return memoryview(self._frame)[self._at - size : self._at]

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self._answers.readinto(view)
            if not count:
                self.end()
                raise DecoderLost
            view = view[count:]
        return data

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._questions.close()
            self._answers.close()
            self._process, self._frame, self._at = None, bytearray(), 0


def _widen(pipe: io.FileIO) -> None:
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        pass  # not on this system, or more than this user may have


class _Here:
    """Decodes in this process: where no other can be started."""

    def __init__(self) -> None:
        self._images: deque[bytes | bytearray] = deque()

    def ask(self, images: Sequence[bytes | bytearray]) -> None:
        self._images.extend(images)

    def answer(self) -> Answer:
        results = evtx_worker.decode(self._images.popleft())
        if isinstance(results, str):
            return _failed(results)
        return answer_of(results)


def answer_of(results: Results) -> Answer:
    """What was decoded here, as an answer."""
    lengths, stamps, heads = (np.array(part, np.int32) for part in (results.lengths, results.stamps, results.heads))
    return Answer(
        np.array(results.numbers, np.uint64), lengths, Cut.of(stamps, heads, results.head_texts), results.text
    )


def _failed(reason: str) -> Answer:
    return Answer(np.zeros(0, np.uint64), np.zeros(0, np.int32), Cut.none(0), b"", reason or "unknown")


_idle: list[_Process] = []
_lock = threading.Lock()


@contextmanager
def decoder() -> Iterator[Decoder]:
    """A decoder that waits for the first question. It is used again after an orderly end, and ended after any other."""
    borrowed = _take()
    try:
        yield borrowed
    except BaseException:
        if isinstance(borrowed, _Process):
            borrowed.end()
        raise
    if isinstance(borrowed, _Process):
        with _lock:
            _idle.append(borrowed)


def _take() -> Decoder:
    with _lock:
        while _idle:
            process = _idle.pop()
            # A copy of this process (fork) must not talk to the worker of the other one.
            if process.owner == os.getpid():
                return process
    if not sys.executable or getattr(sys, "frozen", False) or not _WORKER.is_file():
        return _Here()
    try:
        return _Process()
    except OSError:
        return _Here()


@atexit.register
def _end_all() -> None:
    with _lock:
        while _idle:
            process = _idle.pop()
            if process.owner == os.getpid():
                process.end()
