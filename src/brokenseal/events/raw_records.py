"""The text of records as it stands in the evidence, read anew at the places that their events name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brokenseal.errors import BrokensealError, EvidenceError
from brokenseal.events.sources import Source
from brokenseal.evidence import EvidenceFile, collect
from brokenseal.parsers import identify
from brokenseal.parsers.blocks import HEAD_BYTES
from brokenseal.parsers.record_text import RecordText, read_record


@dataclass(frozen=True, slots=True)
class RawRecords:
    """``texts`` by byte offset, without those that cannot be read. ``binary``: the file is no text, and there are none."""

    binary: bool
    texts: Mapping[int, RecordText] = field(default_factory=dict)


def raw_records(file: EvidenceFile, source: Source, offsets: Iterable[int], most: int) -> RawRecords:
    """The records of *source* that begin at *offsets* (bytes), each its first *most* characters, read from *file*.

    The file is opened once and read in one direction. Raises ``EvidenceError`` when it cannot be opened.
    """
    texts: dict[int, RecordText] = {}
    with file.places() as places:
        parser = identify(places.read_at(0, HEAD_BYTES), source.windows_path or source.name)
        if parser is None or parser.binary:
            return RawRecords(parser is not None)
        for offset in sorted(set(offsets)):
            try:
                found = read_record(places.read_at, offset, source.encoding, parser.record_layout, most)
            except EvidenceError:
                continue
            if found is not None:
                texts[offset] = found
    return RawRecords(binary=False, texts=texts)


def named_binary(source: Source) -> bool:
    """Whether the name of *source* says that it is no text: all there is to go by when the file is gone."""
    parser = identify(b"", source.windows_path or source.name)
    return parser is not None and parser.binary


def found_again(sources: Iterable[Source]) -> dict[int, EvidenceFile]:
    """By number, those of *sources* that still lie where they were read, with the size and time of change they had.

    Their content is not hashed again.
    """
    by_root: dict[str, list[Source]] = {}
    for source in sources:
        by_root.setdefault(source.location.partition("!/")[0], []).append(source)
    found: dict[int, EvidenceFile] = {}
    for root, wanted in by_root.items():
        if not Path(root).is_file():
            continue
        try:
            there = {file.location: file for file in collect([Path(root)]).files}
        except (BrokensealError, OSError):
            continue
        for source in wanted:
            file = there.get(source.location)
            if file is not None and source.key.split("|")[0] == file.fingerprint:
                found[source.id] = file
    return found
