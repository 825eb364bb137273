"""Files of a server's web folders: what they hold, and the times that NTFS keeps of them.

Times are milliseconds since 1970 UTC. NTFS counts in steps of 100 nanoseconds: what lies below a millisecond is drawn from
the file's path, so that the written file and every listing of it agree.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_STEPS = 10_000  # of 100 ns in a millisecond
ARCHIVE, HIDDEN = ("Archive",), ("Hidden", "System", "Archive")


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file as the server's file system has it; ``path`` is the Windows path with its drive.

    ``created`` and ``modified`` are those of $STANDARD_INFORMATION, which programs may set; ``recorded`` is when the file
    came, as $FILE_NAME has it, where that differs. ``whole`` times have no part of a second. Not ``present``: deleted
    before the collection. ``listed_size`` is the size of what was not collected and is in listings only (without
    ``data``). ``honest``: nothing of an attack.
    """

    path: str
    data: bytes
    created: int
    modified: int
    attributes: tuple[str, ...] = ARCHIVE
    recorded: int | None = None
    changed: int | None = None
    whole: bool = False
    present: bool = True
    listed_size: int | None = None
    honest: bool = True

    @property
    def folder(self) -> str:
        return self.path.rpartition("\\")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("\\")[2]

    @property
    def size(self) -> int:
        return len(self.data) if self.listed_size is None else self.listed_size

    def steps(self, ms: int) -> int:
        """One of the file's own times, in steps of 100 nanoseconds since 1970."""
        return ms // 1000 * 1000 * _STEPS if self.whole else exact(ms, self.path)


def exact(ms: int, path: str) -> int:
    """A time in steps of 100 nanoseconds; the part below a millisecond hangs on the path."""
    return ms * _STEPS + zlib.crc32(path.lower().encode()) % _STEPS


def write_files(root: Path, server: str, files: Iterable[WebFile]) -> int:
    """Write the files that were collected below ``<root>/<server>``, with their time; how many of them are honest."""
    honest = 0
    for file in files:
        if not file.present or file.listed_size is not None:
            continue
        target = root / server / collected_name(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        # Windows cannot set a time before 1970.
        modified = max(file.steps(file.modified), 0) * 100
        os.utime(target, ns=(modified, modified))
        honest += file.honest
    return honest


def collected_name(path: str) -> str:
    """Where a file of the server's disk lies in a collection: ``C:\\inetpub`` is ``C/inetpub``."""
    drive, _, rest = path.partition(":\\")
    return f"{drive}/{rest.replace(chr(92), '/')}"
