"""How much an archive may grow to before it counts as a bomb.

Exchange protocol logs compress 10 to 50 times, IIS logs up to about 100 times; the deflate format cannot exceed 1032.
The ratio alone is no sign for small files (a file of blanks is no attack), so it only counts above a floor.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
GIB = 1024 * MIB
TIB = 1024 * GIB

MAX_RATIO = 1000
"""Uncompressed bytes per stored byte, of one member and of one archive with everything nested in it."""
RATIO_FLOOR_BYTES = 64 * MIB
"""Output up to this size is never called a bomb, whatever its ratio."""
MAX_MEMBER_BYTES = 64 * GIB
"""Uncompressed size of one member of a .zip, or of one .gz file."""
MAX_ARCHIVE_BYTES = 1 * TIB
"""Uncompressed size of all members of one archive on disk, nested archives included."""
MAX_NESTED_ARCHIVE_BYTES = 4 * GIB
"""Size of a .zip inside a .zip: it has to be unpacked to a temporary file to be read."""
MAX_DIRECTORY_BYTES = 32 * MIB
"""Size of a .zip's table of contents, which is held in memory: about 200,000 members."""
NESTED_IN_MEMORY_BYTES = 8 * MIB
"""A nested archive up to this size is unpacked in memory instead of a temporary file."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """The limits of one run, all in bytes except ``ratio``; the defaults are the constants of this module."""

    ratio: int = MAX_RATIO
    ratio_floor_bytes: int = RATIO_FLOOR_BYTES
    member_bytes: int = MAX_MEMBER_BYTES
    archive_bytes: int = MAX_ARCHIVE_BYTES
    nested_archive_bytes: int = MAX_NESTED_ARCHIVE_BYTES
    directory_bytes: int = MAX_DIRECTORY_BYTES

    def growth_refused(self, unpacked: int, packed: int, ceiling: int) -> str | None:
        """The sentence why ``unpacked`` bytes out of ``packed`` bytes are too much, None when they are not.

        ``ceiling`` is ``member_bytes`` or ``archive_bytes``, whichever is being asked about.
        """
        if unpacked > ceiling:
            return f"unpacks to more than {ceiling} bytes: treated as an archive bomb and not read"
        if unpacked > self.ratio_floor_bytes and unpacked > self.ratio * max(packed, 1):
            return (
                f"unpacks to more than {self.ratio} times its size and more than {self.ratio_floor_bytes} bytes: "
                "treated as an archive bomb and not read"
            )
        return None


DEFAULT_LIMITS = ArchiveLimits()
