"""Walking a folder of evidence without leaving it: no link, junction, device, pipe or socket is followed or opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from brokenseal.evidence.content import os_error_sentence
from brokenseal.evidence.found import Refused

# Set in the tag of a Windows reparse point that stands for another place: links, junctions, mounted volumes.
_STANDS_FOR_ANOTHER_NAME = 0x20000000
_REPARSE_POINT = 0x400
_SPECIAL = {
    stat.S_IFIFO: "is a named pipe; it is not opened",
    stat.S_IFSOCK: "is a socket; it is not opened",
    stat.S_IFCHR: "is a device; it is not opened",
    stat.S_IFBLK: "is a device; it is not opened",
}


@dataclass(frozen=True, slots=True)
class RegularFile:
    """A file below the walked folder; ``relative`` has '/' separators."""

    path: str
    relative: str
    status: os.stat_result


def walk(root: str, inside: tuple[str, ...]) -> Iterator[RegularFile | Refused]:
    """Everything below the folder ``root`` (absolute, links resolved), folder by folder, names in order.

    ``inside`` holds the roots of the whole inventory: a link to a file in one of them is harmless, as that is read
    anyway.
    """
    pending = [(root, "")]
    while pending:
        folder, relative = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Refused((relative,), f"folder {os_error_sentence(error)}")
            continue
        below: list[tuple[str, str]] = []
        for entry in entries:
            name = f"{relative}/{entry.name}" if relative else entry.name
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                yield Refused((name,), os_error_sentence(error))
                continue
            if is_link(status):
                yield refused_link(entry.path, name, inside)
            elif stat.S_ISDIR(status.st_mode):
                below.append((entry.path, name))
            elif stat.S_ISREG(status.st_mode):
                yield RegularFile(entry.path, name, status)
            else:
                yield Refused((name,), special_file_sentence(status))
        pending.extend(reversed(below))


def is_link(status: os.stat_result) -> bool:
    """Whether an ``lstat`` result is that of a symbolic link or, on Windows, a junction or mounted volume."""
    if stat.S_ISLNK(status.st_mode):
        return True
    attributes: int = getattr(status, "st_file_attributes", 0)
    tag: int = getattr(status, "st_reparse_tag", 0)
    return bool(attributes & _REPARSE_POINT and tag & _STANDS_FOR_ANOTHER_NAME)


def special_file_sentence(status: os.stat_result) -> str:
    """Why a file that is neither regular nor a folder is refused."""
    return _SPECIAL.get(stat.S_IFMT(status.st_mode), "is not a regular file; it is not opened")


def is_inside(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or below it; both absolute and free of links, compared as the platform does."""
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def refused_link(path: str, name: str, inside: tuple[str, ...]) -> Refused:
    """Why the link at ``path`` is not followed. A target outside the evidence is not even looked at."""
    try:
        target = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    except (OSError, ValueError):
        return Refused((name,), "is a link that cannot be read; it is not followed")
    if not any(is_inside(target, root) for root in inside):
        return Refused((name,), "is a link that leaves the evidence; it is not followed")
    try:
        target = os.path.realpath(target, strict=True)
    except FileNotFoundError:
        return Refused((name,), "is a link to something that is not there")
    except OSError:
        return Refused((name,), "is a link that cannot be resolved (it may lead back to itself)")
    if not any(is_inside(target, root) for root in inside):
        return Refused((name,), "is a link that leaves the evidence; it is not followed")
    what = "folder" if os.path.isdir(target) else "file"
    return Refused((name,), f"is a link to a {what} of the evidence that is read anyway", nothing_lost=True)
