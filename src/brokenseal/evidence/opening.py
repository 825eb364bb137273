"""Opening a source: the stream of its uncompressed bytes.

References: PKWARE's ZIP format specification (APPNOTE), 4.3.7 for the header in front of each member's data.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator

from brokenseal.errors import EvidenceError
from brokenseal.evidence.compressed import gunzip, inflate
from brokenseal.evidence.content import PIECE_BYTES, ContentStream, DecodedStream, FileStream, os_error_sentence
from brokenseal.evidence.random_access import FileAccess, RandomAccess, UnpackedAccess, WindowAccess
from brokenseal.evidence.sources import DEFLATED, STORED, FileSource, GzipSource, Source, ZipMember

_MEMBER_HEADER = struct.Struct("<4s22xHH")
_MEMBER_SIGNATURE = b"PK\x03\x04"


def open_content(source: Source, name: str) -> ContentStream:
    """The uncompressed bytes of ``source``; ``name`` is what errors call it. Raises ``EvidenceError``."""
    if isinstance(source, FileSource):
        return FileStream(source.path, name)
    if isinstance(source, GzipSource):
        return gunzip(open_content(source.packed, name), name, source.limits)
    return _open_member(source, name)


def open_archive(source: FileSource | ZipMember, name: str) -> RandomAccess:
    """The bytes of a zip at any offset; a compressed nested one is unpacked first. Raises ``EvidenceError``."""
    if isinstance(source, FileSource):
        return FileAccess(source.path, name)
    if source.method != STORED:
        return UnpackedAccess(_copy_key(source, name), lambda: _open_member(source, name), name)
    outer = open_archive(source.archive, name)
    try:
        return WindowAccess(outer, _data_offset(outer, source, name), source.size)
    except BaseException:
        outer.close()
        raise


def _copy_key(member: ZipMember, name: str) -> tuple[ZipMember, int, int]:
    file = member.archive
    while isinstance(file, ZipMember):
        file = file.archive
    try:
        status = os.lstat(file.path)
    except OSError as error:
        raise EvidenceError(os_error_sentence(error), file=name) from error
    return member, status.st_size, status.st_mtime_ns


def _open_member(member: ZipMember, name: str) -> ContentStream:
    archive = open_archive(member.archive, name)
    try:
        start = _data_offset(archive, member, name)
    except BaseException:
        archive.close()
        raise
    return DecodedStream(name, _verified(_member_pieces(archive, start, member, name), member, name), archive)


def _data_offset(archive: RandomAccess, member: ZipMember, name: str) -> int:
    try:
        header = archive.read_at(member.header_offset, _MEMBER_HEADER.size)
    except OSError as error:
        raise EvidenceError(os_error_sentence(error), file=name) from error
    if len(header) < _MEMBER_HEADER.size or header[:4] != _MEMBER_SIGNATURE:
        raise EvidenceError("the archive is damaged: the member is not where its table of contents says", file=name)
    _, name_length, extra_length = _MEMBER_HEADER.unpack(header)
    return member.header_offset + _MEMBER_HEADER.size + int(name_length) + int(extra_length)


def _member_pieces(archive: RandomAccess, start: int, member: ZipMember, name: str) -> Iterator[bytes]:
    packed = _packed_pieces(archive, start, member.packed_size)
    if member.method == STORED:
        return packed
    if member.method == DEFLATED:
        return inflate(packed, name)
    raise EvidenceError(f"compression method {member.method} is not supported", file=name)


def _packed_pieces(archive: RandomAccess, start: int, length: int) -> Iterator[bytes]:
    end = start + length
    while start < end:
        piece = archive.read_at(start, min(PIECE_BYTES, end - start))
        if not piece:
            return
        start += len(piece)
        yield piece


def _verified(pieces: Iterator[bytes], member: ZipMember, name: str) -> Iterator[bytes]:
    # The declared size was checked against the limits, so it is also the point where a lying archive is stopped.
    produced = crc = 0
    try:
        for piece in pieces:
            allowed = piece[: member.size - produced]
            produced += len(allowed)
            crc = zlib.crc32(allowed, crc)
            if allowed:
                yield allowed
            if len(allowed) < len(piece):
                raise EvidenceError(
                    f"holds more than the {member.size} bytes that its header declares", file=name, offset=produced
                )
    except OSError as error:
        raise EvidenceError(os_error_sentence(error), file=name, offset=produced) from error
    if produced < member.size:
        raise EvidenceError(f"ends before the {member.size} bytes that its header declares", file=name, offset=produced)
    if crc != member.crc:
        raise EvidenceError(
            "does not match its checksum: a byte before this point is wrong", file=name, offset=produced
        )
