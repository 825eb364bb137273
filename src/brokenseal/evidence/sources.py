"""Where the bytes of a piece of evidence are: a file, a member of a .zip (once nested at most), gzip data in either.

Sources are plain values that can be sent to another process; ``opening.open_content`` turns one into a stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.evidence.archive_limits import DEFAULT_LIMITS, ArchiveLimits

STORED = 0
DEFLATED = 8


@dataclass(frozen=True, slots=True)
class FileSource:
    """A regular file; ``path`` is absolute and may hold undecodable bytes as surrogates."""

    path: str


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One member of the zip at ``archive``, all numbers as its table of contents declares them (bytes)."""

    archive: FileSource | ZipMember
    header_offset: int
    packed_size: int
    size: int
    crc: int
    method: int


@dataclass(frozen=True, slots=True)
class GzipSource:
    """The gzip data in ``packed``, read under ``limits``."""

    packed: FileSource | ZipMember
    limits: ArchiveLimits = DEFAULT_LIMITS


Source = FileSource | ZipMember | GzipSource
