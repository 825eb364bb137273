"""All files of web folders that a case knows, from the files themselves and from listings, in one relation for rules.

Python looks at each distinct path once (its folder, URL, own names); everything else is SQL.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import pyarrow as pa

from brokenseal.detections.web_file_kind import FIELD_NAMES
from brokenseal.detections.web_folder_data import WebFolder
from brokenseal.detections.web_folders import WebFolders, built_in, is_script, web_folder_of, without_version
from brokenseal.events import EventStore
from brokenseal.events.engine import sql_name, sql_text
from brokenseal.events.sources import WEB_FILE
from brokenseal.events.web_file import COLUMNS
from brokenseal.incident.event_sql import HOST, HOST_JOIN
from brokenseal.parsers.file_listing import TABLE as LISTING

#: The relation that rules on web files run on; ``place`` is the same for one file on many servers.
WEB_FILES = "web_files"

_HASHES = ("sha256", "sha1", "md5")
#: Content below this score speaks for nothing.
ORDINARY_SCORE = 25
#: What listings say of a file beside its path.
_LISTED = ("attributes", "owner", "created", "fn_created", "deleted", "si_before_fn", "zero_subseconds")
#: A listing's row is looked at if a server could run it, or if a library or configuration of it.
_TELLING = (
    r"(?i)\.(?:aspx|ashx|asmx|asax|ascx|asp|svc|soap|rem|cshtml|vbhtml|php[3457]?|phtml|phar|jspx?|jspf|jspa|master|config"
    r"|dll|compiled)$"
)
_PATH_COLUMNS = (
    "name",
    "extension",
    "script",
    "folder",
    "holds",
    "site",
    "url",
    "own_name",
    "imitates",
    "published_name",
    "place",
)


def build_web_files(store: EventStore) -> bool:
    """Make the table :data:`WEB_FILES`; False if the case has no such file.

    ``time`` is when the file came as far as anything says: the time of its name in the folder ($MFT), that of its creation,
    else that of its last change.

    Needs the tables ``source_hosts`` and ``host_spellings``.
    """
    content, listed = store.events(WEB_FILE), store.events(LISTING)
    if content is None and listed is None:
        return False
    parts = []
    if content is not None:
        empty = ", ".join(f"NULL::VARCHAR AS {name}" for name in _LISTED)
        own = ", ".join(sql_name(column.name) for column in COLUMNS)
        parts.append(f"SELECT {_HEAD}, 'content' AS seen_in, {own}, {empty} FROM {content} e {HOST_JOIN}")
    if listed is not None:
        parts.append(
            f"SELECT {_HEAD}, 'listing' AS seen_in, {_of_listing()} FROM {listed} e {HOST_JOIN} WHERE {_telling()}"
        )
    engine = store.engine
    engine.execute(f"CREATE OR REPLACE TEMP TABLE web_file_rows AS {' UNION ALL BY NAME '.join(parts)}")
    engine.register("web_paths", _paths(store))
    engine.register("known_hashes", _known_hashes())
    engine.execute(f"CREATE OR REPLACE TEMP TABLE web_file_places AS {_PLACES}")
    selected = ", ".join(f"{_FROM.get(name, f'r.{sql_name(name)}')} AS {sql_name(name)}" for name in FIELD_NAMES)
    engine.execute(
        f"CREATE OR REPLACE TABLE {WEB_FILES} AS {_SUMMARIES} SELECT r.host, coalesce(came, r.time) AS time, "
        f'r.source_id, r.line, r."offset", r.place, {selected} {_JOINED} {_bounds(store)}'
    )
    for name in ("web_paths", "known_hashes"):
        engine.unregister(name)
    for name in ("web_file_rows", "web_file_places"):
        engine.execute(f"DROP TABLE {name}")
    return True


def _bounds(store: EventStore) -> str:
    """A file that came after the time asked for is not judged; one that came before it is, unless it was gone by then."""
    came, bounds = "coalesce(came, r.time)", ["TRUE"]
    if store.until is not None:
        bounds.append(f"{came} < TIMESTAMPTZ {sql_text(store.until.isoformat())}")
    if store.since is not None:
        since = f"TIMESTAMPTZ {sql_text(store.since.isoformat())}"
        bounds.append(f"({came} >= {since} OR (r.page IS NULL AND r.deleted IS NULL))")
    return f"WHERE {' AND '.join(bounds)}"


_PLACES = (
    "SELECT r.*, p.* EXCLUDE (host, path, page) FROM web_file_rows r JOIN web_paths p "
    "ON p.host = r.host AND p.path = r.path AND p.page IS NOT DISTINCT FROM r.page"
)
_SUMMARIES = (
    "WITH spread AS (SELECT place, count(DISTINCT host) AS hosts_with FROM web_file_places GROUP BY place), "
    "reach AS (SELECT folder, count(DISTINCT host) AS hosts_seen FROM web_file_places GROUP BY folder), "
    # What is at the place of a listing's row, and at the URL of a compiled page.
    "contents AS (SELECT host, place, any_value(lower(url)) AS page_url, CASE WHEN bool_or(suspicious = 'true' OR score >= "
    f"{ORDINARY_SCORE}) THEN 'suspicious' ELSE 'ordinary' END AS content FROM web_file_places "
    "WHERE page IS NULL AND seen_in = 'content' AND line = 1 GROUP BY host, place), "
    "pages AS (SELECT host, page_url, max(content) AS content FROM contents WHERE page_url IS NOT NULL "
    "GROUP BY host, page_url), "
    "births AS (SELECT host, place, coalesce(max(try_cast(fn_created AS TIMESTAMPTZ)), "
    "max(try_cast(created AS TIMESTAMPTZ))) AS came FROM web_file_places GROUP BY host, place), "
    "published AS (SELECT r.source_id, r.line, min(k.said) AS said FROM web_file_places r "
    "JOIN known_hashes k ON k.hash IN (r.sha256, r.sha1, r.md5) GROUP BY ALL)"
)
_JOINED = (
    "FROM web_file_places r LEFT JOIN births USING (host, place) LEFT JOIN spread USING (place) "
    "LEFT JOIN reach USING (folder) LEFT JOIN contents USING (host, place) "
    "LEFT JOIN pages ON pages.host = r.host AND pages.page_url = lower(r.page) "
    "LEFT JOIN published ON published.source_id = r.source_id AND published.line = r.line"
)
_HEAD = f'{HOST} AS host, e.time, e.source_id, e.line, e."offset"'
#: Where a field comes from, if not from the rows.
_FROM = {
    "known_hash": "published.said",
    "page_content": "CASE WHEN r.page IS NULL THEN contents.content ELSE pages.content END",
    "hosts_with": "CASE WHEN r.folder IS NOT NULL THEN hosts_with END",
    "hosts_seen": "hosts_seen",
}


def _of_listing() -> str:
    """The columns of the table ``web_file`` from a listing's row, and what only listings have."""
    made = {column.name: f"NULL::{'BIGINT' if column.name in ('size', 'score') else 'VARCHAR'}" for column in COLUMNS}
    made |= {name: name for name in ("path", "size", *_HASHES)}
    made["modified"] = "strftime(e.time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ')"
    made["modified_zone"] = "'UTC'"
    return ", ".join(f"{sql} AS {sql_name(name)}" for name, sql in made.items()) + ", " + ", ".join(_LISTED)


def _telling() -> str:
    hashes = ", ".join(sql_text(value) for value in _hashes_said())
    known = " OR ".join(f"{name} IN ({hashes})" for name in _HASHES)
    return f"(regexp_matches(e.path, {sql_text(_TELLING)}) OR {known}) AND coalesce(attributes, '') NOT LIKE '%D%'"


def _paths(store: EventStore) -> pa.Table:
    """One row for each host and path (and page, of compiled records) with what the folders say of it."""
    rows = store.engine.query("SELECT DISTINCT host, path, page FROM web_file_rows ORDER BY ALL").to_pylist()
    folders = _own_folders(store)
    made: dict[str, list[str | None]] = {name: [] for name in ("host", "path", "page", *_PATH_COLUMNS)}
    for row in rows:
        of_host = folders.get(row["host"], built_in())
        told = _of_page(of_host, row["page"]) if row["page"] else _of_path(of_host, row["path"])
        for name in ("host", "path", "page"):
            made[name].append(row[name])
        for name in _PATH_COLUMNS:
            made[name].append(told.get(name))
    return pa.table({name: pa.array(values, pa.string()) for name, values in made.items()})


def _of_path(folders: WebFolders, path: str) -> Mapping[str, str | None]:
    name = path.rpartition("\\")[2]
    told: dict[str, str | None] = {
        "name": name,
        "extension": name.rpartition(".")[2].lower() if "." in name else None,
        "script": "true" if is_script(path) else None,
        "place": re.sub(r"^[A-Za-z]:", "", path).strip("\\").lower(),
    }
    placed = folders.of(path)
    if placed is None:
        return told
    own = folders.is_own_name(path)
    alike = folders.look_alike(path) if own is not True else None
    told["folder"] = placed.folder.path
    told["holds"] = placed.folder.holds
    told["site"] = placed.folder.site
    told["url"] = folders.url_of(path)
    told["own_name"] = None if own is None else str(own).lower()
    told["imitates"] = alike.imitates if alike is not None else None
    told["published_name"] = "true" if alike is not None and alike.published else None
    told["place"] = without_version(f"{placed.folder.path}\\{placed.rest}").lower()
    return told


def _of_page(folders: WebFolders, page: str) -> Mapping[str, str | None]:
    """What is known of the page whose compiled record this is: the first file that its URL may stand for."""
    ends = folders.path_ends(page)
    told: dict[str, str | None] = {}
    if ends:
        told = dict(_of_path(folders, ends[0]))
        own = [folders.is_own_name(end) for end in ends]
        if any(own):
            told["own_name"] = "true"
    told["url"] = page
    told.setdefault("name", page.rpartition("/")[2])
    told["place"] = f"compiled {page.lower()}"
    return told


def _own_folders(store: EventStore) -> dict[str, WebFolders]:
    """The web folders of each host whose ``applicationHost.config`` is in the case."""
    rows = store.engine.query(
        "SELECT DISTINCT host, folders FROM web_file_rows WHERE folders IS NOT NULL ORDER BY ALL"
    ).to_pylist()
    named: dict[str, list[WebFolder]] = {}
    for row in rows:
        for site, url, path in json.loads(row["folders"]):
            # Exchange's own folders are known already, with the names of the files in them.
            if web_folder_of(path) is None:
                named.setdefault(row["host"], []).append(WebFolder(path, site, "pages", url))
    return {host: WebFolders(found) for host, found in named.items()}


def _known_hashes() -> pa.Table:
    said = _hashes_said()
    return pa.table({"hash": pa.array(said, pa.string()), "said": pa.array(said.values(), pa.string())})


@cache
def _hashes_said() -> Mapping[str, str]:
    """Published hashes (lower case) of the campaigns' files → who published them and as what."""
    found: dict[str, str] = {}
    for table in _indicator_tables():
        for row in csv.DictReader(table.splitlines()):
            if row["type"] in _HASHES:
                found.setdefault(row["indicator"].lower(), f"{row['note']} ({row['source']})")
    return found


def _indicator_tables() -> Iterable[str]:
    content = files("brokenseal") / "content"
    for folder in sorted(content.iterdir(), key=lambda each: each.name):
        table = folder / "indicators.csv"
        if folder.is_dir() and table.is_file():
            yield table.read_text(encoding="utf-8")
