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
from brokenseal.parsers.evtx_worker import ANSWER, FRAME, REQUEST

_WORKER = Path(evtx_worker.__file__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a chunk gave, result by result: the record's number; its text's length (bytes), negative where it is an error.

    ``text`` holds all texts one after the other. ``failure``: why there is nothing to be had from the chunk as a whole.
    """

    numbers: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]
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
        count, size = ANSWER.unpack_from(self._frame, self._at)
        begins = self._at + ANSWER.size
        texts = begins + (12 * count if count > 0 else 0)
        self._at = texts + size
        text = memoryview(self._frame)[texts : self._at]
        if count < 0:
            return _failed(bytes(text).decode("utf-8", "replace"))
        numbers = np.frombuffer(self._frame, np.uint64, count, begins)
        return Answer(numbers, np.frombuffer(self._frame, np.int32, count, begins + 8 * count), text)

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
        numbers, lengths = np.array(results.numbers, np.uint64), np.array(results.lengths, np.int32)
        return Answer(numbers, lengths, results.text)


def _failed(reason: str) -> Answer:
    return Answer(np.zeros(0, np.uint64), np.zeros(0, np.int32), b"", reason or "unknown")


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
