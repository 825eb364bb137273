"""Users in two places at once: a hint, computed from a database of places that the test writes itself."""

from __future__ import annotations

import ipaddress
import json
import math
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal import scan
from brokenseal.errors import UsageError
from brokenseal.incident.places import open_places
from brokenseal.incident.verification import State, verify
from brokenseal.report.document import validate

IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
)
VIENNA, LIMA, GRAZ, NEWARK = "192.0.2.20", "203.0.113.9", "198.51.100.4", "2001:db8:7::1"


def city(name: str, country: str, latitude: float, longitude: float, radius: int | None = 50) -> dict[str, Any]:
    """As GeoLite2-City has it; without a radius as DB-IP has it."""
    location: dict[str, Any] = {"latitude": latitude, "longitude": longitude}
    return {
        "city": {"names": {"en": name}},
        "country": {"iso_code": country, "names": {"en": country}},
        "location": location if radius is None else {**location, "accuracy_radius": radius},
    }


CITIES = {
    f"{VIENNA}/32": city("Vienna", "AT", 48.2, 16.37),
    f"{GRAZ}/32": city("Graz", "AT", 47.07, 15.44),
    f"{LIMA}/32": city("Lima", "PE", -12.05, -77.05),
    "2001:db8:7::/48": city("Newark", "US", 40.73, -74.17),
}
COUNTRIES = {
    f"{VIENNA}/32": {"continent": {"code": "EU"}, "country": {"iso_code": "AT", "names": {"en": "Austria"}}},
    f"{LIMA}/32": {"continent": {"code": "SA"}, "country": {"iso_code": "PE", "names": {"en": "Peru"}}},
    f"{GRAZ}/32": {"continent": {"code": "EU"}, "country": {"iso_code": "IS", "names": {"en": "Iceland"}}},
}


def write_mmdb(path: Path, networks: dict[str, dict[str, Any]], kind: str = "GeoLite2-City") -> Path:
    """A MaxMind DB file (format 2.0) of IPv6 with IPv4 below ::/96, records of 24 bits."""
    tree: list[list[int | str | None]] = [[None, None]]
    for network in networks:
        parsed = ipaddress.ip_network(network)
        bits = int(parsed.network_address)
        length = parsed.prefixlen + (96 if parsed.version == 4 else 0)
        node = 0
        for at in range(length):
            bit = bits >> (127 - at) & 1
            if at == length - 1:
                tree[node][bit] = network
                break
            child = tree[node][bit]
            if not isinstance(child, int):
                tree.append([None, None])
                child = tree[node][bit] = len(tree) - 1
            node = child
    data, places = b"", {}
    for network, record in networks.items():
        places[network] = len(data)
        data += encoded(record)
    count = len(tree)

    def pointer(child: int | str | None) -> bytes:
        value = count if child is None else child if isinstance(child, int) else count + 16 + places[child]
        return value.to_bytes(3, "big")

    about = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_614_600_000,
        "database_type": kind,
        "description": {"en": "made by a test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": count,
        "record_size": 24,
    }
    nodes = b"".join(pointer(child) for node in tree for child in node)
    path.write_bytes(nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded(about))
    return path


#: Numbers have the type that the format gives them: unsigned of 16 (5), of 32 (6) and of 64 bits (9).
_TYPES = {"node_count": 6, "build_epoch": 9}


def encoded(value: Any, kind: int = 5) -> bytes:
    if isinstance(value, dict):
        inner = b"".join(encoded(key) + encoded(each, _TYPES.get(key, 5)) for key, each in value.items())
        return control(7, len(value)) + inner
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encoded, value))
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return control(kind, len(raw)) + raw
    raw = str(value).encode()
    return control(2, len(raw)) + raw


def control(kind: int, size: int) -> bytes:
    """The type and, below 29, its size; of types above 7 the number stands in a byte of its own."""
    assert size < 285
    short, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([kind << 5 | short]) + more if kind <= 7 else bytes([short, kind - 7]) + more


def log(*accesses: tuple[str, str, str]) -> str:
    """(time of 3 March, user, address) as answered requests for Outlook on the web."""
    return IIS + "".join(
        f"2021-03-03 {time} EX01 POST /owa/service.svc {user} {ip} 443 A/1 200 10\n" for time, user, ip in accesses
    )


def scanned(
    folder: Path, text: str, networks: dict[str, dict[str, Any]] | None = None, **options: Any
) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "u_ex210303.log").write_text(text)
    database = write_mmdb(folder.parent / f"{folder.name}.mmdb", networks or CITIES)
    incident = scan([folder], geoip=database, **options)
    assert incident.unread == ()
    assert validate(incident.document) == []
    return dict(incident.document)


def hints(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(hint["user"], hint["from"], hint["to"]) for hint in document["hints"]]


def test_two_continents_within_an_hour_are_a_hint_and_nothing_else(tmp_path: Path) -> None:
    text = log(("08:00:00", "anna", VIENNA), ("08:40:00", "anna", LIMA))
    document = scanned(tmp_path / "e", text)
    (hint,) = document["hints"]
    assert (hint["from"], hint["to"], hint["hours"]) == (VIENNA, LIMA, 0.67)
    assert (hint["from_place"], hint["to_place"]) == ("Vienna, AT", "Lima, PE")
    # Both radii are taken off.
    way = 2 * math.asin(math.dist(on_sphere(48.2, 16.37), on_sphere(-12.05, -77.05)) / 2) * 6371
    assert hint["km"] == int(way - 100)
    assert [reference["line"] for reference in hint["evidence"]] == [3, 4]
    plain: Any = scan([tmp_path / "e"]).document
    assert {**document, "hints": [], "scope": plain["scope"]} == plain
    assert document["scope"]["geoip"]["type"] == "GeoLite2-City"
    assert document["scope"]["geoip"]["built"] == "2021-03-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("accesses", "told"),
    [
        # A plane can be there by then; the two are near; the same place; another user; an address nobody knows.
        ([("08:00:00", "anna", VIENNA), ("21:00:00", "anna", LIMA)], []),
        ([("08:00:00", "anna", VIENNA), ("08:00:05", "anna", GRAZ)], []),
        ([("08:00:00", "anna", VIENNA), ("08:00:05", "anna", VIENNA)], []),
        ([("08:00:00", "anna", VIENNA), ("08:00:05", "bela", LIMA)], []),
        ([("08:00:00", "anna", VIENNA), ("08:00:05", "anna", "198.51.100.200")], []),
        # Back and forth is two ways; what lies between them at an unknown address does not hide them.
        (
            [("08:00:00", "anna", VIENNA), ("09:05:00", "anna", "198.51.100.200"), ("10:05:00", "anna", LIMA)],
            [("anna", VIENNA, LIMA)],
        ),
        (
            [("08:00:00", "anna", VIENNA), ("09:05:00", "anna", LIMA), ("10:05:00", "anna", VIENNA)],
            [("anna", VIENNA, LIMA), ("anna", LIMA, VIENNA)],
        ),
        ([("08:00:00", "anna", VIENNA), ("08:30:00", "anna", NEWARK)], [("anna", VIENNA, NEWARK)]),
    ],
)
def test_which_accesses_are_named(
    tmp_path: Path, accesses: list[tuple[str, str, str]], told: list[tuple[str, str, str]]
) -> None:
    assert hints(scanned(tmp_path / "e", log(*accesses))) == told


def test_within_an_hour_the_two_accesses_named_are_real_ones(tmp_path: Path) -> None:
    # At home before and after: the way begins at the last access before the other place.
    text = log(("08:00:00", "anna", VIENNA), ("08:50:00", "anna", VIENNA), ("08:20:00", "anna", LIMA))
    (hint,) = scanned(tmp_path / "e", text)["hints"]
    assert (hint["left"][11:19], hint["arrived"][11:19]) == ("08:00:00", "08:20:00")


def test_a_hint_stands_at_the_mailbox_that_has_a_row(tmp_path: Path) -> None:
    text = log(("08:00:00", "anna", VIENNA), ("08:40:00", "anna", LIMA))
    document = scanned(tmp_path / "e", text, actor_ips=[LIMA])
    (row,) = document["mailboxes"]
    assert document["hints"] == []
    assert [(hint["from"], hint["to"]) for hint in row["hints"]] == [(VIENNA, LIMA)]


def test_a_directory_makes_one_traveller_of_two_names(tmp_path: Path) -> None:
    text = log(("08:00:00", "anna", VIENNA), ("08:40:00", "corp\\anna.berg", LIMA))
    assert scanned(tmp_path / "e", text)["hints"] == []
    (tmp_path / "e" / "mailboxes.csv").write_text(
        "PrimarySmtpAddress,SamAccountName,Alias\nanna@corp.example,corp\\anna.berg,anna\nanna@corp.example,anna,anna\n"
    )
    assert len(scanned(tmp_path / "e", text)["hints"]) == 1


def test_audit_records_and_server_logs_are_looked_at_together(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    record = {
        "Id": "00000001-0000-4000-8000-000000000000",
        "CreationTime": "2021-03-03T08:30:00",
        "Operation": "UserLoggedIn",
        "UserId": "Anna",
        "ClientIP": LIMA,
        "Workload": "AzureActiveDirectory",
    }
    (tmp_path / "e" / "audit.json").write_text(json.dumps(record) + "\n")
    assert hints(scanned(tmp_path / "e", log(("08:00:00", "anna", VIENNA)))) == [("anna", VIENNA, LIMA)]


def test_a_database_of_countries_only_knows_oceans(tmp_path: Path) -> None:
    text = log(
        ("08:00:00", "anna", VIENNA),
        ("09:00:00", "anna", LIMA),
        # Iceland lies between the worlds.
        ("08:00:00", "bela", GRAZ),
        ("08:01:00", "bela", LIMA),
        # Two hours are enough to be across, for all that a country says.
        ("08:00:00", "carla", VIENNA),
        ("10:00:00", "carla", LIMA),
    )
    document = scanned(tmp_path / "e", text, COUNTRIES)
    assert hints(document) == [("anna", VIENNA, LIMA)]
    assert (document["hints"][0]["km"], document["hints"][0]["to_place"]) == (1500, "Peru")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "x.mmdb").write_bytes(b"no database")
    for path in (tmp_path / "x.mmdb", tmp_path / "none.mmdb"):
        with pytest.raises(UsageError, match="--geoip"):
            scan([tmp_path / "e"], geoip=path)


def test_a_case_knows_the_database_it_was_scanned_with(tmp_path: Path) -> None:
    text, case = log(("08:00:00", "anna", VIENNA), ("08:40:00", "anna", LIMA)), tmp_path / "case"
    assert len(scanned(tmp_path / "e", text, case=case)["hints"]) == 1
    assert verify(case).recomputed is State.SAME
    # Another database is another answer, not the one that was kept.
    assert scanned(tmp_path / "e", text, {f"{VIENNA}/32": CITIES[f"{VIENNA}/32"]}, case=case)["hints"] == []
    write_mmdb(tmp_path / "e.mmdb", CITIES)
    checked = verify(case)
    assert checked.recomputed is State.CHANGED
    assert checked.recomputed_detail == "the database given with --geoip was changed since"


SPOTS = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@settings(max_examples=10)
@given(st.lists(st.tuples(SPOTS, SPOTS, st.integers(0, 24 * 3600 - 1)), min_size=1, max_size=20))
def test_a_hint_is_never_given_where_a_plane_could_be_in_time(
    ways: list[tuple[tuple[float, float], tuple[float, float], int]],
) -> None:
    networks, accesses, expected = {}, [], {}
    for number, (first, second, seconds) in enumerate(ways):
        networks[f"198.51.100.{number}/32"] = city("A", "AA", *first, 20)
        networks[f"203.0.113.{number}/32"] = city("B", "BB", *second, None)
        at = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        accesses += [("00:00:00", f"u{number}", f"198.51.100.{number}"), (at, f"u{number}", f"203.0.113.{number}")]
        # By the chord between the two points, not by the formula of the program.
        angle = 2 * math.asin(min(1.0, math.dist(on_sphere(*first), on_sphere(*second)) / 2))
        left, flown = angle * 6371 - 120, 900 * seconds / 3600
        if abs(left - 300) > 1 and abs(left - flown) > 1:
            expected[f"u{number}"] = left >= 300 and left > flown
    with tempfile.TemporaryDirectory() as name:
        document = scanned(Path(name) / "e", log(*accesses), networks)
    told = {hint["user"] for hint in document["hints"]}
    assert {user: user in told for user in expected} == expected


def on_sphere(latitude: float, longitude: float) -> tuple[float, float, float]:
    up, around = math.radians(latitude), math.radians(longitude)
    return math.cos(up) * math.cos(around), math.cos(up) * math.sin(around), math.sin(up)


def test_places_of_a_file_are_found_by_any_spelling_of_networks(tmp_path: Path) -> None:
    places = open_places(write_mmdb(tmp_path / "p.mmdb", CITIES))
    found = places.find([VIENNA, NEWARK, "10.0.0.1", "no address", "::1"])
    assert {address: place.name for address, place in found.items()} == {VIENNA: "Vienna, AT", NEWARK: "Newark, US"}
