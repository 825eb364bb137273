"""The evidence by folders: a bounded list of folders that together hold every file, each with totals and one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from brokenseal.report.shape import EvidenceRecord

#: Rows of the list.
MOST_FOLDERS = 40
#: Folders with fewer files are not divided into rows.
FEWEST_DIVIDED = 12


@dataclass(slots=True)
class _Folder:
    name: str
    files: list[EvidenceRecord] = field(default_factory=list)
    folders: dict[str, _Folder] = field(default_factory=dict)

    def every(self) -> list[EvidenceRecord]:
        found, pending = [], [self]
        while pending:
            folder = pending.pop()
            found += folder.files
            pending += folder.folders.values()
        return found


@dataclass(frozen=True, slots=True)
class FolderTotal:
    """``name`` ends in ``/``, and is empty for files in no folder; ``direct``: folders in it have rows of their own.

    ``size`` in bytes. ``kinds`` by number of files. ``hashed``: files that ``sha256`` is made of, see :func:`list_hash`.
    """

    name: str
    direct: bool
    files: int
    size: int
    events: int
    kinds: Sequence[str]
    hashed: int
    sha256: str


def folder_totals(evidence: Iterable[EvidenceRecord], most: int = MOST_FOLDERS) -> list[FolderTotal]:
    """At most *most* rows by name; each file is in one of them. The folder with most files is divided first."""
    root = _Folder("")
    for one in evidence:
        folder = root
        for part in one["file"].replace("!/", "/").split("/")[:-1]:
            folder = folder.folders.setdefault(part, _Folder(f"{folder.name}{part}/"))
        folder.files.append(one)
    rows: list[tuple[_Folder, list[EvidenceRecord], bool]] = []
    open_: list[tuple[_Folder, list[EvidenceRecord]]] = [(root, root.every())]
    while open_:
        place = max(range(len(open_)), key=lambda at: (len(open_[at][1]), open_[at][0].name))
        folder, files = open_.pop(place)
        parts = [(child, child.every()) for child in folder.folders.values()]
        if not parts or len(files) < FEWEST_DIVIDED or len(rows) + len(open_) + len(parts) + bool(folder.files) > most:
            rows.append((folder, files, False))
            continue
        open_ += parts
        if folder.files:
            rows.append((folder, folder.files, True))
    return sorted((_total(*row) for row in rows), key=lambda row: (row.name, row.direct))


def _total(folder: _Folder, files: Sequence[EvidenceRecord], direct: bool) -> FolderTotal:
    kinds: dict[str, int] = {}
    for one in files:
        kinds[one["kind"]] = kinds.get(one["kind"], 0) + 1
    return FolderTotal(
        name=folder.name,
        direct=direct,
        files=len(files),
        size=sum(one["size"] or 0 for one in files),
        events=sum(one["events"] for one in files),
        kinds=sorted(kinds, key=lambda kind: (-kinds[kind], kind)),
        hashed=sum(one["sha256"] is not None for one in files),
        sha256=list_hash(files),
    )


def list_hash(files: Iterable[EvidenceRecord]) -> str:
    """SHA-256 of the lines that ``sha256sum`` prints for the files, in the order of their names' bytes."""
    digest = hashlib.sha256()
    pairs = [(one["file"].encode("utf-8", "surrogatepass"), one["sha256"]) for one in files]
    for name, sha256 in sorted((name, sha256) for name, sha256 in pairs if sha256 is not None):
        digest.update(sha256.encode("utf-8", "surrogatepass") + b"  " + name + b"\n")
    return digest.hexdigest()
