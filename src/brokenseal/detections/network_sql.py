"""IP networks in SQL, for address text that an attacker may have written.

An address becomes 32 hexadecimal digits that sort like the address; IPv4 becomes its IPv4-mapped IPv6 form
(``::ffff:a.b.c.d``), so an IPv4 address and its mapped form are the same. A zone id (``fe80::1%eth0``) is cut off. Text
that is no address (also IPv4 with leading zeros, which readers disagree on) becomes null; nothing raises an SQL error.

References:
    https://www.rfc-editor.org/rfc/rfc4291#section-2.2
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = f"(?:{_OCTET}[.]){{3}}{_OCTET}"
_GROUPS = "[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*"
_IPV6 = f"(?:{_GROUPS})?(?:::(?:{_GROUPS})?)?"
_LONGEST_ADDRESS = 45
_MAPPED = "0" * 20 + "f" * 4
_MAPPED_NETWORK = IPv6Network("::ffff:0:0/96")


def address_key(text: str) -> str:
    """SQL expression: the address in the SQL text expression *text* as 32 hexadecimal digits, or null."""
    address = f"lower(split_part({text}, '%', 1))"
    octets = ", ".join(f"TRY_CAST(split_part(a, '.', {n}) AS INTEGER)" for n in (1, 2, 3, 4))
    ipv4 = f"'{_MAPPED}' || printf('%02x%02x%02x%02x', {octets})"
    return (
        f"list_transform([{address}], lambda a: CASE WHEN length(a) > {_LONGEST_ADDRESS} THEN NULL "
        f"WHEN regexp_full_match(a, '{_IPV4}') THEN {ipv4} "
        f"WHEN contains(a, ':') THEN {_ipv6_key()} END)[1]"
    )


def _ipv6_key() -> str:
    """Key of the IPv6 text ``a``: a trailing IPv4 part becomes two groups, then both sides of ``::`` are filled up."""
    tail = f"regexp_extract(a, ':({_IPV4})$', 1)"
    octets = ", ".join(f"TRY_CAST(split_part({tail}, '.', {n}) AS INTEGER)" for n in (1, 2, 3, 4))
    groups_only = (
        f"CASE WHEN {tail} = '' THEN a "
        f"ELSE left(a, length(a) - length({tail})) || printf('%02x%02x:%02x%02x', {octets}) END"
    )

    def groups(side: int) -> str:
        part = f"split_part(b, '::', {side})"
        return f"(CASE WHEN {part} = '' THEN CAST([] AS VARCHAR[]) ELSE string_split({part}, ':') END)"

    def digits(side: int) -> str:
        return f"array_to_string(list_transform({groups(side)}, lambda g: lpad(g, 4, '0')), '')"

    count = f"(len({groups(1)}) + len({groups(2)}))"
    fits = f"CASE WHEN contains(b, '::') THEN {count} <= 7 ELSE {count} = 8 END"
    return (
        f"list_transform([{groups_only}], lambda b: CASE WHEN regexp_full_match(b, '{_IPV6}') AND {fits} "
        f"THEN {digits(1)} || repeat('0000', CAST(8 - {count} AS BIGINT)) || {digits(2)} END)[1]"
    )


def in_network(key: str, network: IPv4Network | IPv6Network) -> str:
    """SQL condition: the address whose key (see ``address_key``) is the SQL expression *key* lies in *network*."""
    if isinstance(network, IPv4Network):
        low, high = (_MAPPED + format(int(address), "08x") for address in (network[0], network[-1]))
        return f"{key} BETWEEN '{low}' AND '{high}'"
    low, high = (format(int(address), "032x") for address in (network[0], network[-1]))
    inside = f"{key} BETWEEN '{low}' AND '{high}'"
    if network.supernet_of(_MAPPED_NETWORK) and network != _MAPPED_NETWORK:
        return f"({inside} AND NOT starts_with({key}, '{_MAPPED}'))"
    return inside
