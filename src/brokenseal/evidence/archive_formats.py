"""Recognising archives by their first bytes.

Only files whose name could be an archive's are looked into: a mounted drive holds hundreds of thousands of others, and
an office document or a program that happens to be a zip inside is no collection of logs.
"""

from __future__ import annotations

import zlib

from brokenseal.evidence.compressed import GZIP_DEFLATE, GZIP_MAGIC

HEAD_BYTES = 1024
ZIP = "zip"
GZIP = "gzip"
_UNPACK_FIRST = "is {what}, which is not read here: unpack it first and give the folder it was unpacked to"
_MOUNT_FIRST = "is {what}, which is not read here: mount it first and give the folder it is mounted at"
_TAR_MAGIC_OFFSET = 257
_TAR_MAGIC = b"ustar"
_COMPRESSED_SUFFIXES = ("zip", "gz", "gzip", "tgz", "tar", "7z", "rar", "bz2", "tbz", "tbz2", "xz", "txz", "zst", "cab")
_VOLUME_SUFFIXES = ("001", "z01", "e01", "ex01", "vhd", "vhdx", "vmdk", "qcow2")
_ARCHIVE_SUFFIXES = frozenset(_COMPRESSED_SUFFIXES + _VOLUME_SUFFIXES)
_READ_MAGICS = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (GZIP_MAGIC, GZIP),
)
_REFUSED_MAGICS = (
    (b"PK\x07\x08", _UNPACK_FIRST, "one part of a zip split over several files"),
    (b"7z\xbc\xaf\x27\x1c", _UNPACK_FIRST, "a 7z archive"),
    (b"Rar!\x1a\x07", _UNPACK_FIRST, "a rar archive"),
    (b"BZh", _UNPACK_FIRST, "bzip2 data"),
    (b"\xfd7zXZ\x00", _UNPACK_FIRST, "xz data"),
    (b"\x28\xb5\x2f\xfd", _UNPACK_FIRST, "zstandard data"),
    (b"MSCF", _UNPACK_FIRST, "a cabinet archive"),
    (b"EVF\x09\x0d\x0a\xff\x00", _MOUNT_FIRST, "an EnCase disk image"),
    (b"EVF2\x0d\x0a\x81", _MOUNT_FIRST, "an EnCase disk image"),
    (b"vhdxfile", _MOUNT_FIRST, "a virtual disk"),
    (b"conectix", _MOUNT_FIRST, "a virtual disk"),
    (b"KDMV", _MOUNT_FIRST, "a virtual disk"),
    (b"QFI\xfb", _MOUNT_FIRST, "a virtual disk"),
)


def may_be_archive(file_name: str) -> bool:
    """Whether the content of a file of this name (no folders in it) is looked at to see if it is an archive."""
    stem, dot, suffix = file_name.rpartition(".")
    return not dot or not stem or suffix.lower() in _ARCHIVE_SUFFIXES


def readable_format(head: bytes) -> str | None:
    """``ZIP`` or ``GZIP`` when the first bytes say so, else None."""
    return next((name for magic, name in _READ_MAGICS if head.startswith(magic)), None)


def refused_format(head: bytes) -> str | None:
    """The sentence why a file with these first bytes is refused, None when it is not.

    Looks through gzip for a tar or zip archive inside, which would otherwise be taken for one long log.
    """
    if head.startswith(GZIP_MAGIC):
        inside = _start_of_gzip(head)
        if _is_tar(inside):
            return _UNPACK_FIRST.format(what="a compressed tar archive")
        if inside.startswith(b"PK\x03\x04"):
            return _UNPACK_FIRST.format(what="a zip archive inside gzip data")
        return None
    if _is_tar(head):
        return _UNPACK_FIRST.format(what="a tar archive")
    return next((text.format(what=what) for magic, text, what in _REFUSED_MAGICS if head.startswith(magic)), None)


def _is_tar(head: bytes) -> bool:
    return head[_TAR_MAGIC_OFFSET : _TAR_MAGIC_OFFSET + len(_TAR_MAGIC)] == _TAR_MAGIC


def _start_of_gzip(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(GZIP_DEFLATE).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""
