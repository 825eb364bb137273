from __future__ import annotations

import re

from brokenseal.simulate.draws import Draws


def test_values_of_a_key_never_change() -> None:
    # Recorded on CPython 3.11 on Linux: another value on another system means that evidence sets differ there.
    draws = Draws(2021, "pinned")
    assert draws.guid() == "280f7f09-7d8f-4e4c-abf8-1a437cf39fc7"
    assert [draws.below(1000) for _ in range(5)] == [20, 48, 96, 419, 727]
    assert draws.letters(8) == "bkssrpen"


def test_streams_of_different_keys_are_different() -> None:
    assert Draws(1, "a").guid() == Draws(1, "a").guid()
    assert len({Draws(*key).guid() for key in ((1, "a"), (1, "b"), (2, "a"), (12, "a"), (1, "2a"))}) == 5


def test_draws_stay_in_their_ranges_and_reach_the_ends() -> None:
    draws = Draws("ranges")
    assert {draws.below(3) for _ in range(200)} == {0, 1, 2}
    assert {draws.between(5, 7) for _ in range(200)} == {5, 6, 7}
    assert {draws.pick("ab") for _ in range(100)} == {"a", "b"}
    assert not any(draws.chance(0) for _ in range(200))
    assert all(draws.chance(100) for _ in range(200))


def test_guids_are_of_version_4_and_hexadecimals_keep_leading_zeros() -> None:
    draws = Draws("shapes")
    for _ in range(300):
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", draws.guid())
        assert re.fullmatch(r"[0-9a-f]{7}", draws.hexadecimal(7))
