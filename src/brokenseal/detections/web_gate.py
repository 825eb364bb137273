"""Whether a page can hold what features look for, told by one fast scan before it is read as code.

Reading a page as code costs a hundred times what YARA costs, and most pages of a server take nothing from a request and hide
nothing. A closed gate only saves that work; it never decides: every shape that must be found opens one (tests hold all
samples against it).
"""

from __future__ import annotations

import re
import threading

import yara_x

from brokenseal.detections.web_pieces import ALL_CODE, NET, PHP, RAZOR
from brokenseal.detections.yara_store import read_stored

NAME = "gate.yar"
#: Seconds after which a page counts as one to be read.
_PATIENCE = 5
_RULE = re.compile(r"^rule (\w+).*?^}", re.DOTALL | re.MULTILINE)
#: Rules of the gate that are looked at for a family; of the others every page is read.
_OF_FAMILY = {
    NET: ("odd_letters", "net_code"),
    PHP: ("odd_letters", "php_source", "php_strong"),
    "code": ("net_danger",),
    "picture": ("code_in_picture",),
}
#: First letters of a picture or document before the code, and of settings: what the layout says of them.
_ODD_STARTS = (b"GIF8", b"\x89PNG", b"\xff\xd8", b"BM", b"\0\0\1\0", b"%PDF", b"RIFF")
#: An encoded text of 60 letters, where every letter of such texts is an "a" and all others are blanks.
_LONG_TEXT = b"a" * 60
_ENCODED = re.sub(rb"[A-Za-z0-9+/=]", b"a", re.sub(rb"[^A-Za-z0-9+/=]", b" ", bytes(range(256))))


class Gate:
    """``opens(family, extension, data)``: whether a page is to be read as code. Threads may share one object."""

    def __init__(self) -> None:
        rules = {found[1]: found[0] for found in _RULE.finditer(read_stored(NAME))}
        self._rules = {
            family: yara_x.compile("\n".join(rules[name] for name in names)) for family, names in _OF_FAMILY.items()
        }
        self._scanners = threading.local()

    def opens(self, family: str | None, extension: str, data: bytes) -> bool:
        if family is None:
            if data.startswith(_ODD_STARTS):
                return self._any("picture", data)
            family = PHP if b"<?php" in data.lower() else NET
        if family not in self._rules or extension in ALL_CODE or extension in RAZOR or data.startswith(_ODD_STARTS):
            return True
        return self._any(family, data)

    def opens_code(self, code: str, text: str) -> bool:
        """Whether the server code of an ASP.NET page can hold what features look for. ``text``: the whole page."""
        if not code.isascii() or "#@~^" in text or "#include" in text.replace(" ", ""):
            return True
        data = code.encode()
        return self._any("code", data) or _LONG_TEXT in data.translate(_ENCODED)

    def _any(self, family: str, data: bytes) -> bool:
        scanners: dict[str, yara_x.Scanner] | None = getattr(self._scanners, "of_family", None)
        if scanners is None:
            scanners = self._scanners.of_family = {}
        scanner = scanners.get(family)
        if scanner is None:
            scanner = scanners[family] = yara_x.Scanner(self._rules[family])
            scanner.max_matches_per_pattern(1)
            scanner.set_timeout(_PATIENCE)
        try:
            return bool(scanner.scan(data).matching_rules)
        except (yara_x.TimeoutError, yara_x.ScanError):
            return True
