"""Where addresses are, by a database that the user has: MaxMind DB files of cities or countries (GeoLite2, DB-IP ...).

Nothing is asked of a network. A database of countries has no coordinates: of its places only the continent is used.

References:
    https://maxmind.github.io/MaxMind-DB/
    https://dev.maxmind.com/geoip/docs/databases/city-and-country
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brokenseal.errors import UsageError

#: Kilometres around a place, where the database does not say how exact it is.
DEFAULT_RADIUS_KM = 100
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A place in degrees with the radius in kilometres that the database gives it; null where it knows only the country."""

    name: str
    latitude: float | None
    longitude: float | None
    radius_km: int
    continent: str | None
    country: str | None


@dataclass(frozen=True, slots=True)
class PlacesFile:
    """A database of places; ``built`` in milliseconds since 1970 UTC, as it says itself."""

    path: Path
    sha256: str
    kind: str
    built_ms: int

    def find(self, addresses: Iterable[str]) -> dict[str, Place]:
        """The places of *addresses*; private ones and those that the database does not know are left out."""
        from maxminddb import open_database

        found = {}
        with open_database(self.path) as database:
            for address in addresses:
                try:
                    record = database.get(address)
                except ValueError:
                    # No address, or one of a version that the database does not have.
                    continue
                place = _place(record) if isinstance(record, dict) else None
                if place is not None:
                    found[address] = place
        return found


def open_places(path: Path) -> PlacesFile:
    """The database at *path*. Raises :class:`UsageError`."""
    from maxminddb import InvalidDatabaseError, open_database

    try:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
        with open_database(path) as database:
            about = database.metadata()
    except (OSError, ValueError, InvalidDatabaseError) as error:
        raise UsageError(f"--geoip: {path} is no MaxMind DB file ({type(error).__name__})") from error
    return PlacesFile(path, digest.hexdigest(), str(about.database_type)[:100], int(about.build_epoch) * 1000)


def _place(record: Mapping[str, Any]) -> Place | None:
    location = _inner(record, "location")
    latitude, longitude = location.get("latitude"), location.get("longitude")
    exact = isinstance(latitude, (int, float)) and isinstance(longitude, (int, float))
    country = _inner(record, "country") or _inner(record, "registered_country")
    code, continent = country.get("iso_code"), _inner(record, "continent").get("code")
    if not exact and (not isinstance(continent, str) or not isinstance(code, str)):
        return None
    radius = location.get("accuracy_radius")
    return Place(
        ", ".join(name for name in (_name(record, "city"), _name(record, "country") or str(code or "")) if name)[:120],
        float(latitude) if exact and latitude is not None else None,
        float(longitude) if exact and longitude is not None else None,
        int(radius) if isinstance(radius, (int, float)) and radius >= 0 else DEFAULT_RADIUS_KM,
        continent if isinstance(continent, str) else None,
        code if isinstance(code, str) else None,
    )


def _inner(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = record.get(name)
    return inner if isinstance(inner, dict) else {}


def _name(record: Mapping[str, Any], name: str) -> str:
    names = _inner(_inner(record, name), "names")
    english = names.get("en")
    return english if isinstance(english, str) else ""
