"""Files of web folders as rules see them: ``product: exchange``, ``service: web-file``.

A row is a file itself, judged by its content, or a row of a listing, of which content is unknown. What hangs on the server's
folders (URL, names that Exchange has itself, other hosts) is added when all of a case is known.
"""

from __future__ import annotations

from types import MappingProxyType

from brokenseal.detections.taxonomy import EventField, EventKind, FieldType, normal_field_name
from brokenseal.events.engine import sql_name
from brokenseal.events.sources import WEB_FILE
from brokenseal.events.web_file import COLUMNS
from brokenseal.parsers.columns import Cell

#: Fields beside those of the table ``web_file``: name, whether a number, and what it means.
ADDED: tuple[tuple[str, bool, str], ...] = (
    ("seen_in", False, "content (the file itself) or listing (a list of files, or a $MFT)"),
    ("name", False, "name of the file"),
    ("extension", False, "its extension, lower case, without the dot"),
    ("script", False, "'true' if a web server would run it by its name"),
    ("folder", False, "the web folder that it lies in (the last parts of its path)"),
    ("holds", False, "exchange, pages, helpers, compiled, server, other: what the folder is for"),
    ("site", False, "front end, back end, other, or a site's name"),
    ("url", False, "path of the URL at which a web server offers it"),
    ("own_name", False, "'true'/'false': Exchange or IIS has a file of that name there; null where that is not known"),
    ("imitates", False, "the own name that it imitates"),
    ("published_name", False, "'true' if attackers were reported to use that name"),
    (
        "page_content",
        False,
        "ordinary or suspicious: what is at this place, or at the URL of this compiled page; null if that is not known",
    ),
    ("known_hash", False, "what a published list of hashes says of this content"),
    ("attributes", False, "letters R H S A D L … (listings only)"),
    ("owner", False, "account that owns it (listings only)"),
    ("created", False, "time of creation, RFC 3339 UTC (listings only)"),
    ("fn_created", False, "time of creation of the name in the folder ($MFT only), RFC 3339 UTC"),
    ("deleted", False, "'true' if only its record is left"),
    ("si_before_fn", False, "'true' if it says that it is older than its own name in the folder"),
    ("zero_subseconds", False, "'true' if its times are on whole seconds"),
    ("hosts_with", True, "on how many servers of the case this file is"),
    ("hosts_seen", True, "on how many servers of the case this web folder was seen"),
)
#: All field names in the order of the relation that rules run on.
FIELD_NAMES = (*(column.name for column in COLUMNS), *(name for name, _, _ in ADDED))


def web_file_kind() -> EventKind:
    """The kind ``web_file``; its relation has the columns :data:`FIELD_NAMES` after the common ones."""
    fields = {
        "host": EventField("host", sql_name("host"), FieldType.TEXT, ("host",), in_line=False),
        "time": EventField("time", sql_name("time"), FieldType.TIME, ("time",), in_line=False),
    }
    numbers = {column.name for column in COLUMNS if column.cell is Cell.INT64}
    numbers |= {name for name, number, _ in ADDED if number}
    for name in FIELD_NAMES:
        kind = FieldType.INTEGER if name in numbers else FieldType.TEXT
        searched = kind is FieldType.TEXT and name in ("path", "why", "oddity_text", "yara")
        fields[normal_field_name(name)] = EventField(
            name, sql_name(name), kind, (name,), in_line=False, searched=searched
        )
    for alias, name in (("targetfilename", "path"), ("filename", "name"), ("uri-path", "url"), ("file", "path")):
        fields.setdefault(alias, fields[normal_field_name(name)])
    nothing = "CAST(NULL AS VARCHAR)"
    return EventKind(WEB_FILE, MappingProxyType(fields), source_ip=nothing, request_id=nothing)
