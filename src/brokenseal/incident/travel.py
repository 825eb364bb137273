"""A user in two places within less time than the way takes: a hint that somebody else has the password, and no more.

Looked at are the accesses of signed-in users to mail (HttpProxy, IIS) and the audit records with an address, down to one row
for each user, address and hour. Two accesses that follow one another are named when the places are farther apart than a
plane flies in that time. What the database says of its own inaccuracy is taken off the distance first. Phones that come in
through their carrier's network, VPNs, proxies and cloud services look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brokenseal.events import EventStore
from brokenseal.incident.event_sql import client_sql
from brokenseal.incident.findings import Line
from brokenseal.incident.identities import Identities, plain_name
from brokenseal.incident.ledger_rows import MailboxAccess
from brokenseal.incident.mail_requests import MAIL_REQUESTS
from brokenseal.incident.places import PlacesFile
from brokenseal.incident.small_tables import DECIMAL, NUMBER, TEXT, register_rows
from brokenseal.parsers.mail_audit import TABLE as MAIL_AUDIT

#: As fast as an airliner, and so far that two places are not one region. Kilometres and hours.
FASTEST_KM_H, NEAREST_KM = 900, 300
#: Between the old world and the new one there are at least so many kilometres of sea, but for the countries named.
OCEAN_KM = 1500
_OLD_WORLD, _NEW_WORLD, _BETWEEN = "('EU', 'AF', 'AS')", "('NA', 'SA')", "('GL', 'IS', 'RU')"
_EARTH_KM = 6371
#: Hints named of one user, and of all.
MOST_OF_USER, MOST = 20, 500


@dataclass(frozen=True, slots=True)
class TravelHint:
    """``user`` was seen at ``first_ip`` and then at ``second_ip``; times in milliseconds since 1970 UTC. ``km`` is what is
    left of the distance after the database's own inaccuracy."""

    user: str
    first_ip: str
    first_place: str
    second_ip: str
    second_place: str
    left_ms: int
    arrived_ms: int
    km: int
    lines: tuple[Line, Line]

    @property
    def hours(self) -> float:
        return round((self.arrived_ms - self.left_ms) / 3_600_000, 2)


def travel_hints(store: EventStore, places: PlacesFile, identities: Identities) -> list[TravelHint]:
    """All hints by user and time. Needs ``mail_requests`` and ``source_ranks``."""
    engine = store.engine
    parts = [
        'SELECT signed_in AS account, ip, epoch_ms(time) AS time_ms, source_id, line, "offset" '
        f"FROM {MAIL_REQUESTS} WHERE signed_in IS NOT NULL AND ip IS NOT NULL"
    ]
    audit = store.events(MAIL_AUDIT)
    if audit is not None:
        parts.append(
            f'SELECT lower(e."User"), {client_sql("e.ClientIP")}, epoch_ms(e.time), e.source_id, e.line, e."offset" '
            f'FROM {audit} e WHERE e."User" IS NOT NULL AND e.ClientIP IS NOT NULL'
        )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE stays AS SELECT account, ip, time_ms // 3600000 AS hour, "
        'min({t: time_ms, r: r.rank, l: line, s: m.source_id, o: "offset"}) AS earliest, '
        'max({t: time_ms, r: -r.rank, l: -line, s: m.source_id, o: "offset"}) AS latest '
        f"FROM ({' UNION ALL '.join(parts)}) m JOIN source_ranks r ON r.source_id = m.source_id GROUP BY 1, 2, 3"
    )
    users = engine.query("SELECT DISTINCT account FROM stays ORDER BY account").column(0).to_pylist()
    known = {user: _person(user, identities) for user in users}
    register_rows(store, "stay_users", {"account": TEXT, "person": TEXT}, list(known.items()))
    # Addresses of whoever has more than one: nobody else can have travelled.
    asked = engine.query(
        "SELECT DISTINCT ip FROM stays JOIN stay_users USING (account) QUALIFY min(ip) OVER (PARTITION BY person) "
        "<> max(ip) OVER (PARTITION BY person) ORDER BY ip"
    ).column(0)
    found = places.find(asked.to_pylist())
    if not found:
        return []
    columns = {
        "ip": TEXT,
        "latitude": DECIMAL,
        "longitude": DECIMAL,
        "radius": NUMBER,
        "continent": TEXT,
        "country": TEXT,
    }
    placed = [(ip, p.latitude, p.longitude, p.radius_km, p.continent, p.country) for ip, p in found.items()]
    register_rows(store, "places", columns, placed)
    rows = engine.query(_SQL).to_pylist()
    return [
        TravelHint(
            row["user_name"],
            row["first_ip"],
            found[row["first_ip"]].name,
            row["second_ip"],
            found[row["second_ip"]].name,
            row["left_ms"],
            row["arrived_ms"],
            int(row["km"]),
            (
                Line(row["s1"], row["l1"], row["o1"], row["left_ms"]),
                Line(row["s2"], row["l2"], row["o2"], row["arrived_ms"]),
            ),
        )
        for row in rows
    ]


def share_hints(
    hints: Sequence[TravelHint], ledger: Sequence[MailboxAccess], identities: Identities
) -> list[TravelHint]:
    """Put each hint at the first row of its user's mailbox; those of users that have none are returned."""
    first: dict[str, MailboxAccess] = {}
    for row in ledger:
        for name in (row.mailbox, *row.known_as, *row.users):
            if name:
                first.setdefault(_person(name, identities), row)
    left = []
    for hint in hints:
        row_of_user = first.get(_person(hint.user, identities))
        if row_of_user is None:
            left.append(hint)
        else:
            row_of_user.hints.append(hint)
    return left


def _person(user: str, identities: Identities) -> str:
    person = identities.person(user)
    return person.name if person is not None else plain_name(user)


#: Two stays of an hour may overlap: then the earlier one's first access is the one that the way begins at.
_SQL = f"""
WITH placed AS (
    SELECT u.person, s.account, s.ip, s.earliest, s.latest, p.* EXCLUDE (ip)
    FROM stays s JOIN stay_users u USING (account) JOIN places p USING (ip)
), pairs AS (
    SELECT person, account, ip, latitude, longitude, radius, continent, country, earliest AS second,
        lag({{ip: ip, latitude: latitude, longitude: longitude, radius: radius, continent: continent, country: country,
            earliest: earliest, latest: latest}}) OVER (PARTITION BY person ORDER BY earliest.t, ip, account) AS p
    FROM placed
), ways AS (
    SELECT person, account, p.ip AS first_ip, ip AS second_ip, second,
        CASE WHEN p.latest.t <= second.t THEN p.latest
        ELSE {{t: p.earliest.t, r: -p.earliest.r, l: -p.earliest.l, s: p.earliest.s, o: p.earliest.o}} END AS first,
        CASE WHEN p.latitude IS NOT NULL AND latitude IS NOT NULL THEN
            2 * {_EARTH_KM} * asin(least(1, sqrt(pow(sin(radians(latitude - p.latitude) / 2), 2) + cos(radians(p.latitude))
            * cos(radians(latitude)) * pow(sin(radians(longitude - p.longitude) / 2), 2)))) - radius - p.radius
        WHEN country NOT IN {_BETWEEN} AND p.country NOT IN {_BETWEEN}
            AND ((continent IN {_OLD_WORLD} AND p.continent IN {_NEW_WORLD})
            OR (continent IN {_NEW_WORLD} AND p.continent IN {_OLD_WORLD})) THEN {OCEAN_KM} END AS km
    FROM pairs WHERE p IS NOT NULL AND p.ip <> ip
)
SELECT account AS user_name, first_ip, second_ip, first.t AS left_ms, second.t AS arrived_ms, floor(km)::BIGINT AS km,
    first.s AS s1, -first.l AS l1, first.o AS o1, second.s AS s2, second.l AS l2, second.o AS o2
FROM ways WHERE km >= {NEAREST_KM} AND km > {FASTEST_KM_H} * (second.t - first.t) / 3600000.0
QUALIFY row_number() OVER (PARTITION BY person ORDER BY second.t, first_ip, second_ip) <= {MOST_OF_USER}
ORDER BY person, arrived_ms, first_ip, second_ip LIMIT {MOST}
"""
