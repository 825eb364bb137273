from __future__ import annotations

from ipaddress import ip_address, ip_network

from brokenseal.simulate.organisation import PATCHED, SERVER_VERSION_NUMBER, UNPATCHED, found

_DOCUMENTATION = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


def test_a_thousand_users_have_distinct_mailboxes_and_documentation_addresses() -> None:
    organisation = found(3, 1500, 80, None)
    assert len({user.smtp for user in organisation.users}) == 1500
    assert len({user.sid for user in organisation.users}) == 1500
    assert {user.home.name for user in organisation.users} == {server.name for server in organisation.servers}
    for text in [a for user in organisation.users for a in (user.pc_ip, user.phone_ip)] + [
        server.ip for server in organisation.servers
    ]:
        address = ip_address(text)
        assert any(address in network for network in _DOCUMENTATION if network.version == address.version)
    assert all(user.smtp.endswith("@corp.example") for user in organisation.users)


def test_build_changes_at_the_moment_of_the_patch() -> None:
    organisation = found(3, 1, 1, 1000)
    assert organisation.build_at(999) == UNPATCHED
    assert organisation.build_at(1000) == PATCHED
    assert found(3, 1, 1, None).build_at(10**15) == UNPATCHED


def test_builds_are_written_in_both_forms() -> None:
    # 15.1.2106.13 is CU18 of Exchange 2016 with KB5000871; the number is built like 15.1.2375's published 1942063431.
    assert (PATCHED.dotted, PATCHED.padded) == ("15.1.2106.13", "15.01.2106.013")
    assert SERVER_VERSION_NUMBER == 1942063431 - 2375 + 2106
