"""Read-only streams of a piece of evidence's bytes.

A stream delivers everything that comes before a point of damage and only then raises ``EvidenceError``; Python's own
buffered readers lose the bytes that were read together with the failing ones.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import Protocol

from brokenseal.errors import EvidenceError

PIECE_BYTES = 256 * 1024
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOINHERIT", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_NO_ACCESS_TIME: int = getattr(os, "O_NOATIME", 0)


def os_error_sentence(error: OSError) -> str:
    """A sentence for a refused system call that reads the same on every platform for the usual causes."""
    if isinstance(error, PermissionError):
        return "cannot be read: permission denied"
    if isinstance(error, FileNotFoundError):
        return "is no longer there"
    if error.errno == errno.ELOOP:
        return "is a link; links are not followed"
    return f"cannot be read: {error.strerror or type(error).__name__}"


def open_read_only(path: str, name: str) -> int:
    """A file descriptor of the regular file at ``path``; no link is followed, and no pipe or device can block it.

    Raises ``EvidenceError`` (with ``name``) when it is not a regular file or cannot be opened.
    """
    try:
        try:
            descriptor = os.open(path, _OPEN_FLAGS | _NO_ACCESS_TIME)
        except PermissionError:
            # Only a file's owner may ask that its access time stays as it is.
            descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise EvidenceError(os_error_sentence(error), file=name) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise EvidenceError("is not a regular file", file=name)
    except OSError as error:
        os.close(descriptor)
        raise EvidenceError(os_error_sentence(error), file=name) from error
    except EvidenceError:
        os.close(descriptor)
        raise
    return descriptor


class ContentStream(io.BufferedIOBase):
    """Bytes of one piece of evidence, read once from start to end.

    ``read(n)`` gives exactly ``n`` bytes except at the end and before damage. At damage, the bytes before it are
    delivered first and every later call raises ``EvidenceError`` whose ``offset`` is the number of uncompressed bytes
    before the damage. ``read()`` without a size cannot do both and raises: read in pieces.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.mode = "rb"
        self._ready = b""
        self._taken = 0
        self._delivered = 0
        self._ended = False
        self._failure: EvidenceError | None = None

    def _next_piece(self, wanted: int) -> bytes:
        """The next bytes of the content, about ``wanted`` of them, b'' at its end; raises ``EvidenceError``."""
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        """Bytes delivered so far."""
        return self._delivered

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(PIECE_BYTES), b""))
        piece = self._take(size, may_raise=True)
        if len(piece) == size or not piece:
            return piece
        pieces = [piece]
        missing = size - len(piece)
        while missing and (piece := self._take(missing, may_raise=False)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        return self._take(size if size >= 0 else PIECE_BYTES, may_raise=True)

    def peek(self, _size: int = 0, /) -> bytes:
        """Bytes that the next read will give, without taking them: at least one, except at the end."""
        self._fill(1, may_raise=True)
        return self._ready[self._taken :]

    def _take(self, size: int, *, may_raise: bool) -> bytes:
        if size:
            self._fill(size, may_raise=may_raise)
        piece = self._ready[self._taken : self._taken + size]
        self._taken += len(piece)
        self._delivered += len(piece)
        if self._taken == len(self._ready):
            self._ready, self._taken = b"", 0
        return piece

    def _fill(self, wanted: int, *, may_raise: bool) -> None:
        if self.closed:
            raise ValueError("read of a closed stream")
        if self._ready:
            return
        if not self._ended:
            try:
                self._ready = self._next_piece(max(wanted, PIECE_BYTES))
            except EvidenceError as failure:
                self._failure = failure
            self._ended = not self._ready
        if self._failure is not None and not self._ready and may_raise:
            raise self._failure


class FileStream(ContentStream):
    """A regular file as it is; ``fileno()`` gives its read-only descriptor."""

    def __init__(self, path: str, name: str) -> None:
        super().__init__(name)
        self._file = io.FileIO(open_read_only(path, name), "r")

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _next_piece(self, wanted: int) -> bytes:
        try:
            return self._file.read(wanted) or b""
        except OSError as error:
            raise EvidenceError(os_error_sentence(error), file=self.name, offset=self._delivered) from error


class Closable(Protocol):
    """Anything that holds an open file."""

    def close(self) -> None: ...


class DecodedStream(ContentStream):
    """Bytes that a decoder makes out of other bytes; ``opened`` is what it reads from and is closed with the stream."""

    def __init__(self, name: str, pieces: Iterator[bytes], opened: Closable) -> None:
        super().__init__(name)
        self._pieces = pieces
        self._opened = opened

    def close(self) -> None:
        if not self.closed:
            self._opened.close()
        super().close()

    def _next_piece(self, _wanted: int) -> bytes:
        return next(self._pieces, b"")
