"""What a planted page holds: texts of the shape that defenders look for, in which nothing can run.

Each has marks that are a syntax error in every language a page may be written in, no directive that ASP.NET knows, and
no call that evaluates or starts anything: what stood there is left out. They are stored encoded, so that antivirus leaves
the package alone; to read them: ``python -m brokenseal.detections.yara_store show planted_pages.json.txt``.

References:
    exchange-evidence.md 2.13 (what a reset of the offline address book's virtual directory leaves).
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import cache
from importlib.resources import files

from brokenseal.simulate import programs, ssrf
from brokenseal.simulate.clock import iso
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.organisation import DOMAIN_CONTROLLER, Server

# Settings of a virtual directory, written to a page by CVE-2021-27065.
OAB_SETTINGS = "OAB settings with script"
SCRIPT_PAGE = "script page"
COMMAND_PAGE = "page that runs programs"
KINDS = (OAB_SETTINGS, SCRIPT_PAGE, COMMAND_PAGE)
#: One of these stands in every piece of a planted page that looks like code.
INERT_MARKS = (")]inert[(", "[inert: removed by the simulator]")

_STORED = files("brokenseal") / "simulate" / "planted_pages.json.txt"


def content(kind: str, server: Server, planted: int) -> bytes:
    """The bytes of a page of a kind (one of ``KINDS``) that was written on a server at ``planted`` (ms)."""
    text = "\r\n".join(_stored()[kind])
    values = {
        "SERVER": server.name,
        "FQDN": server.fqdn,
        "INSTALL": programs.INSTALL,
        "CONTROLLER": DOMAIN_CONTROLLER,
        "URL": ssrf.INERT_URL,
        "GUID": Draws("planted page", server.name, planted).guid(),
        "TIME": iso(planted)[:-5].replace("T", " "),
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text.encode("ascii")


@cache
def _stored() -> dict[str, list[str]]:
    packed = "".join(line for line in _STORED.read_text("ascii").splitlines() if not line.startswith("#"))
    texts: dict[str, list[str]] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return texts
