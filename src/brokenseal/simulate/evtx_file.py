"""Writes Windows event logs (EVTX): a file header, then chunks of 64 KiB with the events' records.

The layout is what the event log service of Windows Server 2016 writes (format 3.1): each record is an instance of a
template for the ``System`` part, and inside it one of a template for the event's own data.

References:
    libyal/libevtx, "Windows XML Event Log (EVTX) format": file header, chunk, event record; [MS-EVEN6] 2.2.17.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from brokenseal.simulate.binary_xml import (
    ENCODERS,
    FRAGMENT_HEAD,
    PACKED_DESCRIPTOR,
    PACKED_HEAD,
    Element,
    SharedText,
    Slot,
    Template,
    ValueType,
    fragment,
    packed,
    sid_bytes,
    texts_bytes,
)

_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_FILE_HEADER, _CHUNK, _CHUNK_HEADER = 4096, 65536, 512
_RECORD_HEAD, _RECORD_TAIL, _ALIGNMENT = 24, 4, 8
_MOST_CHUNKS = 0xFFFF
_CRC_OF = 120  # bytes of either header that its checksum covers; the flags and the checksum follow
_CHUNK_FLAGS = 1  # what real chunks carry
_NOTHING = (ValueType.NULL, b"")
Value = str | int


@dataclass(frozen=True, slots=True, eq=False)
class EventKind:
    """One kind of event: the fixed part of its ``System`` element and the fields of its data.

    ``fields`` None means that its data are texts without names (``<Data>`` one after the other), as those of providers
    that are older than manifests. Such a classic provider has no ``guid`` and gives ``qualifiers``; its events carry no
    version, opcode, process and thread. Kinds are compared by identity: each exists once.
    """

    channel: str
    provider: str
    event_id: int
    guid: str = ""
    fields: tuple[tuple[str, ValueType], ...] | None = None
    version: int = 0
    level: int = 4
    task: int = 0
    opcode: int = 0
    keywords: int = 0x8000000000000000
    qualifiers: int | None = None


class Event(NamedTuple):
    """One event. ``time`` in ms since 1970 UTC; ``values`` in the order of the kind's fields, a value per field.

    Values are texts and numbers as the field's type takes them: GUIDs and SIDs as text, hexadecimal fields as numbers,
    times in ms since 1970 UTC.
    """

    time: int
    kind: EventKind
    computer: str
    values: Sequence[Value]
    process_id: int = 0
    thread_id: int = 0
    user_sid: str = ""


class EvtxWriter:
    """An event log that is written record by record; one chunk is in memory, and no file is open between two chunks.

    Records are numbered from ``first_record`` on. Events should come in order of time, as a real log has them; nothing
    depends on it. ``close`` completes the file (the same events give the same bytes).
    """

    def __init__(self, path: Path, first_record: int = 1) -> None:
        self.records = 0
        self._path = path
        self._next_id = first_record
        self._chunks = 0
        self._shared = SharedText()
        self._data: list[bytes] = []
        self._free = self._last_record = _CHUNK_HEADER
        path.write_bytes(bytes(_FILE_HEADER))

    def add(self, event: Event) -> int:
        """Append an event; its record id.

        Raises:
            ValueError: the event does not fit: a record has at most 65,024 bytes (about 32,000 characters) in all.
        """
        # A record that does not fit must leave no trace in the chunk's tables, so it is made with copies of them.
        shared = self._shared.copy()
        record = _record(event, self._next_id, shared, self._free)
        if self._free + len(record) > _CHUNK and self._data:
            self._flush()
            shared = self._shared.copy()
            record = _record(event, self._next_id, shared, self._free)
        if self._free + len(record) > _CHUNK:
            raise ValueError(
                f"an event of {len(record):,} bytes ({event.kind.provider} {event.kind.event_id}); a record of an event"
                f" log has at most {_CHUNK - _CHUNK_HEADER:,}"
            )
        self._shared = shared
        self._last_record = self._free
        self._data.append(record)
        self._free += len(record)
        self._next_id += 1
        self.records += 1
        return self._next_id - 1

    def close(self) -> None:
        """Write what is still in memory and the file header. The writer must not be used after it."""
        if self._data:
            self._flush()
        header = struct.pack(
            "<8s3QIHHHH",
            b"ElfFile\0",
            0,
            max(self._chunks - 1, 0),
            self._next_id,
            128,
            1,
            3,
            _FILE_HEADER,
            self._chunks,
        ).ljust(_CRC_OF, b"\0")
        header += struct.pack("<II", 0, zlib.crc32(header))
        with self._path.open("r+b") as file:
            file.write(header)

    def _flush(self) -> None:
        if self._chunks == _MOST_CHUNKS:
            raise ValueError(f"{self._path}: an event log has at most {_MOST_CHUNKS:,} chunks of 64 KiB")
        records = b"".join(self._data)
        first, last = self._next_id - len(self._data), self._next_id - 1
        head = struct.pack(
            "<8s4Q4I",
            b"ElfChnk\0", first, last, first, last, 128, self._last_record, self._free, zlib.crc32(records),
        ).ljust(_CRC_OF, b"\0")  # fmt: skip
        tables = struct.pack("<96I", *self._shared.name_table, *self._shared.template_table)
        checksum = zlib.crc32(tables, zlib.crc32(head))
        chunk = b"".join((head, struct.pack("<II", _CHUNK_FLAGS, checksum), tables, records)).ljust(_CHUNK, b"\0")
        with self._path.open("ab") as file:
            file.write(chunk)
        self._chunks += 1
        self._shared = SharedText()
        self._data = []
        self._free = self._last_record = _CHUNK_HEADER


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """What all events of a kind on a computer have in common: their templates and the values that never change."""

    system: Template
    constants: tuple[tuple[ValueType, bytes], ...]
    data: Template | None
    encoders: tuple[tuple[ValueType, Callable[[Value], bytes]], ...]


def _record(event: Event, number: int, shared: SharedText, at: int) -> bytes:
    kind = event.kind
    layout = _layout(kind, event.computer)
    time = ENCODERS[ValueType.FILETIME](event.time)
    values = [*layout.constants, (ValueType.FILETIME, time), (ValueType.UINT64, struct.pack("<Q", number))]
    if kind.guid:
        values.append((ValueType.UINT32, struct.pack("<I", event.process_id)))
        values.append((ValueType.UINT32, struct.pack("<I", event.thread_id)))
    values.append((ValueType.SID, sid_bytes(event.user_sid)) if event.user_sid else _NOTHING)
    # The event's own data stand inside the value after these, whose place in the chunk follows from the sizes before it.
    inside = at + _RECORD_HEAD + FRAGMENT_HEAD
    content = shared.instance(layout.system, inside, b"")
    if layout.data is not None:
        before = inside + len(content) + PACKED_HEAD + (len(values) + 1) * PACKED_DESCRIPTOR
        before += sum(len(data) for _, data in values)
        values.append(_data(event, layout, layout.data, shared, before))
    body = fragment(content + packed(values))
    size = -(-(_RECORD_HEAD + len(body) + _RECORD_TAIL) // _ALIGNMENT) * _ALIGNMENT
    head = struct.pack("<4sIQ", b"**\0\0", size, number) + time
    return (head + body).ljust(size - _RECORD_TAIL, b"\0") + struct.pack("<I", size)


def _data(event: Event, layout: _Layout, template: Template, shared: SharedText, at: int) -> tuple[ValueType, bytes]:
    if event.kind.fields is None:
        values = [(ValueType.TEXTS, texts_bytes([str(value) for value in event.values]))]
    else:
        values = [(kind, encode(value)) for (kind, encode), value in zip(layout.encoders, event.values, strict=True)]
    return ValueType.BINARY_XML, fragment(shared.instance(template, at + FRAGMENT_HEAD, packed(values)))


@lru_cache(maxsize=4096)
def _layout(kind: EventKind, computer: str) -> _Layout:
    fields = kind.fields or ()
    if kind.fields is None:
        data = Element("EventData", content=(Element("Data", content=(Slot(0, ValueType.TEXTS, optional=True),)),))
    else:
        named = (
            Element("Data", (("Name", name),), (Slot(number, type_),)) for number, (name, type_) in enumerate(fields)
        )
        data = Element("EventData", content=tuple(named))
    system, constants = _system(kind, computer)
    return _Layout(
        system,
        constants,
        Template(data) if data.content else None,
        tuple((type_, ENCODERS[type_]) for _, type_ in fields),
    )


def _system(kind: EventKind, computer: str) -> tuple[Template, tuple[tuple[ValueType, bytes], ...]]:
    """The template of the ``System`` element, and the values of its first slots: those that the kind gives."""
    constants: list[tuple[ValueType, bytes]] = []

    def constant(type_: ValueType, value: Value) -> Slot:
        constants.append((type_, ENCODERS[type_](value)))
        return Slot(len(constants) - 1, type_)

    modern = bool(kind.guid)
    provider = (("Name", kind.provider), *((("Guid", constant(ValueType.GUID, kind.guid)),) if modern else ()))
    qualifiers = () if kind.qualifiers is None else (("Qualifiers", constant(ValueType.UINT16, kind.qualifiers)),)
    number = Element("EventID", qualifiers, (constant(ValueType.UINT16, kind.event_id),))
    version = Element("Version", content=(constant(ValueType.UINT8, kind.version),)) if modern else None
    level = Element("Level", content=(constant(ValueType.UINT8, kind.level),))
    task = Element("Task", content=(constant(ValueType.UINT16, kind.task),))
    opcode = Element("Opcode", content=(constant(ValueType.UINT8, kind.opcode),)) if modern else None
    keywords = Element("Keywords", content=(constant(ValueType.HEX64, kind.keywords),))
    slots = iter(range(len(constants), 256))
    time, record = Slot(next(slots), ValueType.FILETIME), Slot(next(slots), ValueType.UINT64)
    execution = (
        Element(
            "Execution",
            (
                ("ProcessID", Slot(next(slots), ValueType.UINT32)),
                ("ThreadID", Slot(next(slots), ValueType.UINT32)),
            ),
        )
        if modern
        else None
    )
    security = Element("Security", (("UserID", Slot(next(slots), ValueType.SID, optional=True)),))
    parts = (
        Element("Provider", provider),
        number,
        version,
        level,
        task,
        opcode,
        keywords,
        Element("TimeCreated", (("SystemTime", time),)),
        Element("EventRecordID", content=(record,)),
        Element("Correlation") if modern else None,
        execution,
        Element("Channel", content=(kind.channel,)),
        Element("Computer", content=(computer,)),
        security,
    )
    system = Element("System", content=tuple(part for part in parts if part is not None))
    data = (Slot(next(slots), ValueType.BINARY_XML),) if kind.fields != () else ()
    return Template(Element("Event", (("xmlns", _NAMESPACE),), (system, *data))), tuple(constants)
