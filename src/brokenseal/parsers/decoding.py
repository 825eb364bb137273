"""Make the bytes of a log into clean UTF-8 text without losing what was there.

Bytes that cannot be decoded stay visible as ``\\xNN``, NULs as U+2400 (those that a crash put before a line are dropped, so
that the line is read), a CR inside a line as U+240D. A byte order mark at the start of a line is dropped.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: So many first bytes decide the encoding, however a file is cut into blocks.
SNIFF_BYTES = 512
NUL_MARK = "\u2400".encode()
CR_MARK = "\u240d".encode()
LF, CR = 10, 13

_UTF8_BOM = b"\xef\xbb\xbf"
_LINE_BOM = re.compile(rb"(?m)^(?:\xef\xbb\xbf)+")
_LEADING_NULS = re.compile(rb"(?m)^\0+(?=[^\0\r\n])")
_NULS = re.compile(rb"\0+")
_CR_RUN = re.compile(rb"\r+(\n|\Z)?")


class Cleaned(NamedTuple):
    """Valid UTF-8 with LF or CRLF line ends, and how many lines held undecodable bytes or NULs."""

    data: bytes
    invalid_lines: int
    nul_lines: int


def encoding_of(head: bytes) -> str:
    """'utf-8', 'utf-16-le' or 'utf-16-be', from a byte order mark or from where the NUL bytes are."""
    if head.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if head.startswith(b"\xfe\xff"):
        return "utf-16-be"
    sample = head[:SNIFF_BYTES]
    if len(sample) >= 8 and b"\0" in sample:
        half = len(sample) // 2
        if sample[1::2].count(0) > 0.7 * half and sample[::2].count(0) < 0.1 * half:
            return "utf-16-le"
        if sample[::2].count(0) > 0.7 * half and sample[1::2].count(0) < 0.1 * half:
            return "utf-16-be"
    return "utf-8"


def decoded_head(head: bytes) -> bytes:
    """*head* as parsers will see it, to identify a file by its content."""
    encoding = encoding_of(head)
    if encoding != "utf-8":
        return head.decode(encoding, "backslashreplace").lstrip("\ufeff").encode("utf-8", "backslashreplace")
    return head.replace(b"\0", b"").removeprefix(_UTF8_BOM)


def newlines_of(data: bytes, encoding: str = "utf-8") -> Positions:
    """Byte positions of the line feeds in *data*."""
    if encoding == "utf-8":
        return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == LF)
    units = np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2" if encoding.endswith("le") else ">u2")
    return np.flatnonzero(units == LF) * 2


def rows_with(texts: pa.Array, *parts: bytes) -> Mask:
    """Which of *texts* (``string``) contain any of *parts*: one search for each through all of them."""
    found = np.zeros(len(texts), dtype=np.bool_)
    bounds, data = (texts.buffers()[at] for at in (1, 2))
    if data is None or not len(texts):
        return found
    ends = np.frombuffer(bounds, dtype=np.int32, count=len(texts) + 1, offset=4 * texts.offset)
    whole = memoryview(data)[ends[0] : ends[-1]].tobytes()
    for part in parts:
        hits = []
        at = whole.find(part)
        while at >= 0:
            hits.append(at)
            at = whole.find(part, at + 1)
        places = np.array(hits, dtype=np.int64) + int(ends[0])
        rows = np.searchsorted(ends, places, side="right") - 1
        # What lies across the bound of two texts is in neither.
        found[rows[places + len(part) <= ends[rows + 1]]] = True
    found &= np.asarray(texts.is_valid())
    return found


def clean(raw: bytes, encoding: str, newlines: Positions) -> Cleaned:
    """*raw* (whole lines, LFs at *newlines*) as text with the same number of LFs.

    Only lines that hold something odd are taken out, rewritten and put back: a search for single bytes is fast, a regular
    expression over the whole block is not.
    """
    data, invalid = raw, np.zeros(0, dtype=np.int64)
    if encoding != "utf-8":
        text, invalid_lines = _utf16(raw, encoding, newlines)
        data = text.encode()
        newlines = newlines_of(data)
    else:
        if not raw.isascii():
            invalid = _undecodable(raw, newlines)
        invalid_lines = len(invalid)
    nul = _lines_with(data, 0, newlines)
    odd = [invalid, nul, _lines_with_bom(data, newlines)]
    if _has_lone_cr(data, newlines):
        odd.append(_lines_with_lone_cr(data, newlines))
    return Cleaned(_rewritten(data, newlines, np.unique(np.concatenate(odd))), invalid_lines, len(nul))


def _utf16(raw: bytes, encoding: str, newlines: Positions) -> tuple[str, int]:
    try:
        return raw.decode(encoding), 0
    except UnicodeDecodeError:
        # Bounds may lie before or after the LF itself: it decodes either way.
        bounds = [0, *newlines.tolist(), len(raw)]
        bad = sum(not _decodes(raw[start:end], encoding) for start, end in pairwise(bounds))
        return raw.decode(encoding, "backslashreplace"), bad


def _undecodable(raw: bytes, newlines: Positions) -> Positions:
    """Lines that are not UTF-8."""
    if _is_utf8(raw):
        return np.zeros(0, dtype=np.int64)
    high = np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) >= 128)
    lines = np.unique(np.searchsorted(newlines, high))
    bounds = np.concatenate([[0], newlines + 1, [len(raw)]])
    return np.array(
        [line for line in lines.tolist() if not _decodes(raw[bounds[line] : bounds[line + 1]], "utf-8")], dtype=np.int64
    )


def _lines_with(data: bytes, byte: int, newlines: Positions) -> Positions:
    if byte not in data:
        return np.zeros(0, dtype=np.int64)
    return _lines_where(np.frombuffer(data, dtype=np.uint8) == byte, newlines)


def _lines_where(mask: Mask, newlines: Positions) -> Positions:
    """The lines in which *mask* (one flag a byte) is set somewhere; no array of positions, which hostile bytes fill."""
    starts = np.concatenate([np.zeros(1, dtype=np.int64), newlines + 1])
    if starts[-1] == len(mask):
        starts = starts[:-1]
    return np.flatnonzero(np.logical_or.reduceat(mask, starts))


def _lines_with_bom(data: bytes, newlines: Positions) -> Positions:
    if _UTF8_BOM[0] not in data:
        return np.zeros(0, dtype=np.int64)
    array = np.frombuffer(data, dtype=np.uint8)
    mark = array == _UTF8_BOM[0]
    for place in (1, 2):
        mark[: len(mark) - place] &= array[place:] == _UTF8_BOM[place]
        mark[len(mark) - place :] = False
    return _lines_where(mark, newlines)


def _lines_with_lone_cr(data: bytes, newlines: Positions) -> Positions:
    array = np.frombuffer(data, dtype=np.uint8)
    lone = array == CR
    lone[:-1] &= array[1:] != LF
    return _lines_where(lone, newlines)


def _rewritten(data: bytes, newlines: Positions, lines: Positions) -> bytes:
    if not len(lines):
        return data
    pieces: list[bytes] = []
    done = 0
    for line in lines.tolist():
        start = int(newlines[line - 1]) + 1 if line else 0
        end = int(newlines[line]) + 1 if line < len(newlines) else len(data)
        text = data[start:end]
        if not _decodes(text, "utf-8"):
            text = text.decode("utf-8", "backslashreplace").encode()
        text = _NULS.sub(NUL_MARK, _LEADING_NULS.sub(b"", text))
        pieces += [data[done:start], _CR_RUN.sub(_shown_cr, _LINE_BOM.sub(b"", text))]
        done = end
    pieces.append(data[done:])
    return b"".join(pieces)


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8; Arrow checks this several times faster than decoding does."""
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _has_lone_cr(data: bytes, newlines: Positions) -> bool:
    if b"\r" not in data:
        return False
    before = newlines[newlines > 0] - 1
    array = np.frombuffer(data, dtype=np.uint8)
    return int(np.count_nonzero(array == CR)) != int(np.count_nonzero(array[before] == CR))


def _shown_cr(run: re.Match[bytes]) -> bytes:
    # pyarrow takes a lone CR for a line end, which would split a record; the mark keeps it visible. Several CRs before an LF
    # (a file copied as text twice) are one line end.
    end: bytes | None = run[1]
    return CR_MARK * len(run[0]) if end is None else b"\r" + end
