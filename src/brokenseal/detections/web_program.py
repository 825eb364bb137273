"""Programs in a web folder: libraries that hook into IIS or ASP.NET, and pages that ASP.NET compiled.

Only features: whether a signature is there (not whether it is good), which interfaces and calls a library names.

References:
    https://learn.microsoft.com/en-us/windows/win32/debug/pe-format
    https://ecma-international.org/publications-and-standards/standards/ecma-335/
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from brokenseal.detections.web_features import Feature

#: A library of more bytes is a product, not a backdoor.
_SMALL = 600 << 10
_CERTIFICATES, _CLR = 4, 14
_SCAN = 8 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """``managed``: .NET; ``signed``: has a signature of any kind; ``native_module``: exports what an IIS module must."""

    managed: bool
    signed: bool
    native_module: bool


def read_program(data: bytes) -> Program | None:
    """What the headers of a Windows program say; None if *data* is none."""
    if data[:2] != b"MZ" or len(data) < 0x40:
        return None
    (at,) = struct.unpack_from("<I", data, 0x3C)
    if at + 24 + 2 > len(data) or data[at : at + 4] != b"PE\0\0":
        return None
    (magic,) = struct.unpack_from("<H", data, at + 24)
    first = at + 24 + {0x10B: 96, 0x20B: 112}.get(magic, 96)

    def filled(number: int) -> bool:
        place = first + 8 * number
        return place + 8 <= len(data) and struct.unpack_from("<II", data, place) != (0, 0)

    return Program(filled(_CLR), filled(_CERTIFICATES), b"RegisterModule\0" in data[:_SCAN])


def program_features(data: bytes, words: dict[str, tuple[int, str, str]]) -> list[Feature]:
    """Features of a library. ``words``: text (as in .NET's tables of names) → weight, sentence, kind."""
    program = read_program(data)
    if program is None:
        return []
    sample = data[:_SCAN]
    module = b"IHttpModule\0" in sample or b"IHttpHandler\0" in sample or program.native_module
    compiled_page = b"FastObjectFactory_app_web" in sample or (b"__ASP" in sample and b"App_Web_" in sample)
    request = b"get_Request\0" in sample or b"HttpRequest\0" in sample or program.native_module
    if program.signed or not (module or compiled_page) or not request:
        return []
    what = "an ASP.NET page as the server compiled it" if compiled_page else "a library that hooks into the web server"
    found = [Feature("unsigned_module", 8, f"{what}, without any signature", "module")]
    small = len(data) <= _SMALL
    for word, (weight, sentence, kind) in sorted(words.items()):
        name = word.encode("ascii")
        if name + b"\0" in sample or word.encode("utf-16-le") in sample:
            found.append(
                Feature(
                    f"names_{word.strip('.').lower()}",
                    weight if small else weight // 4,
                    f"the library names {word}: {sentence}",
                    kind,
                )
            )
    return found
