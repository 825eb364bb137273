"""Which rows of a listing of files are kept: a whole disk has millions of files, and only those a web server may run matter.

Kept is what lies below a web folder by its usual name, wherever it is, and any file that a web server would run as a
script, wherever it lies: other sites may have their folders anywhere.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.decoding import Mask

#: Folders, by the last parts of their path in lower case, that are kept with everything below them.
FOLDERS: tuple[tuple[str, ...], ...] = (
    ("inetpub",),
    ("wwwroot",),
    ("aspnet_client",),
    ("temporary asp.net files",),
    ("frontend", "httpproxy"),
    ("clientaccess",),
    ("exchange server", "v14"),
    ("exchange server", "v15"),
    ("system32", "inetsrv"),
)
#: What IIS, or an interpreter beside it, runs. Certificates (.cer) and the like are left out: they lie everywhere.
_SCRIPT = (
    r"(?i)(?:\.(?:aspx|ashx|asmx|asax|ascx|asp|svc|soap|rem|cshtml|vbhtml|php[3457]?|phtml|phar|jspx?|jspf|jspa)"
    r"|(?:^|[\\/])web\.config)$"
)
_BELOW = r"(?i)(?:^|[\\/])(?:" + "|".join(r"[\\/]".join(map(re.escape, parts)) for parts in FOLDERS) + r")(?:[\\/]|$)"
_LAST = r"(?i)^(?:" + "|".join(re.escape(parts[-1]) for parts in FOLDERS) + r")$"

#: Counted for each row that was read and not kept.
OUTSIDE = "row lies outside the web folders (not kept)"


def kept(paths: pa.ChunkedArray) -> Mask:
    """For each path (parts divided by ``\\`` or ``/``), whether its row is kept; false for null."""
    return below(paths) | scripts(paths)


def below(paths: pa.ChunkedArray) -> Mask:
    """Whether a path is a web folder or lies below one."""
    return np.asarray(pc.fill_null(pc.match_substring_regex(paths, _BELOW), False))


def scripts(names: pa.ChunkedArray) -> Mask:
    """Whether a path, or a name alone, is that of a file that a web server runs."""
    return np.asarray(pc.fill_null(pc.match_substring_regex(names, _SCRIPT), False))


def last_parts(names: pa.ChunkedArray) -> Mask:
    """Whether a name is that of a web folder, if it lies in the right one."""
    return np.asarray(pc.fill_null(pc.match_substring_regex(names, _LAST), False))
