"""CIDR arithmetic in SQL, held against the standard library's."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.network_sql import address_key, in_network
from brokenseal.events.engine import DuckEngine

_MAPPED = IPv6Network("::ffff:0:0/96")


def reference(text: str | None, network: IPv4Network | IPv6Network) -> bool:
    if text is None:
        return False
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        network = IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return address.version == network.version and address in network


def matches(engine: DuckEngine, texts: list[str | None], network: IPv4Network | IPv6Network) -> list[bool]:
    engine.register("addresses", pa.table({"n": list(range(len(texts))), "a": pa.array(texts, pa.string())}))
    condition = in_network(address_key("a"), network)
    found = engine.query(f"SELECT COALESCE({condition}, FALSE) AS hit FROM addresses ORDER BY n")
    return [bool(hit) for hit in found.column("hit").to_pylist()]


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        (
            "10.0.0.0/8",
            ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "::FFFF:a01:203"],
            ["11.0.0.0", "9.255.255.255"],
        ),
        ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.2.1280", "192.0.2.0128"]),
        ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.70", "192.0.2.7 ", "192.0.2.7.", "192.0.2.7\n", "192.000.2.7"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["256.0.0.1", "::1", "1.2.3", "", "-", "unknown"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "2001:db8:ffff::"], ["2001:db9::1", "2001:db8:::1"]),
        ("fe80::/10", ["fe80::1%eth0", "febf::1", "fe80::1%25"], ["fec0::1", "fe80::1::2", "fe80"]),
        ("::1/128", ["::1", "0:0:0:0:0:0:0:1", "::0.0.0.1"], ["::", "::1:1", "1::1", "0.0.0.1"]),
        ("::/0", ["::", "2001:db8::"], ["10.0.0.1", "::ffff:10.0.0.1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::g"]),
        ("::ffff:10.0.0.0/104", ["10.1.2.3", "::ffff:10.1.2.3"], ["11.1.2.3"]),
    ],
)
def test_addresses_inside_and_outside(engine: DuckEngine, network: str, inside: list[str], outside: list[str]) -> None:
    net = ipaddress.ip_network(network)
    assert matches(engine, [*inside, *outside], net) == [True] * len(inside) + [False] * len(outside)


_v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
_v6 = st.integers(0, 2**128 - 1).map(IPv6Address) | st.integers(0, 2**16).map(IPv6Address)
_sparse = st.lists(st.sampled_from(["0", "0000", "1", "ffff", "ABCD", "", "10.0.0.1", "12345"]), max_size=9).map(
    ":".join
)
_texts = st.one_of(
    _v4.map(str),
    _v6.map(str),
    _v6.map(lambda address: address.exploded.upper()),
    _v4.map(lambda address: f"::ffff:{address}"),
    _v6.map(lambda address: f"{address}%eth1"),
    _sparse,
    st.text("0123456789abcdef:.%", max_size=20),
    st.text(max_size=8),
)


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(_texts, min_size=1, max_size=25),
    number=st.integers(0, 2**128 - 1),
    bits=st.integers(0, 128),
    four=st.booleans(),
)
def test_agrees_with_the_standard_library(
    engine: DuckEngine, texts: list[str], number: int, bits: int, four: bool
) -> None:
    network = (
        IPv4Network((number % 2**32, bits % 33), strict=False) if four else IPv6Network((number, bits), strict=False)
    )
    around = [str(network[0]), str(network[-1])]
    listed: list[str | None] = [None, *texts, *around]
    assert matches(engine, listed, network) == [reference(text, network) for text in listed]
