"""From what a program wrote about files to columns of the table, the same for CSV and for JSON.

Each program has its own names for the same thing; they are compared without case, spaces and signs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.cells import to_cell
from brokenseal.parsers.columns import EMPTY_TEXT, NULL_TEXT, Cell
from brokenseal.parsers.decoding import Mask
from brokenseal.parsers.file_listing import (
    each_distinct,
    flag,
    hashes,
    joined_path,
    letters,
    truths,
    whole_seconds,
    windows_path,
    with_folders,
)
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.web_paths import below, kept, last_parts, scripts

Columns = dict[str, pa.ChunkedArray]

#: What a listing may say of a file → names for it, the best first.
NAMES: dict[str, tuple[str, ...]] = {
    "path": ("fullname", "ospath", "fullpath", "sourcefile", "filepath", "path", "pspath"),
    "folder": ("parentpath", "directoryname", "directory", "psparentpath"),
    "name": ("filename", "name", "pschildname"),
    "size": ("filesize", "length", "size"),
    "attributes": ("attributes", "siflags", "fileattributes", "mode"),
    "is_folder": ("isdirectory", "isdir", "psiscontainer"),
    "in_use": ("inuse",),
    "owner": ("owner",),
    "entry": ("entrynumber",),
    "sha256": ("sha256", "sourcefilesha256"),
    "sha1": ("sha1", "sourcefilesha1"),
    "md5": ("md5",),
    "hash": ("hash", "filehash"),
    "si_before_fn": ("si<fn", "siltfn", "timestomped"),
    "zero_subseconds": ("useczeros",),
    "volume": ("mftpath", "sourcefile"),
}
TIMES: dict[str, tuple[str, ...]] = {
    "modified": ("lastwritetimeutc", "modifiedonutc", "lastmodified0x10", "mtime", "modified", "lastwritetime"),
    "created": ("creationtimeutc", "createdonutc", "created0x10", "btime", "created", "creationtime"),
    "accessed": ("lastaccesstimeutc", "lastaccessedonutc", "lastaccess0x10", "atime", "lastaccessed", "lastaccesstime"),
    "changed": ("lastrecordchange0x10", "ctime", "changed"),
    "fn_modified": ("lastmodified0x30",),
    "fn_created": ("created0x30",),
}
#: Names of times that are local to the machine that wrote them; all others are UTC.
LOCAL = ("modified", "lastwritetime", "created", "creationtime", "lastaccessed", "lastaccesstime", "changed")
#: Besides a path and a time of modification, a listing has one of these.
_ALSO = ("size", "attributes", "is_folder", "created", "sha256", "sha1", "md5", "hash")

_DRIVE = re.compile(r"(?:.*[\\/])?([A-Z])(?::|%3A)?[\\/]\$MFT", re.IGNORECASE)


def plain(name: str) -> str:
    """A column's name as it is compared."""
    return re.sub(r"[^a-z0-9<]", "", name.lower())


class Layout(NamedTuple):
    """Which columns of a listing say what: for each thing one column (by its own name)."""

    things: Mapping[str, str]
    times: Mapping[str, str]

    def wanted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.things.values(), *self.times.values())))

    def is_local(self, time: str) -> bool:
        return plain(self.times[time]) in LOCAL


@lru_cache(maxsize=64)
def layout(names: tuple[str, ...]) -> Layout | None:
    """What the columns *names* are, if they are those of a listing of files."""
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(plain(name), name)
    things = _chosen(NAMES, known)
    times = _chosen(TIMES, known)
    whole = "path" in things or {"folder", "name"} <= set(things)
    if not whole or "modified" not in times or not any(each in things or each in times for each in _ALSO):
        return None
    if "entry" in things and "folder" in things:
        # In MFTECmd's listing SourceFile is the $MFT that was read.
        things.pop("path", None)
    else:
        things.pop("volume", None)
    if "path" in things:
        things.pop("folder", None)
        things.pop("name", None)
    return Layout(things, times)


def _chosen(table: Mapping[str, Iterable[str]], known: Mapping[str, str]) -> dict[str, str]:
    chosen = {what: next((known[name] for name in names if name in known), None) for what, names in table.items()}
    return {what: name for what, name in chosen.items() if name is not None}


def rows_kept(texts: Mapping[str, pa.ChunkedArray]) -> Mask:
    """Which rows are kept, by ``path`` or by ``folder`` and ``name``."""
    if "path" in texts:
        return kept(texts["path"])
    # Folders repeat: each is looked at once.
    folders, names = texts["folder"].combine_chunks(), texts["name"].combine_chunks()
    encoded = pc.dictionary_encode(folders)
    inside = np.append(below(encoded.dictionary), False)
    found: Mask = inside[np.asarray(pc.fill_null(encoded.indices, len(inside) - 1))] | scripts(names)
    # The row of a web folder itself shows that it is one only with the folder that it lies in.
    ends = np.flatnonzero(~found & last_parts(names))
    if len(ends):
        place = pa.array(ends)
        found[ends] = below(joined_path(as_chunked(folders.take(place)), as_chunked(names.take(place))))
    return found


def file_columns(texts: Mapping[str, pa.ChunkedArray], warnings: Counter[str]) -> Columns:
    """The table's columns but for the times, from the texts of :data:`NAMES` (those there are)."""
    count = len(next(iter(texts.values())))
    made = hashes(texts)
    made["path"] = _paths(texts)
    for name in ("size", "entry"):
        if name in texts:
            made[name], lost = to_cell(texts[name], Cell.INT64)
            if lost:
                warnings[f"{name} is not a number (kept as empty)"] += lost
    attributes = letters(texts["attributes"]) if "attributes" in texts else as_chunked(pa.nulls(count, pa.string()))
    if "is_folder" in texts:
        attributes = with_folders(attributes, truths(texts["is_folder"]))
    made["attributes"] = as_chunked(attributes)
    if "owner" in texts:
        made["owner"] = texts["owner"]
    if "in_use" in texts:
        made["deleted"] = flag(pc.invert(truths(texts["in_use"])))
    for name in ("si_before_fn", "zero_subseconds"):
        if name in texts:
            made[name] = flag(truths(texts[name]))
    return made


def _paths(texts: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    path = windows_path(texts["path"] if "path" in texts else joined_path(texts["folder"], texts["name"]))
    if "volume" not in texts:
        return path
    # MFTECmd's paths begin at the volume; which one it was stands, maybe, in the name of the file it read.
    drives = pc.fill_null(each_distinct(texts["volume"], drive_of), "")
    rootless = pc.fill_null(pc.match_substring_regex(path, r"^\\(?:[^\\]|$)"), False)
    return as_chunked(pc.if_else(rootless, pc.binary_join_element_wise(drives, path, ""), path))


def judged_times(
    made: Columns, texts: Mapping[str, pa.ChunkedArray], moments: Mapping[str, pa.ChunkedArray]
) -> Columns:
    """``si_before_fn`` and ``zero_subseconds`` worked out from the times, where the listing does not say them itself.

    *texts* and *moments* (milliseconds): times by the names of :data:`TIMES`.
    """
    judged: Columns = {}
    if "si_before_fn" not in made and "created" in moments and "fn_created" in moments:
        judged["si_before_fn"] = flag(pc.less(moments["created"], moments["fn_created"]))
    if "zero_subseconds" not in made:
        whole = [whole_seconds(texts[name]) for name in ("created", "modified") if name in texts]
        if whole:
            judged["zero_subseconds"] = flag(whole[0] if len(whole) == 1 else pc.or_(*whole))
    return judged


def filled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """*values* with null for what is blank."""
    return as_chunked(pc.if_else(pc.equal(pc.utf8_trim_whitespace(values), EMPTY_TEXT), NULL_TEXT, values))


def drive_of(text: str) -> str | None:
    """The drive in the name of an ``$MFT`` file (``C:\\$MFT``, ``uploads/C/$MFT``), as ``C:``."""
    found = _DRIVE.fullmatch(text)
    return f"{found[1].upper()}:" if found else None
