"""What a parser is: a small class that registers itself by being defined.

A parser names its table (``kind``), declares its columns, says from a file's first bytes whether the file is its own, and
turns blocks of lines into an Arrow table, rejects and warnings. Every line that is not blank, not a directive and not a
header row is a row: ``rows in = events + rejects`` holds for every block.
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

from brokenseal.parsers.blocks import Block
from brokenseal.parsers.columns import Column, event_schema
from brokenseal.parsers.decoding import decoded_head

#: Rejected text is kept up to this many bytes; the whole line is in the evidence at the recorded offset.
REJECT_TEXT_BYTES = 4096

_SELF_DESCRIPTION = re.compile(r"(?im)^#(?:Fields|Log-type):[ \t]*[^ \t\r\n]")

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
class Settings:
    """What the user said about reading. ``iis_timezone``: the zone IIS wrote its times in (IANA name, W3C default UTC)."""

    iis_timezone: str = "UTC"


class Parser(ABC):
    """Base of all parsers; one instance reads one file and keeps its state (header, dates) between blocks."""

    kind: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    derived: ClassVar[tuple[Column, ...]] = ()
    registered: ClassVar[dict[str, type[Parser]]] = {}

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
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
    @abstractmethod
    def recognise_content(cls, head: str) -> bool:
        """Whether the first text of a file says that it is of this kind."""

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        """Whether the file's name alone suggests this kind (used only when no content speaks)."""
        return False

    @abstractmethod
    def parse(self, block: Block) -> Parsed:
        """The events and rejects of one block; blocks arrive in the file's order."""

    def oversized(self, block: Block) -> list[Reject]:
        return [
            Reject(line.line, line.offset, "line is too long", line.start.decode("utf-8", "backslashreplace"))
            for line in block.oversized
        ]


def identify(head: bytes, name: str) -> type[Parser] | None:
    """The parser for a file with these first bytes and this name: by content first, by name second, else None.

    A file that says what it is (``#Fields``, ``#Log-type``) and is of no kind known here is not taken by its name.
    """
    lines = decoded_head(head).decode("utf-8", "backslashreplace").split("\n", HEAD_LINES)[:HEAD_LINES]
    text = "\n".join(lines)
    for parser in _parsers():
        if parser.recognise_content(text):
            return parser
    if _SELF_DESCRIPTION.search(text) or (text.strip() and looks_binary(head)):
        return None
    for parser in _parsers():
        if parser.recognise_name(name):
            return parser
    return None


def looks_binary(head: bytes) -> bool:
    """Whether the bytes are no text: many control characters that no log holds."""
    text = decoded_head(head)[:4096]
    control = sum(1 for byte in text if byte < 32 and byte not in (9, 10, 13))
    return control > len(text) // 20


def parser_for(kind: str) -> type[Parser]:
    _parsers()
    return Parser.registered[kind]


def kinds() -> tuple[str, ...]:
    """All table names, sorted."""
    return tuple(parser.kind for parser in _parsers())


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
