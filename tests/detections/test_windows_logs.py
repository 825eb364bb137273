"""Log sources on Windows events: which view a rule sees, and which rows a view has."""

from __future__ import annotations

import pytest

from brokenseal.detections.windows_logs import EVERYTHING, PREFIX, Derivation, categories, services, view, view_name

SYSMON = "microsoft-windows-sysmon/operational"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (("process_creation", "windows", ""), "process_creation"),
        (("process_creation", "", ""), "process_creation"),
        (("", "windows", "security"), "security"),
        (("process_creation", "windows", "security"), "process_creation+security"),
        (("", "windows", ""), EVERYTHING),
        # A service says nothing without its product: others have a service 'security', too.
        (("", "", "security"), None),
        (("", "", ""), None),
        (("process_creation", "linux", ""), None),
        (("file_access", "windows", ""), None),
        (("", "windows", "no-such-log"), None),
        (("process_creation", "windows", "no-such-log"), None),
        (("no_such_category", "windows", "security"), None),
    ],
)
def test_the_view_of_a_log_source(source: tuple[str, str, str], expected: str | None) -> None:
    assert view_name(*source) == (None if expected is None else PREFIX + expected)


@pytest.mark.parametrize(
    ("name", "channel", "event", "has"),
    [
        ("process_creation", SYSMON, 1, True),
        ("process_creation", "security", 4688, True),
        ("process_creation", "security", 1, False),
        ("process_creation", SYSMON, 4688, False),
        ("process_creation+sysmon", SYSMON, 1, True),
        ("process_creation+sysmon", "security", 4688, False),
        ("security", "security", 4624, True),
        ("security", "system", 4624, False),
        ("powershell", "powershellcore/operational", 4104, True),
        ("applocker", "microsoft-windows-applocker/exe and dll", 8003, True),
        ("file_delete", SYSMON, 26, True),
        ("all", "anything", 1, True),
    ],
)
def test_the_rows_of_a_view(name: str, channel: str, event: int, has: bool) -> None:
    assert any(row.has(channel, event) for row in view(PREFIX + name).rows) is has
    assert view(name).rows == view(PREFIX + name).rows


def test_a_category_and_a_service_without_a_common_log_have_no_rows() -> None:
    name = view_name("file_event", "windows", "security")
    assert name is not None
    assert view(name).rows == ()


def test_a_view_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        view(PREFIX + "no_such_thing")


def test_every_view_that_log_sources_can_name_exists() -> None:
    for category in ("", *categories()):
        for service in ("", *services()):
            name = view_name(category, "windows", service)
            assert name is not None
            view(name)


def test_every_category_says_where_its_events_are() -> None:
    for name, rows in categories().items():
        assert rows, name
        for row in rows:
            assert row.names and row.events, name


def test_names_are_lower_case_as_log_sources_are_compared() -> None:
    for name in (*services(), *categories()):
        assert name == name.lower()


def test_derivations_are_read_as_written() -> None:
    [security] = [row for row in categories()["process_creation"] if row.names == ("Security",)]
    assert security.derivation("image") == Derivation(("", ""), ("NewProcessName",))
    assert security.derivation("user") == Derivation(("", "\\", ""), ("SubjectDomainName", "SubjectUserName"))
    assert security.derivation("commandline") is None
    process = security.derivation("processid")
    assert process is not None
    assert (process.hexadecimal, process.verbatim) == (True, False)
    image = security.derivation("image")
    assert image is not None
    assert image.verbatim
    [audited] = [row for row in categories()["registry_set"] if row.names == ("Security",)]
    target = audited.derivation("targetobject")
    assert target is not None
    # The longer start comes first: it is the more special one.
    lengths = [len(start) for start, _ in target.prefixes]
    assert lengths == sorted(lengths, reverse=True)
