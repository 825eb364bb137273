"""The files of each server's web folders with their hashes, from the files themselves and from listings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from brokenseal.detections.web_file_judge import WebFileJudge
from brokenseal.events import Case, EventStore, default_jobs, ingest
from brokenseal.events.sources import WEB_FILE
from brokenseal.events.web_file import Judged
from brokenseal.evidence import collect
from brokenseal.incident.hosts import Hosts
from brokenseal.parsers import Settings
from brokenseal.parsers.file_listing import TABLE as LISTING

#: A list of files has one of these extensions, or none at all ($MFT).
_LISTS = (".csv", ".txt", ".json", ".jsonl", ".ndjson", ".gz")


@dataclass(slots=True)
class ServerFiles:
    """``files``: server → whole path → SHA-256 (lower case), None where only a listing without hashes names the file.

    ``unread``: what could not be read, one sentence each.
    """

    files: dict[str, dict[str, str | None]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


class _HashOnly(WebFileJudge):
    """Wants what the judge of a scan wants, and says nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fingerprint = hashlib.sha256(b"hash only").hexdigest()[:16]

    def judge(self, windows_path: str, data: bytes, size: int, tail: bytes = b"") -> Judged:
        return Judged({1: {}})


def server_files(
    evidence: Sequence[Path], *, hosts: Mapping[str, Path | Sequence[Path]] | None = None, jobs: int | None = None
) -> ServerFiles:
    """The files of the web folders in *evidence* (folders, archives, listings, a ``$MFT``); deleted ones are not among them.

    ``hosts``: server name → folder. Raises UsageError (a path that does not exist).
    """
    judge = _HashOnly()
    inventory = collect(evidence, hosts or {})
    chosen = [
        file
        for file in inventory.files
        if judge.wants(path := file.windows_path or file.name)
        or path.lower().endswith(_LISTS)
        or "." not in path.replace("\\", "/").rpartition("/")[2]
    ]
    found = ServerFiles()
    with Case(None) as case:
        ingest(case, chosen, Settings(), None, judge=judge, jobs=jobs or default_jobs())
        store = EventStore(case, threads=jobs or default_jobs())
        try:
            _take(store, found)
        finally:
            store.close()
    found.unread += [f"{refusal.name}: {refusal.reason}" for refusal in inventory.refusals if not refusal.nothing_lost]
    return found


def _take(store: EventStore, found: ServerFiles) -> None:
    listed = [source for source in store.all_sources if source.kind in (WEB_FILE, LISTING)]
    hosts = Hosts(listed)
    found.unread += [f"{source.name}: {source.damage}" for source in listed if source.damage]
    found.unread += [f"{source.name}: {source.rejects} row(s) could not be read" for source in listed if source.rejects]
    store.register_hosts({source.id: hosts.of[source.id].host for source in listed})
    for kind, condition in (
        (LISTING, "WHERE deleted IS NULL AND coalesce(attributes, '') NOT LIKE '%D%'"),
        (WEB_FILE, "WHERE line = 1"),
    ):
        events = store.events(kind)
        if events is None:
            continue
        rows = store.engine.query(
            f"SELECT DISTINCT coalesce(e.host, s.source_host) AS host, e.path, e.sha256 FROM {events} e "
            f"LEFT JOIN source_hosts s ON s.source_id = e.source_id {condition} ORDER BY ALL"
        )
        # The files themselves come last and outweigh what a list says of them.
        for host, path, sha256 in zip(*(rows.column(name).to_pylist() for name in rows.column_names), strict=True):
            files = found.files.setdefault(hosts.spelled(host), {})
            if sha256 is not None or path not in files:
                files[path] = sha256
