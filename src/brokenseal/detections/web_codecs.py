"""What the decoding functions of web languages make of a text: base64, hexadecimal, deflate, reversal and others."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import urllib.parse
import zlib
from collections.abc import Callable

#: Longest text that decoding makes, in characters.
LONGEST = 1 << 20


def decode_call(name: str, value: str) -> str | None:
    """What a decoding function of that name makes of *value*; None if it is not of that form."""
    decoder = DECODERS.get(name)
    if decoder is None:
        return None
    try:
        return decoder(value)
    except (binascii.Error, zlib.error, ValueError, UnicodeError):
        return None


def base64_bytes(value: str) -> bytes | None:
    """*value* as base64 (also URL-safe, without padding); None if it is none."""
    compact = re.sub(r"\s", "", value).replace("-", "+").replace("_", "/").rstrip("=")
    if len(compact) % 4 == 1 or not re.fullmatch(r"[A-Za-z0-9+/]*", compact):
        return None
    return base64.b64decode(compact + "=" * (-len(compact) % 4))


def readable(data: bytes) -> str | None:
    """*data* as text if it is text: UTF-8 or one byte a letter, nearly all printable ASCII."""
    if not data:
        return None
    sample = data[:4096]
    printable = sum(1 for byte in sample if 32 <= byte < 127 or byte in (9, 10, 13))
    if printable * 10 >= len(sample) * 9:
        return data.decode("utf-8", "replace")
    half = sample[::2]
    if len(sample) >= 8 and sample[1::2].count(0) * 10 >= len(sample) // 2 * 9 and half.isascii():
        return data.decode("utf-16-le", "replace")
    return None


def inflated(data: bytes) -> bytes | None:
    """*data* unpacked as gzip, zlib or raw deflate, at most 1 MiB of it; None if it is none of these."""
    for bits in (47, -15):
        unpacker = zlib.decompressobj(bits)
        try:
            unpacked = unpacker.decompress(data, LONGEST)
        except zlib.error:
            continue
        if unpacked:
            return unpacked
    return None


def _base64_text(value: str) -> str | None:
    data = base64_bytes(value)
    return data.decode("latin-1") if data else None


def _inflated_text(value: str) -> str | None:
    if not value.isascii() and max(map(ord, value)) > 0xFF:
        return None
    data = inflated(value.replace("\v", "\n").encode("latin-1"))
    return data.decode("latin-1") if data else None


def _hex_text(value: str) -> str | None:
    return bytes.fromhex(value).decode("latin-1")


DECODERS: dict[str, Callable[[str], str | None]] = {
    "strrev": lambda value: value[::-1],
    "strreverse": lambda value: value[::-1],
    "base64_decode": _base64_text,
    "frombase64string": _base64_text,
    "atob": _base64_text,
    "str_rot13": lambda value: codecs.encode(value, "rot13"),
    "hex2bin": _hex_text,
    "urldecode": urllib.parse.unquote,
    "rawurldecode": urllib.parse.unquote,
    "unescape": lambda value: urllib.parse.unquote(re.sub(r"%u00([0-9a-fA-F]{2})", r"%\1", value), encoding="latin-1"),
    "decodeuricomponent": urllib.parse.unquote,
    "gzinflate": _inflated_text,
    "gzuncompress": _inflated_text,
    "gzdecode": _inflated_text,
    "trim": str.strip,
    "strtolower": str.lower,
    "lcase": str.lower,
}
