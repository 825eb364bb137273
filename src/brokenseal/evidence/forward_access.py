"""Reading places of one piece of evidence in ascending order: a plain file is sought in, anything else read on.

Between two places of compressed content nothing is kept, so that memory holds no more than the longest place read.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from brokenseal.errors import EvidenceError
from brokenseal.evidence.content import PIECE_BYTES, ContentStream, os_error_sentence
from brokenseal.evidence.opening import open_content
from brokenseal.evidence.random_access import FileAccess
from brokenseal.evidence.sources import FileSource, Source


class ForwardAccess:
    """The uncompressed bytes of ``source``, read-only; ``name`` is what errors call it. Raises ``EvidenceError``."""

    def __init__(self, source: Source, name: str) -> None:
        self._name = name
        self._file: FileAccess | None = None
        self._stream: ContentStream | None = None
        if isinstance(source, FileSource):
            self._file = FileAccess(source.path, name)
        else:
            self._stream = open_content(source, name)
        #: Bytes of the stream from ``_start`` on that were read ahead.
        self._ahead = b""
        self._start = 0
        self._damage: EvidenceError | None = None

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``, fewer only at the end or where damage begins.

        ``offset`` must not lie before that of the last call. Raises ``EvidenceError`` where nothing can be read.
        """
        if self._file is not None:
            try:
                return self._file.read_at(offset, length)
            except OSError as error:
                raise EvidenceError(os_error_sentence(error), file=self._name, offset=offset) from error
        if offset < self._start:
            raise ValueError("compressed content is read in ascending order")
        self._go_to(offset)
        pieces = [self._ahead]
        size = len(self._ahead)
        while size < length and (piece := self._next()):
            pieces.append(piece)
            size += len(piece)
        self._ahead = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if not self._ahead and self._damage is not None:
            raise self._damage
        return self._ahead[:length]

    def _go_to(self, offset: int) -> None:
        while offset > self._start + len(self._ahead):
            self._start += len(self._ahead)
            self._ahead = self._next()
            if not self._ahead:
                return
        self._ahead = self._ahead[offset - self._start :]
        self._start = offset

    def _next(self) -> bytes:
        if self._stream is None or self._damage is not None:
            return b""
        try:
            return self._stream.read(PIECE_BYTES)
        except EvidenceError as error:
            self._damage = error
            return b""

    def close(self) -> None:
        for opened in (self._file, self._stream):
            if opened is not None:
                opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
