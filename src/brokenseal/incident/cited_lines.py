"""The raw text of the lines that the document cites, kept in it, so that they can be read when the evidence is gone.

Each claim gets its first line before any gets its second, so that the bounds leave no claim without. Whole files of web
folders have no line. Lines of formats that can hold subjects of messages are withheld unless these were asked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from brokenseal.errors import EvidenceError
from brokenseal.events import EventStore, Source
from brokenseal.events.raw_records import RawRecords, found_again, named_binary, raw_records
from brokenseal.events.sources import WEB_FILE, rfc3339
from brokenseal.evidence import EvidenceFile
from brokenseal.incident.subject_logs import WITH_SUBJECTS

#: Characters kept of one line, lines that are fetched, and bytes (UTF-8) of all that is kept.
LINE_CHARACTERS = 2000
MOST_LINES = 10_000
MOST_BYTES = 4 << 20

DECODED = "decoded"
_NOT_TOLD = ("source_id", "line", "offset", "Data")

Json = dict[str, object]


class Place(NamedTuple):
    """Where a line stands: name and SHA-256 of the file, line or record from 1, bytes from its start."""

    file: str
    sha256: str
    line: int
    offset: int


def cited_lines(
    document: Json, store: EventStore, files: Sequence[EvidenceFile], before: Json | None, *, subjects: bool
) -> Json:
    """The ``cited`` of ``incident.schema.json``.

    *files*: the evidence of this scan. *before*: the document of the case's last scan: its lines stand for those of files
    that are gone.
    """
    by_place = {(source.name, source.sha256): source for source in store.sources.values()}
    cited = {place: source for place in _places(document) if (source := by_place.get(place[:2])) is not None}
    cited = {place: source for place, source in cited.items() if source.kind != WEB_FILE}
    told = [place for place, source in cited.items() if subjects or source.kind not in WITH_SUBJECTS]
    wanted = told[:MOST_LINES]
    found = _fetched({place: cited[place] for place in wanted}, store, files)
    kept = _kept(before)
    lines: list[Json] = []
    left_out, missing, size = len(told) - len(wanted), 0, 0
    for place in wanted:
        line = found.get(place) or kept.get(place[1:])
        if line is None:
            missing += 1
            continue
        size += len(str(line["text"]).encode("utf-8", "replace"))
        if size > MOST_BYTES:
            left_out += 1
            continue
        lines.append({**place._asdict(), **line})
    lines.sort(key=lambda line: [line[name] for name in Place._fields])
    return {"lines": lines, "left_out": left_out, "missing": missing, "withheld": len(cited) - len(told)}


def _places(document: Json) -> list[Place]:
    """All places cited, each once: the first of every claim, then the second, and so on."""
    ranked: list[tuple[int, int, Place]] = []
    for claim, references in enumerate(_claims(document)):
        for rank, reference in enumerate(references):
            if reference.get("offset") is not None and reference["sha256"]:
                ranked.append((rank, claim, Place(*(reference[name] for name in Place._fields))))  # type: ignore[arg-type]
    ranked.sort(key=lambda each: each[:2])
    return list(dict.fromkeys(place for _, _, place in ranked))


def _claims(document: Json) -> Iterator[list[Json]]:
    """The references of each finding, mailbox and web shell, and of each process that a finding is about."""
    yield from (_list(finding, "evidence") for finding in _list(document, "findings"))
    yield from (_list(mailbox, "evidence") for mailbox in _list(document, "mailboxes"))
    for intrusion in _list(document, "intrusions"):
        for shell in _list(intrusion, "webshells"):
            planted = cast("Json | None", shell["planted"])
            yield [*([cast(Json, planted["evidence"])] if planted else []), *_list(shell, "evidence")]
        yield from (_list(process, "evidence") for process in _list(intrusion, "processes") if process["findings"])


def _list(holder: Json, name: str) -> list[Json]:
    return cast("list[Json]", holder[name])


def _fetched(cited: Mapping[Place, Source], store: EventStore, files: Sequence[EvidenceFile]) -> dict[Place, Json]:
    places: dict[int, list[Place]] = {}
    for place, source in cited.items():
        places.setdefault(source.id, []).append(place)
    sources = {source.id: source for source in cited.values()}
    at_hand = _at_hand(sources.values(), store.all_sources, files)
    found: dict[Place, Json] = {}
    for number, wanted in places.items():
        source = sources[number]
        raw = _raw(at_hand.get(number), source, {place.offset for place in wanted})
        if raw.binary:
            lines = decoded(store, source, {place.line for place in wanted})
            found.update((place, lines[place.line]) for place in wanted if place.line in lines)
            continue
        for place in wanted:
            text = raw.texts.get(place.offset)
            if text is not None:
                found[place] = {"text": text.text, "bytes": text.size, "cut": text.cut, "form": text.form.value}
    return found


def _at_hand(
    wanted: Collection[Source], every: Iterable[Source], files: Sequence[EvidenceFile]
) -> dict[int, EvidenceFile]:
    """By number of the source, a file to read it from: itself, another with the same content, or where it lay before."""
    by_location = {file.location: file for file in files}
    alike: dict[tuple[str, int], EvidenceFile] = {}
    for source in every:
        if source.sha256 and source.location in by_location:
            alike.setdefault((source.sha256, source.size), by_location[source.location])
    found = {
        source.id: file
        for source in wanted
        if (file := by_location.get(source.location) or alike.get((source.sha256, source.size))) is not None
    }
    return found | found_again(source for source in wanted if source.id not in found)


def _raw(file: EvidenceFile | None, source: Source, offsets: Collection[int]) -> RawRecords:
    if file is not None:
        try:
            return raw_records(file, source, offsets, LINE_CHARACTERS)
        except (EvidenceError, OSError):
            pass
    return RawRecords(named_binary(source))


def decoded(store: EventStore, source: Source, lines: Collection[int]) -> dict[int, Json]:
    """Records of a format that is no text, by line: the fields of each as the case keeps them, as one JSON object."""
    relation = store.events(source.kind)
    if relation is None:
        return {}
    listed = ", ".join(map(str, sorted(lines)))
    rows = store.engine.query(
        f"SELECT * FROM {relation} WHERE source_id = {source.id} AND line IN ({listed}) ORDER BY line"
    )
    found: dict[int, Json] = {}
    for row in rows.to_pylist():
        text = _fields_text(row)
        found[row["line"]] = {
            "text": text[:LINE_CHARACTERS],
            "bytes": len(text.encode("utf-8", "replace")),
            "cut": len(text) > LINE_CHARACTERS,
            "form": DECODED,
        }
    return found


def _fields_text(row: Mapping[str, object]) -> str:
    """The fields in the order of the table; those of the event itself (``Data``, JSON already) as they are, at the end."""
    fields = {
        name: rfc3339(round(value.timestamp() * 1000)) if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None and name not in _NOT_TOLD
    }
    text = json.dumps(fields, ensure_ascii=False)
    own = row.get("Data")
    return text if own is None else f'{text[:-1]}, "Data": {own}}}'


def _kept(before: Json | None) -> dict[tuple[object, ...], Json]:
    """The lines of an earlier document by hash, line and offset."""
    cited = cast("Json", (before or {}).get("cited") or {})
    told = [name for name in ("text", "bytes", "cut", "form")]
    return {
        tuple(line[name] for name in Place._fields[1:]): {name: line[name] for name in told}
        for line in cast("list[Json]", cited.get("lines") or [])
    }
