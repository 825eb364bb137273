"""Agents and applications that only an intruder uses: by them he is known from addresses that nothing else names.

An agent counts when a signed-in request from an intruder's address had it, nobody had it before the intrusion began, and
hardly anybody else has it since. Common programs are never taken for an intruder's.
"""

from __future__ import annotations

from collections.abc import Sequence

from brokenseal.events import EventStore
from brokenseal.incident.actors import ACTORS, AFTER_MS, Actor
from brokenseal.incident.event_sql import client_sql
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.mail_requests import MAIL_REQUESTS
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT
from brokenseal.sentences import say

#: Shorter agents say too little.
SHORTEST = 12
#: An agent that so many users have from other addresses is a common one.
COMMON_USERS = 3
#: The application of an audit record; of a consent the one that was consented to.
_APPLICATION = (
    "CASE WHEN regexp_matches(e.Operation, '(?i)^(consent to application|add (oauth2|delegated) ?permission ?grant)') THEN "
    "nullif(regexp_extract(e.Target, '(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 0), '') ELSE e.AppId END"
)


def agents_of(store: EventStore, actors: Sequence[Actor], intrusions: Sequence[Intrusion]) -> list[Actor]:
    """Further signs of the intruders that *actors* (registered) names by address. Needs the view ``mail_requests``."""
    if not any(actor.ip is not None and actor.intrusion is not None for actor in actors):
        return []
    started = {intrusion.id: intrusion for intrusion in intrusions}
    signs = [
        (
            "user_agent",
            f"SELECT ip, lower(agent) AS sign, lower(signed_in) AS who, epoch_ms(time) AS time_ms FROM {MAIL_REQUESTS} "
            "WHERE signed_in IS NOT NULL AND agent IS NOT NULL",
        )
    ]
    audit = store.events(MAIL_AUDIT)
    if audit is not None:
        signs.append(
            (
                "application",
                f'SELECT {client_sql("e.ClientIP")} AS ip, lower({_APPLICATION}) AS sign, lower(e."User") AS who, '
                f"epoch_ms(e.time) AS time_ms FROM {audit} e WHERE {_APPLICATION} IS NOT NULL",
            )
        )
    found = []
    for what, relation in signs:
        rows = store.engine.query(
            f"WITH seen AS ({relation}), own AS (SELECT DISTINCT a.intrusion, s.sign FROM seen s JOIN {ACTORS} a "
            "ON a.ip = s.ip AND s.time_ms BETWEEN a.from_ms AND a.to_ms "
            f"WHERE a.intrusion IS NOT NULL AND length(s.sign) >= {SHORTEST}), "
            f"others AS (SELECT s.sign, min(s.time_ms) AS first_ms, count(DISTINCT s.who) AS users FROM seen s "
            "WHERE s.sign IN (SELECT sign FROM own) "
            f"AND coalesce(s.ip, '') NOT IN (SELECT ip FROM {ACTORS} WHERE ip IS NOT NULL) "
            "GROUP BY s.sign) SELECT own.intrusion, own.sign, others.first_ms FROM own JOIN others USING (sign) "
            f"WHERE others.users < {COMMON_USERS} ORDER BY ALL"
        ).to_pylist()
        for row in rows:
            intrusion = started.get(row["intrusion"])
            if intrusion is None or row["first_ms"] < intrusion.first_ms:
                continue
            why = say(f"actor.{what}", intrusion=intrusion.id)
            found.append(Actor(intrusion.id, None, row["sign"], intrusion.first_ms, intrusion.last_ms + AFTER_MS, why))
    return found
