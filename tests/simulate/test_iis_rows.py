from __future__ import annotations

from brokenseal.simulate.iis_rows import IisRow, row


def test_spaces_become_plus_signs_and_nothing_becomes_a_hyphen() -> None:
    request = IisRow(1_000, "192.0.2.10", "GET", "/owa/", "198.51.100.1", "Mozilla/5.0 (X11; Linux)", took=7)
    assert row(request) == (
        "1970-01-01 00:00:01 192.0.2.10 GET /owa/ - 443 - 198.51.100.1 Mozilla/5.0+(X11;+Linux) - 200 0 0 7"
    )


def test_errors_carry_the_substatus_and_windows_error_of_iis() -> None:
    request = IisRow(0, "192.0.2.10", "GET", "/x", "198.51.100.1", "", status=404)
    assert row(request).endswith(" - - 404 0 2 1")
    request.status = 401
    assert row(request).endswith(" - - 401 1 2148074254 1")
