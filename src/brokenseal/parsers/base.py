"""What a parser is: a small class that registers itself by being defined.

A parser names its format (``kind``) and, where several formats hold the same events, the table they share. It declares its
columns, says from a file's first bytes whether the file is its own, and turns blocks of lines into an Arrow table, rejects
and warnings. Every line that is not blank, not a directive and not a header row is a row: ``rows in = events + rejects``
holds for every block. A format that is not made of lines reads its stream itself (``batches``).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa

from brokenseal.parsers.blocks import BLOCK_BYTES, Block, Readable, Tally, read_blocks
from brokenseal.parsers.columns import Column, event_schema
from brokenseal.parsers.decoding import decoded_head
from brokenseal.parsers.record_text import RecordLayout

#: Rejected text is kept up to this many bytes; the whole line is in the evidence at the recorded offset.
REJECT_TEXT_BYTES = 4096

_SELF_DESCRIPTION = re.compile(r"(?im)^#(?:Fields|Log-type):[ \t]*[^ \t\r\n]")

#: Control characters that no log holds.
_CONTROL = bytes(byte for byte in range(32) if byte not in (9, 10, 13))
#: A file is known by what stands in its first lines; further down, other logs may be quoted.
HEAD_LINES = 40


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not become an event: line from 1, byte offset in the file, why, and how it begins."""

    line: int
    offset: int
    reason: str
    text: str


@dataclass(slots=True)
class Parsed:
    """What became of one block: events in the parser's schema (``source_id`` is null, the store sets it), and the rest."""

    table: pa.Table
    rejects: list[Reject] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    rows_in: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What one piece of a file gave: ``raw_bytes`` of it were read; ``block`` is the piece where it is made of lines."""

    parsed: Parsed
    raw_bytes: int
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user said about reading. ``iis_timezone``: the zone IIS wrote its times in (IANA name, W3C default UTC)."""

    iis_timezone: str = "UTC"


class Parser(ABC):
    """Base of all parsers; one instance reads one file and keeps its state (header, dates) between blocks."""

    kind: ClassVar[str]
    #: The table of the events; the kind's own name unless given.
    table: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    derived: ClassVar[tuple[Column, ...]] = ()
    #: Whether files of this format are no text.
    binary: ClassVar[bool] = False
    #: Where a record of this format ends.
    record_layout: ClassVar[RecordLayout] = RecordLayout.LINE
    registered: ClassVar[dict[str, type[Parser]]] = {}

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            if not hasattr(cls, "table"):
                cls.table = cls.kind
            Parser.registered[cls.kind] = cls

    @classmethod
    def title(cls) -> str:
        """The first line of the docstring: the parser's help text."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    @classmethod
    def schema(cls) -> pa.Schema:
        """The Arrow schema of the parser's table, each field with its meaning as metadata."""
        return event_schema(cls.columns, cls.derived)

    @classmethod
    def recognise_bytes(cls, head: bytes) -> bool:
        """Whether the first bytes of a file, as they are, say that it is of this kind: for formats that are no text."""
        return False

    @classmethod
    @abstractmethod
    def recognise_content(cls, head: str) -> bool:
        """Whether the first text of a file says that it is of this kind."""

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        """Whether the file's name alone suggests this kind (used only when no content speaks)."""
        return False

    def parse(self, block: Block) -> Parsed:
        """The events and rejects of one block; blocks arrive in the file's order. Not for formats without lines."""
        raise NotImplementedError

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The whole file in order, hashing and counting into *tally* on the way; damage is left there, never raised.

        About *block_bytes* are read at a time (each format knows what is best); what comes of a file does not hang on it.
        """
        for block in read_blocks(stream, tally, block_bytes=block_bytes or BLOCK_BYTES):
            yield Batch(self.parse(block), block.raw_bytes, block)

    def oversized(self, block: Block) -> list[Reject]:
        return [
            Reject(line.line, line.offset, "line is too long", line.start.decode("utf-8", "backslashreplace"))
            for line in block.oversized
        ]


def identify(head: bytes, name: str) -> type[Parser] | None:
    """The parser for a file with these first bytes and this name: by content first, by name second, else None.

    A file that says what it is (``#Fields``, ``#Log-type``) and is of no kind known here is not taken by its name, and one
    that is no text only as a format that is none: its beginning may be damaged.
    """
    for parser in _parsers():
        if parser.recognise_bytes(head):
            return parser
    lines = decoded_head(head).decode("utf-8", "backslashreplace").split("\n", HEAD_LINES)[:HEAD_LINES]
    text = "\n".join(lines)
    for parser in _parsers():
        if parser.recognise_content(text):
            return parser
    if _SELF_DESCRIPTION.search(text):
        return None
    no_text = bool(text.strip()) and looks_binary(head)
    for parser in _parsers():
        if parser.recognise_name(name) and (parser.binary or not no_text):
            return parser
    return None


def looks_binary(head: bytes) -> bool:
    """Whether the bytes are no text: many control characters that no log holds."""
    text = decoded_head(head)[:4096]
    control = len(text) - len(text.translate(None, _CONTROL))
    return control > len(text) // 20


def parser_for(kind: str) -> type[Parser]:
    _parsers()
    return Parser.registered[kind]


def kinds() -> tuple[str, ...]:
    """The names of all formats, sorted."""
    return tuple(parser.kind for parser in _parsers())


def tables() -> tuple[str, ...]:
    """The names of all event tables, sorted."""
    return tuple(sorted({parser.table for parser in _parsers()}))


def parser_of_table(table: str) -> type[Parser]:
    """A parser whose events go to *table*; where there are several, their columns are the same. Raises KeyError."""
    for parser in _parsers():
        if parser.table == table:
            return parser
    raise KeyError(table)


def _parsers() -> Iterator[type[Parser]]:
    import brokenseal.parsers  # noqa: F401 - importing the package defines, and so registers, every parser

    return iter(sorted(Parser.registered.values(), key=lambda parser: parser.kind))


def line_text(block: Block, index: int) -> str:
    """The block's line *index* without its line end."""
    return block.text(index).decode("utf-8").rstrip("\r")


def cut_off(block: Block, index: int) -> bool:
    """Whether the file ends in this line: it is still being written, or its end is lost."""
    return block.ends_mid_line and index == len(block) - 1


def reject(block: Block, index: int, reason: str) -> Reject:
    """The block's line *index* as a reject."""
    text = block.text(index)[:REJECT_TEXT_BYTES].decode("utf-8", "ignore").rstrip("\r")
    if cut_off(block, index):
        reason += "; the file ends in this line"
    return Reject(block.first_line + index, int(block.offsets[index]), reason, text)


def with_event_columns(
    schema: pa.Schema,
    block: Block,
    indexes: np.ndarray[tuple[int], np.dtype[np.int64]],
    arrays: dict[str, pa.ChunkedArray],
) -> pa.Table:
    """A table in *schema* for the block's lines *indexes*: given arrays, positions filled in, everything else null."""
    positions = {"line": indexes + block.first_line, "offset": block.offsets[indexes]}
    filled: list[pa.Array | pa.ChunkedArray] = []
    for column in schema:
        if column.name in positions:
            filled.append(pa.array(positions[column.name]))
        elif column.name in arrays:
            values = arrays[column.name]
            filled.append(values if values.type == column.type else values.cast(column.type))
        else:
            filled.append(pa.nulls(len(indexes), column.type))
    return pa.Table.from_arrays(filled, schema=schema)
