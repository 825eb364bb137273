"""Web shells with their whole life: the file, how it came, who used it and when, what it started, and what became of it.

A shell is known by requests to a page that is not Exchange's own, by its file, or by both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from brokenseal.events import EventStore
from brokenseal.events.sources import WEB_FILE
from brokenseal.incident.findings import Key
from brokenseal.incident.intrusions import SHELL_BIRTH_MS, Intrusion
from brokenseal.incident.matches import MATCHES
from brokenseal.incident.process_tree import Process
from brokenseal.incident.shell_files import ShellFile, ShellKey, shell_files
from brokenseal.incident.stages import Ladder
from brokenseal.incident.web_files import WEB_FILES

#: Answers that say that the page is not there: OWA sends unknown pages to the logon page, IIS says 404 or 410. Other answers
#: (401, 304, 5xx) say nothing of the kind.
GONE = "301, 302, 303, 307, 404, 410"
ALIVE, REMOVED, NEVER_ANSWERED = "alive", "removed", "never_answered"
#: A command that a shell was told to run starts while the request is answered; logs have whole seconds.
STARTED_MS = 5_000
#: Addresses listed of one shell's clients.
MOST_CLIENTS = 50


@dataclass(slots=True)
class WebShell:
    """One web shell on one host. Times in milliseconds since 1970 UTC, null where nothing is known.

    ``state``: alive (it is there, or nothing after its last answer says that it is gone), removed, never_answered (asked
    for, never there). ``first_ms``/``last_ms``: its first and last answers. ``requests`` counts the answered ones, or all if
    none was answered; ``bytes_out`` sums their answers where the log has sizes. ``written_by``: keys of findings that show
    how it was written, ``findings``: of all that show the shell.
    """

    intrusion: str
    host: str
    url: str | None
    file: ShellFile
    first_ms: int | None = None
    last_ms: int | None = None
    state: str = ALIVE
    requests: int = 0
    bytes_out: int | None = None
    clients: list[str] = field(default_factory=list)
    findings: frozenset[Key] = frozenset()
    written_by: frozenset[Key] = frozenset()
    processes: list[Process] = field(default_factory=list)


def collect_webshells(store: EventStore, intrusions: Sequence[Intrusion], ladder: Ladder) -> list[WebShell]:
    """All web shells by first use; URLs that differ in case are one file. Needs the table ``shell_rules(rule, used)``."""
    owner, shown_by = _owners(store, intrusions)
    if not owner:
        return []
    used = {(row["host"], row["key"]): row for row in store.engine.query(_USE).to_pylist()}
    files = shell_files(store, owner)
    by_id = {intrusion.id: intrusion for intrusion in intrusions}
    shells = []
    for key in sorted(owner):
        file = files.get(key, ShellFile(key[0]))
        shell = WebShell(owner[key], key[0], file.url, file, findings=frozenset(shown_by[key]))
        row = used.get(key)
        if row is not None:
            _used(shell, row)
        shell.state = _state(shell, row)
        shell.written_by = _written_by(shell, by_id[shell.intrusion], ladder)
        shells.append(shell)
    _give_processes(store, shells, by_id)
    shells.sort(key=lambda s: (s.first_ms is None, s.first_ms or 0, s.host, s.url or "", s.file.path or ""))
    return shells


# A scanner's later visit tells whether the file is still there, so the state takes every client's requests.
_USE = (
    "WITH once AS (SELECT host, lower(url) AS key, source_id, line, any_value(url) AS url, any_value(time) AS time, "
    "any_value(status) AS status, any_value(bytes) AS bytes, any_value(source_ip) AS source_ip, bool_or(used) AS used "
    f"FROM {MATCHES} JOIN shell_rules USING (rule) WHERE url IS NOT NULL GROUP BY host, lower(url), source_id, line) "
    "SELECT host, key, min(url) AS url, count(*) AS requests, count(*) FILTER (used) AS answers, "
    "epoch_ms(min(time) FILTER (used)) AS first_ms, epoch_ms(max(time) FILTER (used)) AS last_ms, "
    "sum(bytes) FILTER (used) AS bytes_out, "
    "list_sort(list(DISTINCT source_ip) FILTER (used AND source_ip IS NOT NULL)) AS clients, "
    f"epoch_ms(max(time) FILTER (NOT used AND status IN ({GONE}))) AS gone_ms FROM once GROUP BY host, key ORDER BY ALL"
)


def _used(shell: WebShell, row: Mapping[str, object]) -> None:
    shell.url = str(row["url"])
    shell.first_ms, shell.last_ms = _number(row["first_ms"]), _number(row["last_ms"])
    answers, requests = _number(row["answers"]) or 0, _number(row["requests"]) or 0
    shell.requests = answers or requests
    shell.bytes_out = _number(row["bytes_out"])
    clients = row["clients"]
    shell.clients = list(clients)[:MOST_CLIENTS] if isinstance(clients, list) else []


def _state(shell: WebShell, use: Mapping[str, object] | None) -> str:
    if shell.file.there:
        return ALIVE
    if shell.file.gone:
        return REMOVED
    if use is None:
        return ALIVE
    if shell.last_ms is None:
        return ALIVE if shell.file.compiled or shell.file.lines else NEVER_ANSWERED
    return REMOVED if (_number(use["gone_ms"]) or 0) > shell.last_ms else ALIVE


def _written_by(shell: WebShell, intrusion: Intrusion, ladder: Ladder) -> frozenset[Key]:
    """The last thing before the shell came that can have written it, on the same host and within a day."""
    planted = shell.file.planted[0].time_ms if shell.file.planted else None
    known = [time for time in (planted, shell.first_ms) if time is not None]
    if not known:
        return frozenset()
    writes = [
        finding
        for finding in intrusion.findings
        if finding.host == shell.host
        and finding.dated
        and ladder.wrote_file(finding)
        and any(finding.first_ms <= time + STARTED_MS and time <= finding.last_ms + SHELL_BIRTH_MS for time in known)
    ]
    best = max(writes, key=lambda finding: (ladder.rank(finding), finding.last_ms, finding.key), default=None)
    return frozenset() if best is None else frozenset((best.key,))


def _give_processes(store: EventStore, shells: Sequence[WebShell], by_id: Mapping[str, Intrusion]) -> None:
    """Give each process that the web server started to the shell whose request lies nearest before it."""
    if not any(intrusion.processes for intrusion in by_id.values()):
        return
    times: dict[ShellKey, list[int]] = defaultdict(list)
    for row in store.engine.query(
        f"SELECT DISTINCT host, lower(url) AS key, epoch_ms(time) AS time_ms FROM {MATCHES} JOIN shell_rules USING (rule) "
        "WHERE used AND url IS NOT NULL ORDER BY ALL"
    ).to_pylist():
        times[row["host"], row["key"]].append(row["time_ms"])
    for shell_of_host in _by_host(shells).values():
        intrusion = by_id[shell_of_host[0].intrusion]
        for process in intrusion.processes:
            if process.host != shell_of_host[0].host or process.time_ms is None or not _of_web_server(process):
                continue
            near = [
                (distance, number)
                for number, shell in enumerate(shell_of_host)
                if shell.url is not None
                and (distance := _distance(times[shell.host, shell.url.lower()], process.time_ms)) is not None
            ]
            if near:
                shell_of_host[min(near)[1]].processes.append(process)


def _by_host(shells: Sequence[WebShell]) -> dict[tuple[str, str], list[WebShell]]:
    grouped: dict[tuple[str, str], list[WebShell]] = defaultdict(list)
    for shell in shells:
        grouped[shell.intrusion, shell.host].append(shell)
    return grouped


def _of_web_server(process: Process) -> bool:
    above = process.parent
    while above is not None:
        if above.name == "w3wp.exe":
            return True
        above = above.parent
    return False


def _distance(times: Sequence[int], moment: int) -> int | None:
    """Milliseconds from the nearest of the sorted *times* to *moment*, if it is near enough to have started it."""
    at = bisect_left(times, moment)
    near = [abs(time - moment) for time in times[max(0, at - 1) : at + 1]]
    best = min(near, default=None)
    return best if best is not None and best <= STARTED_MS else None


def _owners(store: EventStore, intrusions: Sequence[Intrusion]) -> tuple[dict[ShellKey, str], dict[ShellKey, set[Key]]]:
    """Shell → the intrusion that used or left it (one that only asked for it, when nobody did), and → finding keys."""
    members = {finding.key: intrusion.id for intrusion in intrusions for finding in intrusion.findings}
    planted = sorted(
        {f.rule.id for intrusion in intrusions for f in intrusion.findings if f.rule.webshell == "planted"}
    )
    rows = store.engine.query(
        f"SELECT DISTINCT rule, host, coalesce(source_ip, '') AS source_ip, lower(url) AS key, used "
        f"FROM {MATCHES} JOIN shell_rules USING (rule) WHERE url IS NOT NULL"
    ).to_pylist()
    if planted:
        names = ", ".join(f"'{rule}'" for rule in planted)
        rows += store.engine.query(
            "SELECT DISTINCT m.rule, m.host, '' AS source_ip, coalesce(lower(w.url), w.place) AS key, true AS used "
            f"FROM {MATCHES} m JOIN {WEB_FILES} w ON w.source_id = m.source_id AND w.line = m.line "
            f"WHERE m.kind = '{WEB_FILE}' AND m.rule IN ({names})"
        ).to_pylist()
    owners: dict[ShellKey, str] = {}
    shown_by: dict[ShellKey, set[Key]] = defaultdict(set)
    for row in sorted(rows, key=lambda row: (not row["used"], row["rule"], row["source_ip"], row["key"])):
        key = (row["rule"], row["host"], row["source_ip"])
        shown_by[row["host"], row["key"]].add(key)
        if key in members:
            owners.setdefault((row["host"], row["key"]), members[key])
    return owners, shown_by


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
