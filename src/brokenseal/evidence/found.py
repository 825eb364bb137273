"""What lies at one path of the evidence: itself, or what is in it when it is an archive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from brokenseal.errors import EvidenceError
from brokenseal.evidence.archive_formats import HEAD_BYTES, ZIP, may_be_archive, readable_format, refused_format
from brokenseal.evidence.archive_limits import ArchiveLimits
from brokenseal.evidence.collected_names import joined
from brokenseal.evidence.modified import Modified
from brokenseal.evidence.opening import open_archive, open_content
from brokenseal.evidence.sources import FileSource, GzipSource, Source, ZipMember
from brokenseal.evidence.zip_directory import list_zip

_MAX_NESTING = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Content that can be read. ``segments`` is the path on disk relative to the input, then one path per archive."""

    segments: tuple[str, ...]
    source: Source
    size: int
    fingerprint: str
    modified: Modified


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that is not read, and why. ``nothing_lost``: it has no content that is not read anyway."""

    segments: tuple[str, ...]
    reason: str
    nothing_lost: bool = False


@dataclass(slots=True)
class _Archive:
    """What the members of one archive on disk add up to, nested ones included."""

    packed: int
    limits: ArchiveLimits
    unpacked: int = field(default=0)

    def growth_refused(self, unpacked: int) -> str | None:
        self.unpacked += unpacked
        return self.limits.growth_refused(self.unpacked, self.packed, self.limits.archive_bytes)


def look_into(
    path: str, segments: tuple[str, ...], status: os.stat_result, limits: ArchiveLimits
) -> Iterator[Found | Refused]:
    """The regular file at ``path`` (absolute), or the members of the archive that it is."""
    if not os.access(path, os.R_OK):
        yield Refused(segments, "cannot be read: permission denied")
        return
    source = FileSource(path)
    fingerprint = f"{status.st_size}:{status.st_mtime_ns}"
    archive = _Archive(status.st_size, limits)
    modified = Modified(status.st_mtime_ns // 1_000_000, zone_known=True)
    yield from _look_into(Found(segments, source, status.st_size, fingerprint, modified), source, archive)


def _look_into(found: Found, source: FileSource | ZipMember, archive: _Archive) -> Iterator[Found | Refused]:
    file_name = found.segments[-1].rpartition("/")[2]
    if not may_be_archive(file_name) or not found.size:
        yield found
        return
    try:
        head = _head(found, source)
    except EvidenceError as error:
        yield Refused(found.segments, error.reason)
        return
    reason = refused_format(head)
    content = readable_format(head)
    if reason is not None:
        yield Refused(found.segments, reason)
    elif content is None:
        yield found
    elif content == ZIP:
        yield from _look_into_zip(found, source, archive)
    else:
        yield Found(found.segments, GzipSource(source, archive.limits), -1, found.fingerprint, found.modified)


def _head(found: Found, source: Source) -> bytes:
    with open_content(source, joined(found.segments)) as content:
        return content.read(HEAD_BYTES)


def _look_into_zip(found: Found, source: FileSource | ZipMember, archive: _Archive) -> Iterator[Found | Refused]:
    nesting = len(found.segments) - 1
    if nesting > _MAX_NESTING:
        yield Refused(found.segments, "is a zip in a zip in a zip: unpack the outer one first and give the folder")
        return
    if nesting and found.size > archive.limits.nested_archive_bytes:
        yield Refused(
            found.segments,
            f"is a zip of more than {archive.limits.nested_archive_bytes} bytes in a zip: unpack the outer one first",
        )
        return
    name = joined(found.segments)
    try:
        access = open_archive(source, name)
        try:
            listing = list_zip(source, access, name, archive.limits)
        finally:
            access.close()
    except EvidenceError as error:
        yield Refused(found.segments, error.reason)
        return
    reason = archive.growth_refused(sum(listed.member.size for listed in listing.members))
    if reason is not None:
        yield Refused(found.segments, reason)
        return
    if not listing.members and not listing.refused:
        yield Refused(found.segments, "is an archive without any file in it", nothing_lost=True)
    yield from _refused_members(found, listing.refused, nothing_else=not listing.members)
    for listed in listing.members:
        member = listed.member
        inside = Found(
            (*found.segments, listed.path),
            member,
            member.size,
            f"{found.fingerprint}:{member.crc:08x}:{member.size}",
            listed.modified,
        )
        yield from _look_into(inside, member, archive)


def _refused_members(found: Found, refused: tuple[tuple[str, str], ...], *, nothing_else: bool) -> Iterator[Refused]:
    reasons = {reason for _, reason in refused}
    if nothing_else and len(refused) > 1 and len(reasons) == 1:
        # Ten thousand lines about one password would bury everything else.
        yield Refused(found.segments, f"each of its {len(refused)} members {reasons.pop()}")
        return
    for path, reason in refused:
        yield Refused((*found.segments, path), reason)
