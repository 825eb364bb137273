"""What all listings of a server's files have in common: the table they make, and how its values are written.

References:
    https://learn.microsoft.com/en-us/windows/win32/fileio/file-attribute-constants
    https://github.com/libyal/libfsntfs/blob/main/documentation/New%20Technologies%20File%20System%20(NTFS).asciidoc
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Parser
from brokenseal.parsers.columns import EMPTY_TEXT, NULL_TEXT, UTC_MS, Cell, Column
from brokenseal.parsers.times import as_chunked
from brokenseal.parsers.winevent_columns import moments

TABLE = "file_listing"

#: Order and letters of attributes, as ``attrib`` and PowerShell show them; D is a folder, L a link (reparse point).
LETTERS = "RHSADLCETOPI"
_WORDS = {
    "readonly": "R",
    "hidden": "H",
    "system": "S",
    "archive": "A",
    "directory": "D",
    "reparsepoint": "L",
    "compressed": "C",
    "encrypted": "E",
    "temporary": "T",
    "offline": "O",
    "sparsefile": "P",
    "notcontentindexed": "I",
    # Names that other programs have for the same bits.
    "notindexed": "I",
    "isdirectory": "D",
    "isindexview": "",
}
#: Bits of a file's attributes.
BITS = {0x1: "R", 0x2: "H", 0x4: "S", 0x20: "A", 0x10: "D", 0x400: "L", 0x800: "C", 0x4000: "E"} | {
    0x100: "T",
    0x1000: "O",
    0x200: "P",
    0x2000: "I",
    0x10000000: "D",
}
_SHOWN = re.compile(r"[dl-][a-][r-][h-][s-]l?-?", re.IGNORECASE)
_HASH = {64: "sha256", 40: "sha1", 32: "md5"}
_ISO_UTC = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)(?:Z|[+-]00:?00)?$"
_WHOLE_SECOND = r"^[^.]*\.0{3,9}(?:Z|[+-][0-9:]{5,6})?$"
_TRUE = pa.scalar("true")


class FileListingParser(Parser):
    """Base of the parsers of file listings: one table for all formats."""

    table = TABLE
    columns = (
        Column("path", "full path of the file on its server; begins with '\\\\' where the drive is not known"),
        Column("size", "bytes", Cell.INT64),
        Column("attributes", f"letters in the order {LETTERS} (D folder, L link); null where the listing has none"),
        Column("owner", "account that owns the file"),
        Column("created", "time of creation ($STANDARD_INFORMATION), RFC 3339 UTC"),
        Column("accessed", "time of the last access, RFC 3339 UTC"),
        Column("changed", "time of the last change of the file's record, RFC 3339 UTC"),
        Column("fn_created", "time of creation in $FILE_NAME, which programs cannot set, RFC 3339 UTC"),
        Column("fn_modified", "time of modification in $FILE_NAME, RFC 3339 UTC"),
        Column("sha256", "lower case"),
        Column("sha1", "lower case"),
        Column("md5", "lower case"),
        Column("deleted", "'true' if the file is gone and only its record is left, else null"),
        Column("entry", "number of the file's record in the MFT", Cell.INT64),
    )
    derived = (
        Column("si_before_fn", "'true' if the file says it is older than its own name in the folder (set back?)"),
        Column("zero_subseconds", "'true' if its times are on whole seconds (set by a program, or unpacked)"),
    )


def windows_path(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Paths with ``\\`` between parts, without the prefixes of devices and providers; a relative one begins with ``\\``."""
    text = pc.replace_substring(values, "/", "\\")
    text = pc.replace_substring_regex(text, r"(?i)^(?:Microsoft\.PowerShell\.Core\\)?FileSystem::", "")
    text = pc.replace_substring_regex(text, r"^\\\\[.?]\\([A-Za-z]:)", r"\1")
    text = pc.replace_substring_regex(text, r"(?i)^\\\\[.?]\\UNC\\", r"\\\\")
    text = pc.replace_substring_regex(text, r"^\.(?:\\|$)", r"\\")
    text = pc.replace_substring_regex(text, r"([^\\:])\\+$", r"\1")
    return as_chunked(pc.if_else(pc.equal(text, EMPTY_TEXT), NULL_TEXT, text))


def joined_path(folders: pa.ChunkedArray, names: pa.ChunkedArray) -> pa.ChunkedArray:
    """Folder and name as one path; null where there is no name."""
    folders = pc.replace_substring_regex(pc.fill_null(folders, ""), r"\\+$", "")
    return as_chunked(pc.binary_join_element_wise(folders, names, "\\"))


def letters(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Attributes in letters, from names (``Hidden, System``), a number, or what PowerShell shows (``-a-hs-``); else null."""
    return each_distinct(values, _letters)


def _letters(text: str) -> str | None:
    text = text.strip()
    if text.isdecimal() and len(text) < 12:
        return of_bits(int(text))
    if _SHOWN.fullmatch(text):
        return ordered(text.upper().replace("-", ""))
    words = re.split(r"[,|\s]+", text.lower())
    if all(word in _WORDS or word in ("none", "normal", "") for word in words):
        return ordered("".join(_WORDS.get(word, "") for word in words))
    known = [_WORDS[word] for word in words if word in _WORDS]
    return ordered("".join(known)) if known else None


def of_bits(bits: int) -> str:
    """Attribute bits as letters."""
    return ordered("".join(letter for bit, letter in BITS.items() if bits & bit))


def ordered(found: str) -> str:
    return "".join(letter for letter in LETTERS if letter in found)


def with_folders(attributes: pa.ChunkedArray, folders: pa.ChunkedArray) -> pa.ChunkedArray:
    """*attributes* with D where *folders* is true and they lack it."""
    missing = pc.and_(pc.fill_null(folders, False), pc.invert(pc.match_substring(pc.fill_null(attributes, ""), "D")))
    if not pc.any(missing).as_py():
        return attributes
    added = each_distinct(as_chunked(pc.binary_join_element_wise(pc.fill_null(attributes, ""), "D", "")), ordered)
    return as_chunked(pc.if_else(missing, added, attributes))


def each_distinct(values: pa.ChunkedArray, read: Callable[[str], str | None]) -> pa.ChunkedArray:
    """*read* of each value, asked once for equal ones."""
    encoded = pc.dictionary_encode(values.combine_chunks())
    known = [None if text is None else read(text) for text in encoded.dictionary.to_pylist()]
    return as_chunked(pa.array(known, pa.string()).take(encoded.indices))


def truths(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Booleans from ``True``, ``true``, ``yes`` or ``1``; null stays null."""
    true = pc.is_in(pc.utf8_lower(values), pa.array(["true", "yes", "1"]))
    return as_chunked(pc.if_else(pc.is_valid(values), true, pa.scalar(None, pa.bool_())))


def flag(values: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """``'true'`` where *values* is true, else null."""
    return as_chunked(pc.if_else(pc.fill_null(values, False), _TRUE, NULL_TEXT))


def hashes(texts: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """The columns of hashes; what stands under ``hash`` is told by its length, and may be a JSON object of several."""
    made = {}
    for size, name in _HASH.items():
        sources = [texts[each] for each in (name, "hash") if each in texts]
        pattern = rf"(?:^|[^0-9A-Fa-f])(?P<h>[0-9A-Fa-f]{{{size}}})(?:[^0-9A-Fa-f]|$)"
        found = [pc.struct_field(pc.extract_regex(each, pattern), "h") for each in sources]
        if found:
            made[name] = as_chunked(pc.utf8_lower(pc.coalesce(*found)))
    return made


def rfc3339(texts: pa.ChunkedArray, milliseconds: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as text in UTC: with all digits of a second that *texts* has, else from *milliseconds* (null where it is)."""
    shown = pc.replace_substring_regex(texts, _ISO_UTC, r"\1T\2Z")
    own = pc.and_(pc.match_substring_regex(texts, _ISO_UTC), pc.is_valid(milliseconds))
    if pc.all(pc.fill_null(own, True)).as_py():
        return as_chunked(shown)
    made = as_chunked(pc.strftime(milliseconds.cast(UTC_MS), format="%Y-%m-%dT%H:%M:%SZ"))
    return as_chunked(pc.if_else(pc.fill_null(own, False), shown, made))


def whole_seconds(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Where a time is written with a fraction of a second, and it is zero."""
    return as_chunked(pc.fill_null(pc.match_substring_regex(texts, _WHOLE_SECOND), False))


def instants(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """ISO 8601 times, or numbers since 1970, as milliseconds (int64); null where it is no such time."""
    return as_chunked(moments(pc.replace_substring_regex(values, r" ([+-][0-9]{2}:?[0-9]{2})$", r"\1")))


def mask(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Booleans as an array, null as false."""
    found: npt.NDArray[np.bool_] = np.asarray(pc.fill_null(values, False))
    return found
