"""What the files of a server say of its web shells: where each lay, its content, and when and by what it was put there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from brokenseal.events import EventStore
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.findings import DETAIL_LETTERS, Line
from brokenseal.incident.matches import MATCHES
from brokenseal.incident.web_files import WEB_FILES
from brokenseal.parsers.file_listing import TABLE as LISTING_TABLE
from brokenseal.parsers.windows_event import TABLE as WINDOWS_TABLE

#: Sentences kept on one file's content.
MOST_REASONS = 12
#: Lines of evidence on one file.
MOST_LINES = 10

#: Key of a shell: host, and its URL or, where it has none, its place; both in lower case.
ShellKey = tuple[str, str]

EVENT_LOG, MFT, LISTING, FILE = "event log", "$MFT", "listing", "file time"


@dataclass(frozen=True, slots=True)
class Planted:
    """When a file came, in milliseconds since 1970 UTC, from which kind of evidence, and its line."""

    time_ms: int
    known_from: str
    line: Line


@dataclass(slots=True)
class ShellFile:
    """One file as all of the evidence on files shows it.

    ``there``: its content is in the evidence; ``gone``: a listing says that it was deleted, or only its compiled form is
    left where its folder was collected; ``compiled``: ASP.NET made a library of it, so it ran. ``reasons``: what its content
    says, as sentences. ``planted``: all that is known of its coming, the most trustworthy first.
    """

    host: str
    path: str | None = None
    url: str | None = None
    there: bool = False
    gone: bool = False
    compiled: bool = False
    kind: str | None = None
    sha256: str | None = None
    size: int | None = None
    known_hash: str | None = None
    set_back: bool = False
    reasons: list[str] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def shell_files(store: EventStore, keys: Iterable[ShellKey]) -> dict[ShellKey, ShellFile]:
    """What is known of the files with these keys; those of which nothing is known are missing."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    store.engine.register(
        "wanted_shells",
        pa.table({"host": pa.array([k[0] for k in wanted]), "key": pa.array([k[1] for k in wanted])}),
    )
    found: dict[ShellKey, ShellFile] = defaultdict(lambda: ShellFile(""))
    if store.events(WEB_FILE) is not None or store.events(LISTING_TABLE) is not None:
        for row in store.engine.query(_FILES).to_pylist():
            _take(found[row["host"], row["key"]], row)
        for key in _covered(store, [key for key, file in found.items() if file.compiled and not file.there]):
            found[key].gone = True
    for row in store.engine.query(_WRITES).to_pylist():
        file = found[row["host"], row["key"]]
        file.host, file.url, file.path = row["host"], file.url or row["url"], file.path or row["path"]
        file.planted.append(Planted(row["time_ms"], EVENT_LOG, _line(row)))
    store.engine.unregister("wanted_shells")
    for file in found.values():
        order = (EVENT_LOG, MFT, LISTING, FILE)
        file.planted.sort(key=lambda each: (order.index(each.known_from), each.time_ms, each.line.source_id))
        file.lines = file.lines[:MOST_LINES]
    return dict(found)


_FILES = (
    "SELECT k.host, k.key, w.*, epoch_ms(w.time) AS time_ms, "
    "epoch_ms(try_cast(w.modified AS TIMESTAMPTZ)) AS modified_ms, "
    "epoch_ms(try_cast(w.fn_created AS TIMESTAMPTZ)) AS fn_ms, "
    "epoch_ms(try_cast(w.created AS TIMESTAMPTZ)) AS created_ms "
    f"FROM wanted_shells k JOIN {WEB_FILES} w ON w.host = k.host AND k.key = coalesce(lower(w.url), w.place) "
    "JOIN source_ranks r ON r.source_id = w.source_id WHERE w.line = 1 OR w.seen_in = 'listing' "
    "ORDER BY k.host, k.key, w.seen_in, w.page IS NOT NULL, r.rank, w.line"
)
_WRITES = (
    'SELECT k.host, k.key, m.url, m.target AS path, epoch_ms(m.time) AS time_ms, m.source_id, m.line, m."offset", m.record '
    f"FROM wanted_shells k JOIN {MATCHES} m ON m.host = k.host AND lower(m.url) = k.key "
    f"JOIN source_ranks r ON r.source_id = m.source_id WHERE m.kind = '{WINDOWS_TABLE}' "
    "QUALIFY row_number() OVER (PARTITION BY k.host, k.key ORDER BY m.time, r.rank, m.line) = 1 "
    "ORDER BY ALL"
)


def _take(file: ShellFile, row: dict[str, object]) -> None:
    line = _line(row)
    file.host = str(row["host"])
    file.lines.append(line)
    file.url = file.url or _text(row["url"])
    if row["page"] is not None:
        file.compiled = True
        return
    file.path = file.path or _text(row["path"])
    file.sha256 = file.sha256 or _text(row["sha256"])
    file.known_hash = file.known_hash or _text(row["known_hash"])
    file.set_back |= row["si_before_fn"] == "true"
    if row["size"] is not None and file.size is None:
        file.size = int(str(row["size"]))
    if row["seen_in"] == "content":
        file.there = True
        if row["suspicious"] == "true":
            file.kind = file.kind or _text(row["content"])
            file.reasons = file.reasons or str(row["why"] or "").split("\n")[:MOST_REASONS]
        if row["modified_zone"] == "UTC" and row["modified_ms"] is not None:
            file.planted.append(Planted(int(str(row["modified_ms"])), FILE, line))
        return
    file.gone |= row["deleted"] == "true"
    if row["fn_ms"] is not None:
        file.planted.append(Planted(int(str(row["fn_ms"])), MFT, line))
    elif row["created_ms"] is not None:
        file.planted.append(Planted(int(str(row["created_ms"])), LISTING, line))


def _covered(store: EventStore, keys: Sequence[ShellKey]) -> list[ShellKey]:
    """Of these keys (URLs of compiled pages) those whose server's folders were collected: the page should be there."""
    if not keys:
        return []
    hosts = store.engine.query(
        f"SELECT DISTINCT host FROM {WEB_FILES} WHERE seen_in = 'content' AND holds IN ('exchange', 'helpers', 'pages')"
    )
    seen = set(hosts.column("host").to_pylist())
    return [key for key in keys if key[0] in seen]


def _line(row: dict[str, object]) -> Line:
    number = row.get("record")
    return Line(
        int(str(row["source_id"])),
        int(str(row["line"])),
        int(str(row["offset"])),
        int(str(row["time_ms"])),
        int(str(number)) if number is not None else None,
        (_text(row.get("path")) or "")[:DETAIL_LETTERS] or None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
