"""Who the intruder is in logs that name clients: addresses, agents and applications, each of one intrusion and for a time.

An address belongs to an intrusion when its findings name it and show more than a probe. The user may add addresses and
agents, and take addresses away: addresses are shared and given on, and only people know which are their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from brokenseal.events import EventStore
from brokenseal.incident.intrusions import Intrusion
from brokenseal.incident.named_actors import Named
from brokenseal.incident.stages import Ladder
from brokenseal.sentences import say

#: How long before its first finding and after its last an address is taken for the intruder's.
BEFORE_MS = 24 * 3_600_000
AFTER_MS = 30 * 24 * 3_600_000

#: The relation of :func:`register_actors`.
ACTORS = "actors"

_FOREVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Actor:
    """One sign of one intrusion: an address, or a part of an agent. Times in milliseconds since 1970 UTC.

    ``intrusion`` is null where only the user names it and nothing of it is seen; ``why`` says where it comes from,
    ``named`` whether that is the user.
    """

    intrusion: str | None
    ip: str | None
    agent: str | None
    from_ms: int
    to_ms: int
    why: str = field(default="", compare=False)
    named: bool = field(default=False, compare=False)


def actors_of(intrusions: Sequence[Intrusion], ladder: Ladder, named: Named) -> list[Actor]:
    """All signs of all intrusions that broke in, and those that the user names.

    What the user names belongs to the intrusion that has the address, else to the only one if that broke in, else to one
    of its own (:func:`named_number`).
    """
    found: list[Actor] = []
    known: dict[str, str] = {}
    for intrusion in intrusions:
        inside = ladder.broke_in(intrusion.findings)
        for ip in intrusion.source_ips:
            known.setdefault(ip, intrusion.id)
            if inside and ip not in named.not_ips and ip not in named.ips:
                span = (intrusion.first_ms - BEFORE_MS, intrusion.last_ms + AFTER_MS)
                found.append(Actor(intrusion.id, ip, None, *span, say("actor.address", intrusion=intrusion.id)))
    alone = len(intrusions) == 1 and ladder.broke_in(intrusions[0].findings)
    whose = intrusions[0].id if alone else named_number(intrusions)
    always = (-_FOREVER, _FOREVER)
    by_address, by_agent = say("actor.named_address"), say("actor.named_agent")
    found += [Actor(known.get(ip, whose), ip, None, *always, by_address, named=True) for ip in named.ips]
    found += [Actor(whose, None, agent.lower(), *always, by_agent, named=True) for agent in named.agents]
    return found


def named_number(intrusions: Sequence[Intrusion]) -> str:
    """The id of the intrusion that only the user names: the one after all others."""
    return f"I{max((int(intrusion.id[1:]) for intrusion in intrusions), default=0) + 1}"


def register_actors(store: EventStore, actors: Sequence[Actor], named: Named) -> None:
    """Give SQL the tables ``actors(number, intrusion, ip, agent, from_ms, to_ms)`` and ``not_actors(ip)``."""
    store.engine.register(
        ACTORS,
        pa.table(
            {
                "number": pa.array(range(len(actors)), pa.int32()),
                "intrusion": pa.array([each.intrusion for each in actors], pa.string()),
                "ip": pa.array([each.ip for each in actors], pa.string()),
                "agent": pa.array([each.agent for each in actors], pa.string()),
                "from_ms": pa.array([each.from_ms for each in actors], pa.int64()),
                "to_ms": pa.array([each.to_ms for each in actors], pa.int64()),
            }
        ),
    )
    store.engine.register("not_actors", pa.table({"ip": pa.array(named.not_ips, pa.string())}))


def of_actor_sql(ip: str, agent: str, time_ms: str) -> str:
    """SQL condition of a join with ``actors a``: the client with this address (lower case) and agent is that actor."""
    return (
        f"{time_ms} BETWEEN a.from_ms AND a.to_ms AND (a.ip = {ip} OR "
        f"(a.agent IS NOT NULL AND contains(lower(coalesce({agent}, '')), a.agent) "
        # Records of applications may name no address.
        f"AND coalesce({ip}, '') NOT IN (SELECT ip FROM not_actors)))"
    )
