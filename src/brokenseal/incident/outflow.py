"""How mail left the server, client by client and hour by hour: the way the break-ins of 2021 were first noticed.

No rule is needed for it: bytes that went to an address which no user's normal use explains stand out by themselves.
*Normal* is what a signed-in user asks for from an address that this user comes from on several days, or what any user
of the same network does.
"""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.events import EventStore
from brokenseal.incident.actors import ACTORS, of_actor_sql
from brokenseal.incident.mail_requests import MAIL_REQUESTS
from brokenseal.incident.matches import MATCHES

#: A user's address is a usual one when it is seen on so many days, or when so many users come from it.
USUAL_DAYS, USUAL_USERS = 3, 3
#: Clients listed, and hours.
MOST_CLIENTS, MOST_HOURS = 50, 24 * 400


@dataclass(frozen=True, slots=True)
class Client:
    """One client address. ``unexplained`` bytes are part of ``bytes``; times in milliseconds since 1970 UTC.

    ``intrusion`` is null for addresses that nothing ties to an intrusion. ``users``: who was signed in (at most ten).
    """

    ip: str
    bytes: int
    unexplained: int
    requests: int
    first_ms: int
    last_ms: int
    users: list[str]
    intrusion: str | None


@dataclass(frozen=True, slots=True)
class Hour:
    """Bytes of one hour (milliseconds since 1970 UTC): to intruders, and to everybody else."""

    time_ms: int
    actor: int
    others: int


@dataclass(frozen=True, slots=True)
class Outflow:
    """``clients`` by unexplained bytes, most first; ``hours`` in order, only those in which anything left."""

    clients: list[Client]
    hours: list[Hour]


def outflow(store: EventStore, forged_rules: str) -> Outflow:
    """Needs ``mail_requests``, ``matches`` and ``actors``. ``forged_rules``: SQL texts of the rules on forged requests."""
    engine = store.engine
    # One pass over all requests, down to one row for each client, user, hour and actor. Forged requests ask for a static
    # file, so they are not among those that can hand out mail; their own rows say what left.
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE answers AS SELECT q.ip, q.signed_in, date_trunc('hour', q.time) AS hour, "
        "min(a.number) AS actor, false AS forged, sum(q.bytes)::BIGINT AS bytes, count(*) AS requests, "
        f"min(q.time) AS first, max(q.time) AS last FROM {MAIL_REQUESTS} q LEFT JOIN {ACTORS} a "
        f"ON {of_actor_sql('q.ip', 'q.agent', 'epoch_ms(q.time)')} WHERE q.bytes > 0 AND q.ip IS NOT NULL GROUP BY 1, 2, 3 "
        "UNION ALL SELECT ip, NULL, date_trunc('hour', time), NULL, true, sum(bytes)::BIGINT, count(*), min(time), "
        "max(time) "
        "FROM (SELECT source_ip AS ip, any_value(time) AS time, max(bytes) AS bytes FROM "
        f"{MATCHES} WHERE rule IN ({forged_rules}) AND bytes > 0 AND source_ip IS NOT NULL "
        "GROUP BY source_ip, coalesce(request_id, source_id || ' ' || line)) GROUP BY 1, 3"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE told AS WITH usual AS (SELECT ip, signed_in FROM answers WHERE signed_in IS NOT NULL "
        f"GROUP BY ip, signed_in HAVING count(DISTINCT hour::DATE) >= {USUAL_DAYS}), "
        "shared AS (SELECT ip FROM answers WHERE signed_in IS NOT NULL GROUP BY ip "
        f"HAVING count(DISTINCT signed_in) >= {USUAL_USERS}) "
        "SELECT q.*, a.intrusion, q.forged OR q.actor IS NOT NULL AS of_actor, "
        "q.forged OR q.actor IS NOT NULL OR q.signed_in IS NULL OR NOT ((q.ip, q.signed_in) IN (SELECT (ip, signed_in) "
        f"FROM usual) OR q.ip IN (SELECT ip FROM shared)) AS unexplained FROM answers q LEFT JOIN {ACTORS} a "
        "ON a.number = q.actor"
    )
    clients = engine.query(
        "SELECT ip, sum(bytes)::BIGINT AS bytes, coalesce(sum(bytes) FILTER (unexplained), 0)::BIGINT AS unexplained, "
        "sum(requests)::BIGINT AS requests, epoch_ms(min(first)) AS first_ms, epoch_ms(max(last)) AS last_ms, "
        "list_sort(list(DISTINCT signed_in) FILTER (signed_in IS NOT NULL))[:10] AS users, "
        "coalesce(min(intrusion), "
        f"(SELECT min(a.intrusion) FROM {ACTORS} a WHERE a.ip = told.ip)) AS intrusion FROM told GROUP BY ip "
        f"ORDER BY unexplained DESC, bytes DESC, ip LIMIT {MOST_CLIENTS}"
    ).to_pylist()
    hours = engine.query(
        "SELECT epoch_ms(hour) AS time_ms, coalesce(sum(bytes) FILTER (of_actor), 0)::BIGINT AS actor, "
        "coalesce(sum(bytes) FILTER (NOT of_actor), 0)::BIGINT AS others FROM told GROUP BY 1 "
        f"ORDER BY 1 LIMIT {MOST_HOURS}"
    ).to_pylist()
    for table in ("told", "answers"):
        engine.execute(f"DROP TABLE {table}")
    return Outflow([Client(**{**row, "users": row["users"] or []}) for row in clients], [Hour(**row) for row in hours])
