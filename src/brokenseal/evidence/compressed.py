"""Decoders of deflate and gzip that deliver every byte before the damage and stop at bombs.

References: RFC 1951 (deflate), RFC 1952 (gzip; several members may follow each other, zero bytes may pad the end).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from brokenseal.errors import EvidenceError
from brokenseal.evidence.archive_limits import ArchiveLimits
from brokenseal.evidence.content import PIECE_BYTES, ContentStream, DecodedStream

GZIP_MAGIC = b"\x1f\x8b"
RAW_DEFLATE = -zlib.MAX_WBITS
GZIP_DEFLATE = 16 + zlib.MAX_WBITS
_DAMAGED = "the compressed data is damaged here"


class Inflater:
    """One deflate stream, decoded in bounded pieces."""

    def __init__(self, window_bits: int) -> None:
        self._decoder = zlib.decompressobj(window_bits)
        self.damaged = False

    @property
    def finished(self) -> bool:
        return self._decoder.eof

    def decode(self, packed: bytes) -> tuple[bytes, bytes]:
        """(decoded bytes, bytes of ``packed`` not used yet); sets ``damaged`` when nothing can follow."""
        before = self._decoder.copy()
        try:
            decoded = self._decoder.decompress(packed, PIECE_BYTES)
        except zlib.error:
            self.damaged = True
            return _decode_up_to_damage(before, packed), b""
        if self._decoder.eof:
            return decoded, self._decoder.unused_data
        return decoded, self._decoder.unconsumed_tail

    def rest(self) -> bytes:
        """What is still held back when the input has ended early."""
        try:
            return self._decoder.flush()
        except zlib.error:
            self.damaged = True
            return b""


def _decode_up_to_damage(decoder: zlib._Decompress, packed: bytes) -> bytes:
    # zlib drops the output of the call that meets the damage; repeated byte by byte, only the bad byte's is lost.
    decoded = []
    try:
        for at in range(len(packed)):
            decoded.append(decoder.decompress(packed[at : at + 1]))
    except zlib.error:
        pass
    return b"".join(decoded)


def gunzip(packed: ContentStream, name: str, limits: ArchiveLimits) -> DecodedStream:
    """The uncompressed content of a gzip file; closing it closes ``packed``."""
    return DecodedStream(name, _gunzip_pieces(packed, name, limits), packed)


def _gunzip_pieces(packed: ContentStream, name: str, limits: ArchiveLimits) -> Iterator[bytes]:
    produced = consumed = members = 0
    rest = b""
    while True:
        rest = rest or _read_packed(packed, name, produced)
        if members:
            while rest and not (rest := rest.lstrip(b"\0")):
                rest = _read_packed(packed, name, produced)
            if not rest:
                return
            if rest[:1] != GZIP_MAGIC[:1]:
                raise EvidenceError("bytes that are not gzip follow the end of the data", file=name, offset=produced)
        inflater = Inflater(GZIP_DEFLATE)
        while not inflater.finished:
            rest = rest or _read_packed(packed, name, produced)
            if not rest:
                if held := inflater.rest():
                    produced += len(held)
                    yield held
                raise EvidenceError("the file ends before its compressed data does", file=name, offset=produced)
            before = len(rest)
            decoded, rest = inflater.decode(rest)
            consumed += before - len(rest)
            if decoded:
                refused = limits.growth_refused(produced + len(decoded), consumed, limits.member_bytes)
                if refused is not None:
                    raise EvidenceError(refused, file=name, offset=produced)
                produced += len(decoded)
                yield decoded
            if inflater.damaged:
                raise EvidenceError(_DAMAGED, file=name, offset=produced)
        members += 1


def _read_packed(packed: ContentStream, name: str, produced: int) -> bytes:
    try:
        return packed.read(PIECE_BYTES // 4)
    except EvidenceError as error:
        raise EvidenceError(error.reason, file=name, offset=produced) from error


def inflate(packed: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The content of raw deflate data given in pieces, ending where the deflate stream says that it ends."""
    inflater = Inflater(RAW_DEFLATE)
    produced = 0
    rest = b""
    while not inflater.finished:
        rest = rest or next(packed, b"")
        if not rest:
            if held := inflater.rest():
                produced += len(held)
                yield held
            raise EvidenceError("the compressed data ends too early", file=name, offset=produced)
        decoded, rest = inflater.decode(rest)
        if decoded:
            produced += len(decoded)
            yield decoded
        if inflater.damaged:
            raise EvidenceError(_DAMAGED, file=name, offset=produced)
