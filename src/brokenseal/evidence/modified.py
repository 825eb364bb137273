"""When a file was changed last, as its copy or its archive says.

References: PKWARE's ZIP format specification (APPNOTE), 4.5.5 (NTFS extra field, 0x000a); Info-ZIP's extra field 0x5455
("UT", extended timestamp); 4.4.6 (MS-DOS date and time, local time of who packed it).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_NTFS, _UT = 0x000A, 0x5455
_1601_TO_1970_MS = 11_644_473_600_000
#: NTFS times beyond this (year 2200) are damage.
_LATEST_MS = 7_258_118_400_000


@dataclass(frozen=True, slots=True)
class Modified:
    """``ms``: milliseconds since 1970. ``zone_known``: they are UTC; else local time of who packed the archive."""

    ms: int
    zone_known: bool


def modified_in_zip(extra: bytes, dos_time: Sequence[int]) -> Modified:
    """The time of a zip's member, from its extra fields in UTC, else from the local time that every member has."""
    for kind, data in _fields(extra):
        if kind == _UT and len(data) >= 5 and data[0] & 1:
            return Modified(struct.unpack_from("<i", data, 1)[0] * 1000, zone_known=True)
        if kind == _NTFS and len(data) >= 16 and data[4:8] == b"\x01\x00\x18\x00":
            ms = struct.unpack_from("<Q", data, 8)[0] // 10_000 - _1601_TO_1970_MS
            if 0 < ms < _LATEST_MS:
                return Modified(ms, zone_known=True)
    try:
        local = datetime(*dos_time[:6], tzinfo=UTC)  # type: ignore[arg-type, misc]
    except (ValueError, TypeError):
        local = datetime(1980, 1, 1, tzinfo=UTC)
    return Modified(int(local.timestamp() * 1000), zone_known=False)


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        yield kind, extra[at + 4 : at + 4 + size]
        at += 4 + size
