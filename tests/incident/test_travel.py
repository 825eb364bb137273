"""Hints on users in two places: only where the way is longer than a plane flies, and never more than a hint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.incident.places_database import city, write_places

from brokenseal.errors import UsageError

if TYPE_CHECKING:
    from tests.incident.conftest import BrokenInto

OSLO, LIMA, BERGEN = "192.0.2.10", "198.51.100.7", "192.0.2.200"
# Oslo to Lima: 11,050 km on the great circle; Oslo to Bergen: 305 km.
PLACES = {
    f"{OSLO}/32": city("Oslo", "NO", "EU", 59.91, 10.75),
    f"{LIMA}/32": city("Lima", "PE", "SA", -12.05, -77.04),
    f"{BERGEN}/32": city("Bergen", "NO", "EU", 60.39, 5.32),
}


@pytest.fixture
def places(tmp_path: Path) -> Path:
    return write_places(tmp_path / "places.mmdb", PLACES)


def hints(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [*found["hints"], *(hint for row in found["mailboxes"] for hint in row["hints"])]


def read(broken_into: BrokenInto, time: str, user: str, ip: str) -> None:
    broken_into.front(time, "Ews", user, ip, UrlStem="/EWS/Exchange.asmx")


def test_a_way_that_no_plane_flies_is_named(broken_into: BrokenInto, places: Path) -> None:
    read(broken_into, "04:00:00", "CORP\\anna", OSLO)
    read(broken_into, "04:59:59", "CORP\\anna", OSLO)
    read(broken_into, "05:30:00", "CORP\\anna", LIMA)
    without = broken_into.scanned()
    found = broken_into.scanned(geoip=places)
    (hint,) = hints(found)
    assert (hint["user"], hint["from"], hint["to"]) == ("corp\\anna", OSLO, LIMA)
    assert (hint["from_place"], hint["to_place"]) == ("Oslo, NO", "Lima, PE")
    assert (hint["left"], hint["arrived"]) == ("2021-03-03T04:59:59.000Z", "2021-03-03T05:30:00.000Z")
    assert 10_950 <= hint["km"] <= 11_050  # less what the database says of its own inaccuracy
    assert [line["line"] for line in hint["evidence"]] == [6, 7]
    assert found["verdict"] == without["verdict"]
    numbers = [(row["mailbox"], row["items_at_least"], row["bytes_at_least"]) for row in found["mailboxes"]]
    assert numbers == [(row["mailbox"], row["items_at_least"], row["bytes_at_least"]) for row in without["mailboxes"]]
    assert hints(without) == []


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [
        ((OSLO, "04:00:00"), (LIMA, "17:00:00"), "half a day, as a plane takes"),
        ((OSLO, "04:00:00"), (BERGEN, "04:01:00"), "one region"),
        ((OSLO, "04:00:00"), ("203.0.113.99", "04:01:00"), "a place that the database does not know"),
        ((OSLO, "04:00:00"), ("10.0.0.8", "04:01:00"), "an address of a private network"),
    ],
)
def test_what_can_be_is_no_hint(
    broken_into: BrokenInto, places: Path, first: tuple[str, str], second: tuple[str, str], between: str
) -> None:
    for ip, time in (first, second):
        read(broken_into, time, "CORP\\anna", ip)
    assert hints(broken_into.scanned(geoip=places)) == [], between


def test_two_users_are_two_people(broken_into: BrokenInto, places: Path) -> None:
    read(broken_into, "04:00:00", "CORP\\anna", OSLO)
    read(broken_into, "04:10:00", "CORP\\bela", LIMA)
    assert hints(broken_into.scanned(geoip=places)) == []
    # Unless a directory says that both names are one person's.
    (broken_into.folder / "mailboxes.csv").write_text(
        "PrimarySmtpAddress,SamAccountName,EmailAddresses\nanna@corp.example,CORP\\anna,smtp:bela@corp.example\n"
    )
    read(broken_into, "04:20:00", "bela@corp.example", LIMA)
    assert len(hints(broken_into.scanned(geoip=places))) == 1


def test_a_database_of_countries_tells_continents_apart(broken_into: BrokenInto, tmp_path: Path) -> None:
    countries = {
        f"{OSLO}/32": {"country": {"iso_code": "NO"}, "continent": {"code": "EU"}},
        f"{BERGEN}/32": {"country": {"iso_code": "SE"}, "continent": {"code": "EU"}},
        f"{LIMA}/32": {"country": {"iso_code": "PE"}, "continent": {"code": "SA"}},
    }
    database = write_places(tmp_path / "countries.mmdb", countries, kind="Test-Country")
    read(broken_into, "04:00:00", "CORP\\anna", OSLO)
    read(broken_into, "04:20:00", "CORP\\anna", BERGEN)
    read(broken_into, "04:40:00", "CORP\\anna", LIMA)
    found = broken_into.scanned(geoip=database)
    assert [(hint["from"], hint["to"]) for hint in hints(found)] == [(BERGEN, LIMA)]
    places = found["scope"]["geoip"]
    assert (places["file"], places["type"], places["built"]) == (
        "countries.mmdb",
        "Test-Country",
        "2021-03-01T00:00:00.000Z",
    )


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"no database\xab\xcd\xefMaxMind.com\xe0"])
def test_what_is_no_database_is_refused(broken_into: BrokenInto, tmp_path: Path, content: bytes) -> None:
    wrong = tmp_path / "wrong.mmdb"
    wrong.write_bytes(content)
    with pytest.raises(UsageError, match="--geoip"):
        broken_into.scanned(geoip=wrong)
    with pytest.raises(UsageError, match="--geoip"):
        broken_into.scanned(geoip=tmp_path / "none.mmdb")
