"""Web shells by use: files in Exchange's web folders that are not Exchange's own and were asked for by an intruder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from brokenseal.events import EventStore
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.matches import MATCHES

#: Answers that say that the page is not there: OWA sends unknown pages to the logon page, IIS says 404 or 410. Other answers
#: (401, 304, 5xx) say nothing of the kind.
GONE = "301, 302, 303, 307, 404, 410"
ALIVE, REMOVED, NEVER_ANSWERED = "alive", "removed", "never_answered"


@dataclass(frozen=True, slots=True)
class WebShell:
    """One URL on one host, as requests show it.

    ``state``: alive (nothing after its last success says that it is gone), removed (it answered, later it was not there),
    never_answered.
    ``first_ms``/``last_ms`` are the first and last successful answers in milliseconds since 1970 UTC, null if none;
    ``requests`` counts the answered ones, or all if none was answered; ``findings`` are the keys of those that show it.
    """

    intrusion: str
    host: str
    url: str
    first_ms: int | None
    last_ms: int | None
    state: str
    requests: int
    findings: frozenset[tuple[str, str, str]]


def collect_webshells(store: EventStore, intrusions: Sequence[Intrusion]) -> list[WebShell]:
    """All web shells by first use; URLs that differ in case are one file. Needs the table ``shell_rules(rule, used)``."""
    owner, shown_by = _owners(store, intrusions)
    if not owner:
        return []
    # A scanner's later visit tells whether the file is still there, so the state takes every client's requests.
    rows = store.engine.query(
        "SELECT host, lower(url) AS key, min(url) AS url, count(DISTINCT (source_id, line)) AS requests, "
        "count(DISTINCT (source_id, line)) FILTER (used) AS answers, epoch_ms(min(time) FILTER (used)) AS first_ms, "
        "epoch_ms(max(time) FILTER (used)) AS last_ms, "
        f"epoch_ms(max(time) FILTER (NOT used AND status IN ({GONE}))) AS gone_ms "
        f"FROM {MATCHES} JOIN shell_rules USING (rule) WHERE url IS NOT NULL GROUP BY host, lower(url)"
    ).to_pylist()
    shells = []
    for row in rows:
        intrusion = owner.get((row["host"], row["key"]))
        if intrusion is None:
            continue
        answered = row["answers"] > 0
        state = NEVER_ANSWERED if not answered else REMOVED if (row["gone_ms"] or 0) > row["last_ms"] else ALIVE
        requests = row["answers"] if answered else row["requests"]
        findings = frozenset(shown_by[row["host"], row["key"]])
        shells.append(
            WebShell(intrusion, row["host"], row["url"], row["first_ms"], row["last_ms"], state, requests, findings)
        )
    shells.sort(key=lambda shell: (shell.first_ms is None, shell.first_ms or 0, shell.host, shell.url))
    return shells


def _owners(
    store: EventStore, intrusions: Sequence[Intrusion]
) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], set[tuple[str, str, str]]]]:
    """(host, url) → the intrusion that used it (one that only asked for it, when nobody used it), and → finding keys."""
    members = {finding.key: intrusion.id for intrusion in intrusions for finding in intrusion.findings}
    rows = store.engine.query(
        f"SELECT DISTINCT rule, host, coalesce(source_ip, '') AS source_ip, lower(url) AS url, used "
        f"FROM {MATCHES} JOIN shell_rules USING (rule) WHERE url IS NOT NULL"
    ).to_pylist()
    owners: dict[tuple[str, str], str] = {}
    shown_by: dict[tuple[str, str], set[tuple[str, str, str]]] = defaultdict(set)
    for row in sorted(rows, key=lambda row: (not row["used"], row["rule"], row["source_ip"], row["url"])):
        key = (row["rule"], row["host"], row["source_ip"])
        shown_by[row["host"], row["url"]].add(key)
        if key in members:
            owners.setdefault((row["host"], row["url"]), members[key])
    return owners, shown_by
