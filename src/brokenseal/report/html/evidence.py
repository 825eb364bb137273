"""The list of evidence with hashes: what claims rest on and what could not be read file by file, the rest by folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from brokenseal.report.html.context import Context, cited_files
from brokenseal.report.html.folders import FolderTotal, folder_totals
from brokenseal.report.html.shown import LONGEST_NAME, file_name, shown
from brokenseal.report.shape import EvidenceRecord

_KINDS = 6


@dataclass(frozen=True, slots=True)
class FileRow:
    anchor: str
    name: Markup
    kind: Markup
    host: Markup
    size: Markup
    sha256: Markup
    events: str
    note: Markup


@dataclass(frozen=True, slots=True)
class FolderRow:
    name: Markup
    note: Markup
    kinds: Markup
    files: str
    size: str
    sha256: Markup
    events: str


@dataclass(frozen=True, slots=True)
class Files:
    """``cited``: those that a claim refers to; ``others``: the rest that are listed; ``folders``: totals of all files."""

    cited: Sequence[FileRow]
    others: Sequence[FileRow]
    others_title: Markup
    others_caption: Markup
    folders: Sequence[FolderRow]
    total: Markup
    more: Markup
    hash_of_lists: Sequence[Markup]
    document: Markup
    manifest: Markup


def view(context: Context) -> Files:
    texts, every = context.texts, context.document["evidence"]
    cited = cited_files(context.document)
    anchors = dict(context.files)
    rows: dict[bool, list[FileRow]] = {True: [], False: []}
    for one in every:
        anchor = anchors.pop(one["file"], None)
        if anchor is not None:
            rows[one["file"] in cited].append(_file(context, one, anchor))
    left_out = len(every) - len(rows[True]) - len(rows[False])
    only_trouble = left_out > 0
    explained = [
        texts.say(
            "evidence.hash_of_list", command=Markup("<code>{}</code>").format(texts.say("evidence.hash_command"))
        ),
        *([texts.say("evidence.hash_redacted")] if context.redacted else []),
    ]
    return Files(
        cited=rows[True],
        others=rows[False],
        others_title=texts.count("evidence.trouble" if only_trouble else "evidence.others", len(rows[False])),
        others_caption=texts.say("evidence.caption_trouble" if only_trouble else "evidence.caption_others"),
        folders=[_folder(context, total) for total in folder_totals(every)] if left_out > 0 else [],
        total=texts.count("evidence.total", len(every)),
        more=texts.count("evidence.more", left_out) if left_out > 0 else Markup(""),
        hash_of_lists=explained,
        document=_named_hash(context, "evidence.document", context.document_sha256),
        manifest=_named_hash(context, "evidence.manifest", context.manifest_sha256)
        or texts.say("evidence.no_manifest"),
    )


def _named_hash(context: Context, key: str, sha256: str | None) -> Markup:
    if not sha256:
        return Markup("")
    return context.texts.say(key, sha256=Markup("<code>{}</code>").format(shown(sha256, LONGEST_NAME)))


def _file(context: Context, one: EvidenceRecord, anchor: str) -> FileRow:
    texts = context.texts
    notes = [shown(one.get("note"))]
    if one.get("duplicate_of"):
        notes.append(texts.say("evidence.duplicate", file=file_name(one.get("duplicate_of"))))
    if one["rejects"]:
        notes.append(texts.count("evidence.rejects", one["rejects"]))
    return FileRow(
        anchor=anchor,
        name=file_name(one["file"]),
        kind=texts.words("sources", one["kind"]),
        host=shown(one["host"], LONGEST_NAME),
        size=Markup("") if one["size"] is None else Markup(texts.number(one["size"])),
        sha256=shown(one["sha256"], LONGEST_NAME) or texts.say("evidence.no_hash"),
        events=texts.number(one["events"]),
        note=Markup(" ").join(note for note in notes if note),
    )


def _folder(context: Context, total: FolderTotal) -> FolderRow:
    texts = context.texts
    notes = [texts.say("evidence.direct")] if total.direct else []
    if total.hashed < total.files:
        notes.append(texts.count("evidence.not_hashed", total.files - total.hashed))
    return FolderRow(
        name=file_name(total.name) or texts.say("evidence.no_folder"),
        note=Markup(" ").join(notes),
        kinds=texts.listed([texts.words("sources", kind) for kind in total.kinds], _KINDS),
        files=texts.number(total.files),
        size=texts.number(total.size),
        sha256=shown(total.sha256, LONGEST_NAME) if total.hashed else Markup(""),
        events=texts.number(total.events),
    )
