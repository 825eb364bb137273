"""The sentences of a document in the language of the report, as far as there are texts for them; the others stay English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from brokenseal.report.shape import IncidentDocument
from brokenseal.sentences import COUNTED_MEMBERS, LOGGED_MEMBERS, SENTENCE_MEMBERS, catalogue, holds_content


def in_language(document: IncidentDocument, language: str) -> tuple[IncidentDocument, int]:
    """A copy with its sentences in *language*, and how many different ones there are no texts for."""
    if language == "en":
        return document, 0
    texts = catalogue(language)
    told = {one["text"]: texts.say(cast(Mapping[str, object], one)) for one in document.get("sentences", [])}
    untold: set[str] = set()

    def said(text: str, member: str) -> str:
        translation = told.get(text)
        if translation is None and text and (member not in LOGGED_MEMBERS or text in told):
            untold.add(text)
        return translation or text

    def copied(node: object, member: str, within: tuple[str, ...]) -> object:
        if isinstance(node, str):
            return said(node, member) if member in SENTENCE_MEMBERS or holds_content(member, within) else node
        if isinstance(node, Mapping):
            if member in COUNTED_MEMBERS:
                return _counted({text: said(text, member) for text in node}, cast(Mapping[str, int], node))
            return {name: copied(value, name, (*within, member)) for name, value in node.items()}
        if isinstance(node, list):
            return [copied(value, member, within) for value in node]
        return node

    everything = {name: value for name, value in document.items() if name != "sentences"}
    return cast(IncidentDocument, copied(everything, "", ())), len(untold)


def _counted(said: Mapping[str, str], numbers: Mapping[str, int]) -> dict[str, int]:
    """Two reasons may read alike in another language."""
    found: dict[str, int] = {}
    for text, number in numbers.items():
        found[said[text]] = found.get(said[text], 0) + number
    return found
