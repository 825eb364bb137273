"""Records of compiled pages: what ASP.NET keeps in ``Temporary ASP.NET Files`` when a page was asked for the first time.

They stay when the page is removed. The library that was compiled is not written here: it is only named.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from brokenseal.simulate import programs
from brokenseal.simulate.draws import Draws

_FLAGS = "110000"


class CompiledPage(NamedTuple):
    """The record's path, the library (without its ending) that the page was compiled to, and when it was made (ms)."""

    path: str
    assembly: str
    made: int

    @property
    def library(self) -> str:
        return f"{self.path.rpartition(chr(92))[0]}\\{self.assembly}.dll"


def folder_of(draws: Draws, application: str) -> str:
    """An application's folder: its name (``owa``, ``root``) and two hashes."""
    return f"{programs.TEMPORARY_PAGES}\\{application}\\{draws.hexadecimal(8)}\\{draws.hexadecimal(8)}"


def named(draws: Draws, folder: str, url: str, made: int) -> CompiledPage:
    """The record of a page that was made at a time; pages of one web folder share the hash in its name."""
    above, _, page = url.rpartition("/")
    shared = zlib.crc32(above.lower().encode())
    return CompiledPage(f"{folder}\\{page.lower()}.{shared:08x}.compiled", f"App_Web_{draws.letters(8)}", made)


def record(url: str, page: CompiledPage) -> bytes:
    """The record's text: which page, which library, and what it was made of."""
    number = zlib.crc32(url.lower().encode())
    below = url.strip("/").partition("/")[2] or url.strip("/")
    type_name = "ASP." + below.lower().replace("/", "_").replace(".", "_")
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\r\n'
        f'<preserve resultType="3" virtualPath="{url}" hash="{number:08x}" filehash="{number ^ 0xFFFF:016x}"'
        f' flags="{_FLAGS}" assembly="{page.assembly}" type="{type_name}">\r\n'
        "    <filedeps>\r\n"
        f'        <filedep name="{url}" />\r\n'
        "    </filedeps>\r\n"
        "</preserve>\r\n"
    )
    return text.encode("utf-8")
