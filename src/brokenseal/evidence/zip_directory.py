"""A zip's table of contents, and which of its members may be read.

Nothing is ever unpacked under a member's name; unsafe names are refused all the same, because a name that climbs out of
its archive would be printed as evidence of a place it does not come from.

References: PKWARE's ZIP format specification (APPNOTE); David Fifield, "A better zip bomb" (2019) on overlaps.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
from dataclasses import dataclass

from brokenseal.errors import EvidenceError
from brokenseal.evidence.archive_limits import ArchiveLimits
from brokenseal.evidence.modified import Modified, modified_in_zip
from brokenseal.evidence.random_access import RandomAccess, SeekableReader
from brokenseal.evidence.sources import DEFLATED, STORED, FileSource, ZipMember

_END_RECORD = struct.Struct("<4s8xLL")
_END_RECORD_BYTES = 22
_ZIP64_LOCATOR = struct.Struct("<4s4xQ4x")
_ZIP64_RECORD = struct.Struct("<4s36xQ")
_ZIP64_RECORD_BYTES = 56
_UNKNOWN_UNTIL_ZIP64 = 0xFFFFFFFF
_MAX_COMMENT_BYTES = 0xFFFF
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DEFLATE64 = 9
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member that may be read; ``path`` has '/' separators and no '.', '..' or empty parts.

    ``modified``: when its content was changed last, as the archive says.
    """

    path: str
    member: ZipMember
    modified: Modified


@dataclass(frozen=True, slots=True)
class ZipListing:
    """Members in the order of the table of contents, and (path, reason) of those refused."""

    members: tuple[ListedMember, ...]
    refused: tuple[tuple[str, str], ...]


def list_zip(archive: FileSource | ZipMember, access: RandomAccess, name: str, limits: ArchiveLimits) -> ZipListing:
    """Lists the zip at ``archive``, whose bytes are ``access``. Raises ``EvidenceError`` when it is refused whole."""
    raw: io.RawIOBase = SeekableReader(access, name)
    reader = io.BufferedReader(raw)
    try:
        _check_directory_size(reader, access.size, name, limits)
        with zipfile.ZipFile(reader) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OverflowError, NotImplementedError) as error:
        raise EvidenceError("is a damaged zip: its table of contents cannot be read", file=name) from error
    _check_overlaps(infos, name)
    members: list[ListedMember] = []
    refused: list[tuple[str, str]] = []
    for info in infos:
        path = info.orig_filename.replace("\\", "/")
        if path.endswith("/"):
            continue
        reason = _refusal(info, path, limits)
        if reason is not None:
            refused.append((path, reason))
            continue
        parts = [part for part in path.split("/") if part not in ("", ".")]
        members.append(
            ListedMember(
                path="/".join(parts),
                member=ZipMember(
                    archive=archive,
                    header_offset=info.header_offset,
                    packed_size=info.compress_size,
                    size=info.file_size,
                    crc=info.CRC,
                    method=info.compress_type,
                ),
                modified=modified_in_zip(info.extra, info.date_time),
            )
        )
    return ZipListing(tuple(members), tuple(refused))


def _check_directory_size(reader: io.BufferedIOBase, size: int, name: str, limits: ArchiveLimits) -> None:
    # zipfile loads the whole table at once, so its size is looked up before.
    tail_start = max(0, size - _END_RECORD_BYTES - _MAX_COMMENT_BYTES)
    reader.seek(tail_start)
    tail = reader.read(size - tail_start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END_RECORD_BYTES > len(tail):
        raise EvidenceError("is a damaged zip: it has no table of contents (it may be cut short)", file=name)
    _, directory_bytes, _ = _END_RECORD.unpack_from(tail, at)
    if directory_bytes == _UNKNOWN_UNTIL_ZIP64:
        directory_bytes = 0
    largest = max(directory_bytes, *_zip64_directory_sizes(reader, tail_start + at - _ZIP64_LOCATOR.size))
    if largest > limits.directory_bytes:
        raise EvidenceError(
            f"has a table of contents of more than {limits.directory_bytes} bytes: unpack it first and give the folder",
            file=name,
        )


def _zip64_directory_sizes(reader: io.BufferedIOBase, locator_start: int) -> tuple[int, int]:
    # Versions of zipfile differ in where they look for the zip64 record: as located, or directly before its locator.
    if locator_start < _ZIP64_RECORD_BYTES:
        return 0, 0
    reader.seek(locator_start)
    signature, located = _ZIP64_LOCATOR.unpack(reader.read(_ZIP64_LOCATOR.size))
    if signature != b"PK\x06\x07":
        return 0, 0
    sizes = [0, 0]
    for which, start in enumerate((located, locator_start - _ZIP64_RECORD_BYTES)):
        reader.seek(min(start, locator_start))
        record = reader.read(_ZIP64_RECORD.size)
        if len(record) == _ZIP64_RECORD.size and record.startswith(b"PK\x06\x06"):
            sizes[which] = int(_ZIP64_RECORD.unpack(record)[1])
    return sizes[0], sizes[1]


def _check_overlaps(infos: list[zipfile.ZipInfo], name: str) -> None:
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise EvidenceError(
                "has members that share the same bytes: treated as an archive bomb and not read", file=name
            )
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size


def _refusal(info: zipfile.ZipInfo, path: str, limits: ArchiveLimits) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    reason = _unsafe_name(path)
    if reason is not None:
        return reason
    if kind == stat.S_IFLNK:
        return "is a link inside an archive; links are not followed"
    if kind not in (0, stat.S_IFREG):
        return "is not a regular file"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted: unpack the archive with its password first and give the folder it was unpacked to"
    if info.compress_type == _DEFLATE64:
        return "is compressed with Deflate64, which is not read here: unpack the archive first"
    if info.compress_type not in (STORED, DEFLATED):
        return f"is compressed with method {info.compress_type}, which is not read here: unpack the archive first"
    if info.compress_type == STORED and info.compress_size != info.file_size:
        return "declares two different sizes for the same bytes"
    return limits.growth_refused(info.file_size, info.compress_size, limits.member_bytes)


def _unsafe_name(path: str) -> str | None:
    if "\0" in path:
        return "has a zero byte in its name"
    parts = path.split("/")
    if path.startswith("/"):
        return "has an absolute path as its name"
    if ".." in parts:
        return "has a name that climbs out of the archive ('..')"
    if not any(part not in ("", ".") for part in parts):
        return "has no name"
    # 'C:/inetpub/…' is how a copied drive is named; 'C:x' means another place, relative to a drive's current folder.
    if _DRIVE.match(parts[0]) and len(parts[0]) > len("C:"):
        return "has a name that is relative to a drive"
    return None
