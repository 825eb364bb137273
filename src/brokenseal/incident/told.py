"""The sentences of a document with what they are made of, so that a report in another language can say them anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from brokenseal.sentences import COUNTED_MEMBERS, SENTENCE_MEMBERS, Sentence, holds_content, recognised

Json = dict[str, object]


def told(document: Mapping[str, object]) -> list[Json]:
    """The ``sentences`` of ``incident.schema.json``: each text once, in the order of the texts."""
    found: dict[str, Sentence] = {}
    for sentence in _sentences(document, "", ()):
        found.setdefault(str(sentence), sentence)
    return [found[text].as_json() for text in sorted(found)]


def _sentences(node: object, member: str, within: tuple[str, ...]) -> Iterator[Sentence]:
    if isinstance(node, str):
        known = recognised(node, *SENTENCE_MEMBERS[member]) if member in SENTENCE_MEMBERS else node
        if isinstance(known, Sentence):
            yield known
        elif holds_content(member, within):
            yield Sentence(node)
    elif isinstance(node, Mapping):
        for name, value in node.items():
            if member in COUNTED_MEMBERS:
                yield from _sentences(name, member, within)
            else:
                yield from _sentences(value, name, (*within, member))
    elif isinstance(node, list):
        for value in node:
            yield from _sentences(value, member, within)
