"""What ASP.NET compiled: pages that ran on the server, even where the page itself is gone.

For each page that is asked for the first time, ASP.NET writes ``<page>.<hash>.compiled`` and an ``App_Web_*.dll`` into
``Temporary ASP.NET Files``. They stay when the page is removed.

References:
    https://learn.microsoft.com/en-us/previous-versions/aspnet/ms366723(v=vs.100)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from brokenseal.detections.plain_xml import XmlProblem, read_xml
from brokenseal.detections.web_folders import WebFolders, built_in

#: More dependencies than any page has are not kept.
MOST_DEPENDENCIES = 1000

_FOLDER = re.compile(r"temporary asp\.net files[\\/](?P<rest>[^\r\n]*)$", re.IGNORECASE)
_NAME = re.compile(r"(?P<page>.+\.[a-z0-9]{2,8})\.(?P<hash>[0-9a-f]{6,8})\.compiled", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CompiledPage:
    """One ``.compiled`` file. ``virtual_path`` is the page's URL; ``assembly`` the library made of it (without ``.dll``).

    ``dependencies``: the URLs of all files it was made of. ``file_hash`` is ASP.NET's own, of times and sizes.
    """

    source: str
    virtual_path: str
    assembly: str | None
    type_name: str | None
    file_hash: str | None
    result_type: str | None
    dependencies: tuple[str, ...]


def read_compiled(data: bytes, source: str) -> CompiledPage:
    """The ``.compiled`` file *source* (its path). Raises XmlProblem where it is none."""
    root = read_xml(data).root
    if root.name.lower() != "preserve":
        raise XmlProblem(f"line {root.line}: is no record of a compiled page (its root is '{root.name[:40]}')")
    virtual_path = root.get("virtualPath")
    if not virtual_path:
        raise XmlProblem(f"line {root.line}: names no page")
    dependencies = [each.get("name") or "" for each in root.all("filedeps", "filedep")]
    return CompiledPage(
        source,
        virtual_path,
        root.get("assembly"),
        root.get("type"),
        root.get("filehash"),
        root.get("resultType"),
        tuple(name for name in dependencies if name)[:MOST_DEPENDENCIES],
    )


def page_of_name(path: str) -> str | None:
    """The name of the page that a ``.compiled`` file's own name tells (``x.aspx``); None if it is no such file."""
    found = _NAME.fullmatch(re.split(r"[\\/]", path)[-1])
    return None if found is None else found["page"]


def application_of(path: str) -> str | None:
    """The application (``owa``, ``ecp``, ``root``) in whose temporary files *path* lies; None if in none."""
    found = _FOLDER.search(path)
    parts = [] if found is None else re.split(r"[\\/]", found["rest"])
    return parts[0] if len(parts) > 1 and parts[0] else None


def without_file(
    pages: Iterable[CompiledPage], paths: Iterable[str], folders: WebFolders | None = None
) -> list[CompiledPage]:
    """The compiled pages of which no file is among *paths* (all files of the server's web folders), in their order.

    A page that cannot lie in any known web folder is not among them: nothing can be said of it.
    """
    known = folders or built_in()
    there = {_plain(path) for path in paths}
    ends = _ends(there)
    missing = []
    for page in pages:
        possible = known.path_ends(page.virtual_path)
        if possible and not any(end in ends for end in possible):
            missing.append(page)
    return missing


def _plain(path: str) -> str:
    return path.replace("/", "\\").lower().rstrip("\\")


def _ends(paths: Iterable[str]) -> set[str]:
    """All ends of the paths, from any of their parts on."""
    ends: set[str] = set()
    for path in paths:
        parts = path.split("\\")
        ends.update("\\".join(parts[at:]) for at in range(len(parts)))
    return ends
