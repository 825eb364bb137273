"""Reading an archive at any offset: in a file, in a part of a file, or in an unpacked temporary copy."""

from __future__ import annotations

import atexit
import errno
import io
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from brokenseal.errors import EvidenceError
from brokenseal.evidence.archive_limits import NESTED_IN_MEMORY_BYTES
from brokenseal.evidence.content import PIECE_BYTES, ContentStream, open_read_only, os_error_sentence

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_UNPACKED_COPIES_KEPT = 2


class RandomAccess(Protocol):
    """``size`` bytes of which any part can be read."""

    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``, fewer only at the end; raises ``OSError``."""

    def close(self) -> None: ...


class FileAccess:
    """A regular file; the descriptor is its own, so no other reader moves its position."""

    def __init__(self, path: str, name: str) -> None:
        self._file = io.FileIO(open_read_only(path, name), "r")
        self.size = os.fstat(self._file.fileno()).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length) or b""

    def close(self) -> None:
        self._file.close()


class WindowAccess:
    """The part of ``whole`` that starts at ``start``: an archive that is stored uncompressed inside another."""

    def __init__(self, whole: RandomAccess, start: int, size: int) -> None:
        self._whole = whole
        self._start = start
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        return self._whole.read_at(self._start + offset, max(0, min(length, self.size - offset)))

    def close(self) -> None:
        self._whole.close()


class _UnpackedCopy:
    """An archive's bytes in memory or a temporary file, shared by the streams that read from it."""

    def __init__(self, content: ContentStream) -> None:
        # Closed with the last reader, so no `with` can hold it. Unbuffered: closing a buffered file after a fork would
        # move the position that the parent process is reading at.
        self._file = tempfile.SpooledTemporaryFile(max_size=NESTED_IN_MEMORY_BYTES, buffering=0)  # noqa: SIM115
        self._lock = threading.Lock()
        self.readers = 0
        self.kept = True
        self.size = 0
        try:
            while piece := content.read(PIECE_BYTES):
                self._append(piece)
        except BaseException:
            self._file.close()
            raise

    def _append(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            written = self._file.write(rest)
            self.size += written
            rest = rest[written:]

    def read_at(self, offset: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(length)

    def close_if_unused(self) -> None:
        if not self.kept and not self.readers:
            self.close()

    def close(self) -> None:
        self._file.close()


_copies: OrderedDict[object, _UnpackedCopy] = OrderedDict()
_copies_lock = threading.RLock()


class UnpackedAccess:
    """One reader of the unpacked copy of an archive; the last two copies are kept, as members are read in order."""

    def __init__(self, key: object, open_content: Callable[[], ContentStream], name: str) -> None:
        with _copies_lock:
            copy = _copies.get(key)
            if copy is None:
                try:
                    with open_content() as content:
                        copy = _UnpackedCopy(content)
                except OSError as error:
                    raise EvidenceError(f"cannot be unpacked to be read: {error.strerror}", file=name) from error
                _copies[key] = copy
            _copies.move_to_end(key)
            copy.readers += 1
            _drop_copies(_UNPACKED_COPIES_KEPT)
        self._copy: _UnpackedCopy | None = copy
        self.size = copy.size

    def read_at(self, offset: int, length: int) -> bytes:
        if self._copy is None:
            raise ValueError("read of a closed archive")
        return self._copy.read_at(offset, length)

    def close(self) -> None:
        with _copies_lock:
            if self._copy is not None:
                self._copy.readers -= 1
                self._copy.close_if_unused()
                self._copy = None


def _drop_copies(keep: int) -> None:
    while len(_copies) > keep:
        _, copy = _copies.popitem(last=False)
        copy.kept = False
        copy.close_if_unused()


def forget_unpacked_copies() -> None:
    """Closes the temporary files that no stream is using any more."""
    with _copies_lock:
        _drop_copies(0)


def _after_fork() -> None:
    # A child shares the parent's file positions and may have inherited a held lock: it starts with its own copies.
    global _copies_lock  # noqa: PLW0603
    _copies_lock = threading.RLock()
    for copy in _copies.values():
        copy.close()
    _copies.clear()


atexit.register(forget_unpacked_copies)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class SeekableReader(io.RawIOBase):
    """A ``RandomAccess`` as the seekable file object that ``zipfile`` wants; it does not close the access."""

    def __init__(self, access: RandomAccess, name: str) -> None:
        super().__init__()
        self._access = access
        self._name = name
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._access.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        try:
            piece = self._access.read_at(self._position, len(view))
        except OSError as error:
            raise EvidenceError(os_error_sentence(error), file=self._name, offset=self._position) from error
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)
