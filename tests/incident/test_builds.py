"""Builds against Microsoft's published numbers (learn.microsoft.com, build numbers and release dates)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.incident.builds import Build, describe, is_fixed, parse

PROXYLOGON = ("CVE-2021-26855", "CVE-2021-26857", "CVE-2021-26858", "CVE-2021-27065")
MARCH_2021 = (
    "15.0.847.64", "15.0.1395.12", "15.0.1473.6", "15.0.1497.12",
    "15.1.1415.10", "15.1.1466.16", "15.1.1531.12", "15.1.1591.18", "15.1.1713.10", "15.1.1779.8", "15.1.1847.12",
    "15.1.1913.12", "15.1.1979.8", "15.1.2044.13", "15.1.2106.13", "15.1.2176.9",
    "15.2.221.18", "15.2.330.11", "15.2.397.11", "15.2.464.15", "15.2.529.13", "15.2.595.8", "15.2.659.12",
    "15.2.721.13", "15.2.792.10",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("15.1.2176.9", Build(15, 1, 2176, 9)),
        ("15.01.2176.009", Build(15, 1, 2176, 9)),
        (" 15.02.0792.010 ", Build(15, 2, 792, 10)),
        ("Version 15.1 (Build 2176.2)", Build(15, 1, 2176, 2, cu_only=True)),
        ("version 15.2 (build 858.5)", Build(15, 2, 858, 5, cu_only=True)),
        ("15.01.2375.000", Build(15, 1, 2375, 0, cu_only=True)),
        ("15.1.2176", Build(15, 1, 2176, 0, cu_only=True)),
        ("/owa/auth/15.1.2176/themes/resources/favicon.ico", Build(15, 1, 2176, 0, cu_only=True)),
    ],
)
def test_forms_that_exchange_writes(text: str, build: Build) -> None:
    assert parse(text) == build


@pytest.mark.parametrize("text", ["", "15.1", "unknown", "15.1.2176.9.1", "15.1.x.9", "١٥.1.2176.9", "15.1.99999999.1"])
def test_what_is_no_build(text: str) -> None:
    assert parse(text) is None
    assert describe(text).title == "unknown Exchange build"
    assert is_fixed(text, "CVE-2021-26855") is None


@pytest.mark.parametrize("text", MARCH_2021)
def test_the_march_2021_update_and_the_build_below_it(text: str) -> None:
    build = parse(text)
    assert build is not None
    below = Build(build.major, build.minor, build.build, build.revision - 1)
    assert describe(build).security_update == "Mar21SU"
    for cve in PROXYLOGON:
        assert is_fixed(build, cve) is True
        assert is_fixed(below, cve) is False


@pytest.mark.parametrize("text", ["15.1.2242.4", "15.2.858.5", "15.1.2507.6", "15.2.1748.10", "15.2.2562.17"])
def test_cumulative_updates_after_march_2021_hold_the_fix(text: str) -> None:
    assert [is_fixed(text, cve) for cve in PROXYLOGON] == [True] * 4


def test_builds_are_compared_only_inside_their_cumulative_update() -> None:
    assert is_fixed("15.1.2176.12", "CVE-2021-34473") is True  # smaller than CU20's fix 15.1.2242.8
    assert is_fixed("15.1.2176.9", "CVE-2021-34473") is False
    assert is_fixed("15.1.2242.4", "CVE-2021-34473") is False


def test_a_cumulative_update_that_never_got_the_update_is_open() -> None:
    assert is_fixed("15.1.1261.39", "CVE-2021-26855") is False  # CU7: no update of March 2021
    # The update of March 2021 for old cumulative updates fixed that month's flaws only.
    assert is_fixed("15.1.1713.10", "CVE-2021-24085") is False


@pytest.mark.parametrize(
    ("text", "cve", "fixed"),
    [
        ("15.0.1497.44", "CVE-2022-41040", True),
        ("15.1.2507.13", "CVE-2022-41082", False),
        ("15.2.1118.20", "CVE-2022-41080", True),
        ("15.2.986.30", "CVE-2022-41123", False),
        ("15.1.2308.20", "CVE-2021-42321", True),
        ("15.0.1497.26", "CVE-2021-42321", None),  # Exchange 2013 is not listed for it
        ("15.2.2562.43", "CVE-2026-42897", True),
        ("15.2.1544.39", "CVE-2026-42897", False),
        ("15.2.2562.17", "CVE-2025-53786", True),  # Exchange SE came out after the fix
        ("15.2.2562.17", "CVE-2026-21527", False),
    ],
)
def test_later_vulnerabilities(text: str, cve: str, fixed: bool | None) -> None:
    assert is_fixed(text, cve) is fixed


def test_what_cannot_be_said_is_none() -> None:
    assert is_fixed("15.1.9999.1", "CVE-2021-26855") is None  # newer than the table
    assert is_fixed("15.1.2176.9", "CVE-1999-0001") is None
    assert is_fixed("14.3.513.0", "CVE-2021-26857") is None
    assert is_fixed("Version 15.1 (Build 2176.2)", "CVE-2021-26855") is None
    assert is_fixed("Version 15.1 (Build 2242.4)", "CVE-2021-26855") is True
    assert is_fixed("Version 15.1 (Build 1261.35)", "CVE-2021-26855") is False


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("15.1.2176.2", "Exchange 2016 CU19"),
        ("15.1.2176.9", "Exchange 2016 CU19 Mar21SU"),
        ("15.0.847.64", "Exchange 2013 SP1 (CU4) Mar21SU"),
        ("15.2.221.12", "Exchange 2019 RTM"),
        ("15.2.2562.46", "Exchange SE RTM Aug26SU"),
        ("15.2.2562.99", "Exchange SE RTM Aug26SU or newer"),
        ("Version 15.1 (Build 2176.2)", "Exchange 2016 CU19"),
        ("15.1.9999.1", "Exchange 2016, unknown cumulative update"),
        ("15.2.9999.1", "unknown Exchange build"),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert describe(text).title == title


def test_a_build_between_two_updates_is_not_exact() -> None:
    release = describe("15.1.2176.6")
    assert (release.security_update, release.exact, release.newer_than_table) == ("Feb21SU", False, False)
    assert describe("15.1.2176.1").security_update is None
    assert describe("15.1.2176.1").exact is False


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    build = parse(text)
    assert describe(text).build == (text if build is None else str(build))
    assert is_fixed(text, text) is None


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, 5), st.integers(0, 3000), st.integers(1, 100))
def test_more_revision_never_loses_a_fix(major: int, minor: int, build: int, revision: int) -> None:
    if is_fixed(Build(major, minor, build, revision), "CVE-2021-26855"):
        assert is_fixed(Build(major, minor, build, revision + 1), "CVE-2021-26855") is True
