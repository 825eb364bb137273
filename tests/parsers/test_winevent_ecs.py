"""Names of the Elastic Common Schema and the events' own."""

from __future__ import annotations

from brokenseal.parsers.winevent_ecs import POWERSHELL_FIELDS, SECURITY_FIELDS, SYSMON_FIELDS, moved_paths
from brokenseal.parsers.winevent_messages import SYSMON_NAMES


def test_every_name_that_is_put_back_is_one_of_the_provider() -> None:
    assert {moved.field for moved in SYSMON_FIELDS} <= SYSMON_NAMES


def test_no_event_gets_one_field_from_two_places_unless_it_is_the_same_name() -> None:
    for fields in (SYSMON_FIELDS, SECURITY_FIELDS, POWERSHELL_FIELDS):
        seen: set[tuple[str, int]] = set()
        for moved in fields:
            assert moved.events, moved
            for event in moved.events:
                assert (moved.field, event) not in seen, moved
                seen.add((moved.field, event))


def test_each_path_is_read_once() -> None:
    paths = moved_paths()
    assert len(set(paths)) == len(paths)
    assert all(path.startswith("$.") for path in paths)
