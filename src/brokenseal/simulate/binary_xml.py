"""Binary XML as event logs hold it: elements in templates, and the values that fill them.

A template is written once into a chunk, where a record first needs it, and later records point to it by its offset from
the start of the chunk; so do the names of elements and attributes.

References:
    libyal/libevtx, "Windows XML Event Log (EVTX) format", binary XML; [MS-EVEN6] 2.2.12. How the two hash tables of a
    chunk are filled was read off the files of real servers: see ``hashed``.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from uuid import UUID

NAME_BUCKETS = 64
TEMPLATE_BUCKETS = 32
_FRAGMENT = b"\x0f\x01\x01\x00"
_END_OF_FRAGMENT = b"\x00"
_OPEN, _CLOSE_START, _CLOSE_EMPTY, _END_ELEMENT = 0x01, 0x02, 0x03, 0x04
_VALUE, _ATTRIBUTE, _TEMPLATE, _SUBSTITUTION, _OPTIONAL_SUBSTITUTION = 0x05, 0x06, 0x0C, 0x0D, 0x0E
_MORE_FOLLOWS = 0x40
_NO_DEPENDENCY = 0xFFFF
_INSTANCE_HEAD = 10  # token, version, the template's short id and offset
_DEFINITION_HEAD = 24  # offset of the next template of its bucket, id, size
_LARGEST_VALUE = 0xFFFF
_FILETIME_OF_1970 = 116_444_736_000_000_000
_FILETIME_PER_MS = 10_000
FRAGMENT_HEAD = len(_FRAGMENT)
PACKED_HEAD = PACKED_DESCRIPTOR = 4


class ValueType(IntEnum):
    """The types of values that are written here, by their codes in binary XML."""

    NULL = 0x00
    TEXT = 0x01
    UINT8 = 0x04
    UINT16 = 0x06
    INT32 = 0x07
    UINT32 = 0x08
    UINT64 = 0x0A
    BOOL = 0x0D
    GUID = 0x0F
    FILETIME = 0x11
    SID = 0x13
    HEX32 = 0x14
    HEX64 = 0x15
    BINARY_XML = 0x21
    TEXTS = 0x81


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template for the value of this number; an optional one may be filled with nothing."""

    number: int
    type: ValueType
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a template: attributes and content, each fixed text or filled by each record."""

    name: str
    attributes: tuple[tuple[str, str | Slot], ...] = ()
    content: tuple[Element | Slot | str, ...] = ()


class Template:
    """An element with slots, under an id that follows from its content: the same everywhere."""

    def __init__(self, root: Element) -> None:
        self.root = root
        digest = bytearray(hashlib.sha256(repr(root).encode()).digest()[:16])
        # The bits that mark a random GUID (version 4).
        digest[7] = digest[7] & 0x0F | 0x40
        digest[8] = digest[8] & 0x3F | 0x80
        self.guid = bytes(digest)


@dataclass(slots=True)
class SharedText:
    """What the records of one chunk share: where each name and template stands, in offsets from the chunk's start."""

    names: dict[str, int] = field(default_factory=dict)
    templates: dict[bytes, int] = field(default_factory=dict)
    name_table: list[int] = field(default_factory=lambda: [0] * NAME_BUCKETS)
    template_table: list[int] = field(default_factory=lambda: [0] * TEMPLATE_BUCKETS)

    def copy(self) -> SharedText:
        return SharedText(self.names.copy(), self.templates.copy(), self.name_table.copy(), self.template_table.copy())

    def instance(self, template: Template, at: int, values: bytes) -> bytes:
        """A template filled with ``values`` (what ``packed`` gives), to stand at offset ``at`` of the chunk."""
        short_id = template.guid[:4]
        known = self.templates.get(template.guid)
        if known is not None:
            return b"".join((b"\x0c\x01", short_id, struct.pack("<I", known), values))
        start = at + _INSTANCE_HEAD
        definition = self._definition(template, start)
        return b"".join((b"\x0c\x01", short_id, struct.pack("<I", start), definition, values))

    def _definition(self, template: Template, at: int) -> bytes:
        body = bytearray(_FRAGMENT)
        self._element(body, at + _DEFINITION_HEAD, template.root)
        body += _END_OF_FRAGMENT
        bucket = hashed(struct.unpack("<8H", template.guid)) % TEMPLATE_BUCKETS
        head = struct.pack("<I16sI", self.template_table[bucket], template.guid, len(body))
        self.template_table[bucket] = at
        self.templates[template.guid] = at
        return head + bytes(body)

    def _element(self, out: bytearray, base: int, element: Element) -> None:
        out += struct.pack("<BHI", _OPEN | (_MORE_FOLLOWS if element.attributes else 0), _NO_DEPENDENCY, 0)
        inside = len(out)
        self._name(out, base, element.name)
        if element.attributes:
            out += b"\0\0\0\0"
            listed = len(out)
            last = len(element.attributes) - 1
            for number, (name, value) in enumerate(element.attributes):
                out.append(_ATTRIBUTE | (_MORE_FOLLOWS if number < last else 0))
                self._name(out, base, name)
                _text_or_slot(out, value)
            struct.pack_into("<I", out, listed - 4, len(out) - listed)
        if element.content:
            out.append(_CLOSE_START)
            for part in element.content:
                if isinstance(part, Element):
                    self._element(out, base, part)
                else:
                    _text_or_slot(out, part)
            out.append(_END_ELEMENT)
        else:
            out.append(_CLOSE_EMPTY)
        struct.pack_into("<I", out, inside - 4, len(out) - inside)

    def _name(self, out: bytearray, base: int, name: str) -> None:
        known = self.names.get(name)
        if known is not None:
            out += struct.pack("<I", known)
            return
        at = base + len(out) + 4
        text = name.encode("utf-16-le")
        number = hashed(struct.unpack(f"<{len(text) // 2}H", text)) & 0xFFFF
        bucket = number % NAME_BUCKETS
        out += struct.pack("<IIHH", at, self.name_table[bucket], number, len(text) // 2) + text + b"\0\0"
        self.name_table[bucket] = at
        self.names[name] = at


def hashed(units: Sequence[int]) -> int:
    """The hash of a name (over its UTF-16 units; 16 bits are kept) and of a template's id (over its eight words).

    The remainder by the number of buckets names the bucket. In the files of public samples all 23,858 names, and all
    3,399 templates in files of format 3.1, are in the bucket that this gives. Format 3.2 spreads templates by another
    hash, which is not known.
    """
    value = 0
    for unit in units:
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return value


def _text_or_slot(out: bytearray, part: str | Slot) -> None:
    if isinstance(part, Slot):
        out += struct.pack("<BHB", _OPTIONAL_SUBSTITUTION if part.optional else _SUBSTITUTION, part.number, part.type)
    else:
        text = part.encode("utf-16-le")
        out += struct.pack("<BBH", _VALUE, ValueType.TEXT, len(text) // 2) + text


def fragment(content: bytes) -> bytes:
    """A template's instance as a document of its own: what a record, and a value of type BINARY_XML, consists of."""
    return b"".join((_FRAGMENT, content, _END_OF_FRAGMENT))


def packed(values: Sequence[tuple[ValueType, bytes]]) -> bytes:
    """The values of a template's instance: their number, size and type each, then their bytes.

    Raises:
        ValueError: a value has more than 65,535 bytes.
    """
    parts = [struct.pack("<I", len(values))]
    for kind, data in values:
        if len(data) > _LARGEST_VALUE:
            raise ValueError(f"a value of {len(data):,} bytes; an event log's value has at most {_LARGEST_VALUE:,}")
        parts.append(struct.pack("<HBB", len(data), kind, 0))
    parts.extend(data for _, data in values)
    return b"".join(parts)


def text_bytes(text: str) -> bytes:
    """UTF-16 without a final NUL.

    Raises:
        ValueError: the text holds a NUL, which ends a text in the logs, or half of a surrogate pair.
    """
    if "\0" in text:
        raise ValueError(f"a NUL in a text of an event: {text[:60]!r}")
    return text.encode("utf-16-le")


def texts_bytes(texts: Sequence[str]) -> bytes:
    """Texts as one value: each ends in a NUL."""
    return b"".join(text_bytes(text) + b"\0\0" for text in texts)


@lru_cache(maxsize=4096)
def sid_bytes(sid: str) -> bytes:
    """``S-1-5-18`` in bytes: revision, number of parts, authority (big-endian), parts."""
    revision, authority, *parts = (int(part) for part in sid.split("-")[1:])
    return struct.pack(">BBHI", revision, len(parts), 0, authority) + struct.pack(f"<{len(parts)}I", *parts)


@lru_cache(maxsize=4096)
def guid_bytes(guid: str) -> bytes:
    return UUID(guid).bytes_le


def _integer(code: str) -> Callable[[str | int], bytes]:
    pack = struct.Struct(f"<{code}").pack
    return lambda value: pack(int(value))


# A FILETIME is given in ms since 1970 UTC, GUIDs and SIDs as text.
ENCODERS: dict[ValueType, Callable[[str | int], bytes]] = {
    ValueType.TEXT: lambda value: text_bytes(str(value)),
    ValueType.UINT8: _integer("B"),
    ValueType.UINT16: _integer("H"),
    ValueType.INT32: _integer("i"),
    ValueType.UINT32: _integer("I"),
    ValueType.UINT64: _integer("Q"),
    ValueType.BOOL: _integer("I"),
    ValueType.FILETIME: lambda value: struct.pack("<Q", int(value) * _FILETIME_PER_MS + _FILETIME_OF_1970),
    ValueType.HEX32: _integer("I"),
    ValueType.HEX64: _integer("Q"),
    ValueType.GUID: lambda value: guid_bytes(str(value)),
    ValueType.SID: lambda value: sid_bytes(str(value)),
}
