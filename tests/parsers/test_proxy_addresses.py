"""Lists of addresses, however they were joined."""

from __future__ import annotations

import pytest

from brokenseal.parsers.proxy_addresses import address_in, as_list, read_addresses

X500 = "/o=Old Org/ou=First, Group (A B)/cn=anna"


@pytest.mark.parametrize("joint", [" ", ",", ", ", ";", "; ", "|", "\n"])
def test_lists_joined_in_any_way(joint: str) -> None:
    found = read_addresses([joint.join(["smtp:b@x.example", "SMTP:a@x.example", f"X500:{X500}", "sip:a@x.example"])])
    assert found == ("a@x.example", ["b@x.example", "a@x.example"], [X500])


@pytest.mark.parametrize(
    "text", ["", "x", "smtp:", "smtp:not an address", "X400:C=US;A= ;P=Corp;S=Anna;", "x500:anna", "@"]
)
def test_what_is_no_address(text: str) -> None:
    assert read_addresses([text]) == (None, [], [])


def test_addresses_without_a_type_and_in_braces() -> None:
    assert read_addresses(["{SMTP:a@x.example, smtp:b@x.example}"]).smtp == ["a@x.example", "b@x.example"]
    assert read_addresses(["a@x.example; b@x.example"]).smtp == ["a@x.example", "b@x.example"]
    assert address_in("SMTP:a@x.example") == "a@x.example"
    assert address_in("anna") is None


def test_lists_are_sorted_and_have_nothing_twice() -> None:
    assert as_list(["B@x", "a@x", "b@x", "", None], lower=True) == '["a@x","b@x"]'
    assert as_list([]) is None
