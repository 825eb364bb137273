"""Lines that make flat CSV readers lose, shift or swallow rows: an ordinary row goes in, one damaged line comes out.

Each change gives exactly one line with one line feed at its end, so the number of data lines does not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bench.log_file import Change

_LONG = 64 << 10


def hostile_places(total: int, changes: Sequence[Change], count: int, rng: np.random.Generator) -> dict[int, Change]:
    """*count* rows of *total*, spread over the file, and what becomes of each; all *changes* in turn."""
    step = total // count
    return {
        n * step + int(rng.integers(0, max(1, step))): changes[(n + shift) % len(changes)]
        for shift in (int(rng.integers(0, len(changes))),)
        for n in range(count)
    }


def cut_off(row: str) -> bytes:
    """The last line of a file that is still being written: no line end."""
    return row[: len(row) * 2 // 3].rstrip("\r\n").encode()


# IIS ------------------------------------------------------------------------------------------------------------------


def _iis_cell(row: str, number: int, value: bytes) -> bytes:
    cells = row.encode().split(b" ")
    cells[number] = value
    return b" ".join(cells)


def _iis_hash(row: str) -> bytes:
    return _iis_cell(row, 4, b"/owa/#/x#y")


def _iis_hash_first(row: str) -> bytes:
    return _iis_cell(row, 5, b"#Fields:&q=#")


def _iis_quote(row: str) -> bytes:
    return _iis_cell(row, 9, b'"Mozilla/5.0+(an+open+quote')


def _iis_quotes(row: str) -> bytes:
    return _iis_cell(row, 5, b'q="a"b"&x=""')


def _iis_bytes(row: str) -> bytes:
    return _iis_cell(row, 5, b"name=M\xfcller&x=\xff\xfe")


def _iis_latin(row: str) -> bytes:
    return _iis_cell(row, 7, b"CORP\\ren\xe9e")


def _iis_nul(row: str) -> bytes:
    return _iis_cell(row, 5, b"a=\0&b=\0\0")


def _nuls_before(row: str) -> bytes:
    return b"\0" * 512 + row.encode()


def _nuls_only(row: str) -> bytes:
    return b"\0" * 256 + b"\r\n"


def _iis_short(row: str) -> bytes:
    return b" ".join(row.encode().split(b" ")[:9]) + b"\r\n"


def _iis_extra(row: str) -> bytes:
    return _iis_cell(row, 9, b"an agent with plain spaces")


def _iis_glued(row: str) -> bytes:
    return row.encode().rstrip() + b" " + row.encode()


def _iis_truncated(row: str) -> bytes:
    return row[:7].encode() + b"\r\n"


def _iis_status(row: str) -> bytes:
    return _iis_cell(row, 11, b"2xx")


def _iis_cr(row: str) -> bytes:
    return _iis_cell(row, 5, b"a=b\rc=d")


def _iis_long(row: str) -> bytes:
    return _iis_cell(row, 5, b"q=" + b"A" * _LONG)


IIS_CHANGES: tuple[Change, ...] = (
    _iis_hash,
    _iis_hash_first,
    _iis_quote,
    _iis_quotes,
    _iis_bytes,
    _iis_latin,
    _iis_nul,
    _nuls_before,
    _nuls_only,
    _iis_short,
    _iis_extra,
    _iis_glued,
    _iis_truncated,
    _iis_status,
    _iis_cr,
    _iis_long,
)


# HttpProxy ------------------------------------------------------------------------------------------------------------


def _proxy_cell(row: str, number: int, value: bytes) -> bytes:
    cells = row.encode().split(b",")
    cells[number] = value
    return b",".join(cells)


def _proxy_open_quote(row: str) -> bytes:
    return _proxy_cell(row, 16, b'"Mozilla/5.0 (an open quote')


def _proxy_lone_quote(row: str) -> bytes:
    return _proxy_cell(row, 16, b'Mozilla/5.0 "5 inch')


def _proxy_commas(row: str) -> bytes:
    return _proxy_cell(row, 16, b'"Mozilla/5.0 (X11, Linux), ""quoted"", # and more"')


def _proxy_bare_commas(row: str) -> bytes:
    return _proxy_cell(row, 16, b"Mozilla/5.0 (KHTML, like Gecko, too)")


def _proxy_hash(row: str) -> bytes:
    return _proxy_cell(row, 9, b"/owa/#Fields: x")


def _proxy_bytes(row: str) -> bytes:
    return _proxy_cell(row, 13, b"CORP\\ren\xe9e\xff")


def _proxy_nul(row: str) -> bytes:
    return _proxy_cell(row, 16, b"Mozilla\0/5.0")


def _proxy_short(row: str) -> bytes:
    return b",".join(row.encode().split(b",")[:20]) + b"\r\n"


def _proxy_extra(row: str) -> bytes:
    return row.encode().rstrip() + b",,,surplus\r\n"


def _proxy_truncated(row: str) -> bytes:
    return row[:9].encode() + b"\r\n"


def _proxy_status(row: str) -> bytes:
    return _proxy_cell(row, 19, b"two hundred")


def _proxy_long(row: str) -> bytes:
    return _proxy_cell(row, 16, b"A" * _LONG)


HTTPPROXY_CHANGES: tuple[Change, ...] = (
    _proxy_open_quote,
    _proxy_lone_quote,
    _proxy_commas,
    _proxy_bare_commas,
    _proxy_hash,
    _proxy_bytes,
    _proxy_nul,
    _nuls_before,
    _nuls_only,
    _proxy_short,
    _proxy_extra,
    _proxy_truncated,
    _proxy_status,
    _proxy_long,
)
