"""Writes MaxMind DB files with a few addresses, so that no database of others is needed.

References:
    https://maxmind.github.io/MaxMind-DB/
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MARK = b"\xab\xcd\xefMaxMind.com"
_BITS = 32
#: Of what type a number is: of 16 bits if not named here.
_TYPES = {"node_count": 6, "build_epoch": 9}


def write_places(path: Path, places: Mapping[str, Mapping[str, Any]], *, kind: str = "Test-City") -> Path:
    """A database of *places*: record by IPv4 network."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    leaves: dict[tuple[int, int], int] = {}
    for network, record in places.items():
        parsed = ipaddress.ip_network(network)
        bits = f"{int(parsed.network_address):0{_BITS}b}"[: parsed.prefixlen]
        node = 0
        for bit in bits[:-1]:
            following = nodes[node][int(bit)]
            if following is None:
                nodes.append([None, None])
                following = nodes[node][int(bit)] = len(nodes) - 1
            node = following
        leaves[node, int(bits[-1])] = len(data)
        data += _encoded(record)
    count = len(nodes)

    def value(number: int, side: int) -> int:
        following = nodes[number][side]
        if (number, side) in leaves:
            return count + 16 + leaves[number, side]
        return count if following is None else following

    tree = b"".join(value(number, side).to_bytes(3, "big") for number in range(count) for side in (0, 1))
    about = {
        "node_count": count,
        "record_size": 24,
        "ip_version": 4,
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_614_556_800,
        "description": {"en": "made by a test"},
    }
    path.write_bytes(tree + bytes(16) + data + _MARK + _encoded(about))
    return path


def city(
    name: str, country: str, continent: str, latitude: float, longitude: float, radius: int = 20
) -> dict[str, Any]:
    return {
        "city": {"names": {"en": name}},
        "country": {"iso_code": country, "names": {"en": country}},
        "continent": {"code": continent},
        "location": {"latitude": latitude, "longitude": longitude, "accuracy_radius": radius},
    }


def _encoded(value: Any, name: str = "") -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return _head(2, len(text)) + text
    if isinstance(value, float):
        return _head(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        number = value.to_bytes(8, "big").lstrip(b"\0")
        kind = _TYPES.get(name, 5)
        # Kinds from 8 on are written behind the head.
        return (_head(kind, len(number)) if kind < 8 else bytes([len(number), kind - 7])) + number
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encoded, value))
    return _head(7, len(value)) + b"".join(_encoded(key) + _encoded(item, key) for key, item in value.items())


def _head(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])
