"""A report in another language: with texts for everything nothing of ours is English, without them it says so."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.html import rendering, translating
from brokenseal.report.html.decided import Decided, Resting
from brokenseal.report.html.texts import Texts, load_texts
from brokenseal.sentences import CONTENT, Catalogue, catalogue

SAMPLE = json.loads((Path(__file__).parents[1] / "sample_document.json").read_text(encoding="utf-8"))
Make = Callable[..., tuple[Path, dict[str, Any]]]
ACCENTED = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
KEPT = ("language.direction", "number.thousands", "number.decimal")
#: Elements whose text is written by others: log text, names, code, the style sheet.
OTHERS = frozenset(("code", "pre", "style", "bdi", "time"))


def pseudo(text: str) -> str:
    """The text in brackets and with accents; its places stay."""
    pieces = []
    for words, name, form, _ in Formatter().parse(text):
        place = "" if name is None else f"{{{name}{':' + form if form else ''}}}"
        pieces.append(words.replace("{", "{{").replace("}", "}}").translate(ACCENTED) + place)
    return f"⟦{''.join(pieces)}⟧"


class Visible(HTMLParser):
    """Texts of the page by who wrote them: ``ours``, and ``all``."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.within: list[str] = []
        self.ours: list[str] = []
        self.all: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ours += [value or "" for name, value in attrs if name in ("aria-label", "data-label")]
        if tag not in ("meta", "line", "rect"):
            self.within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.all.append(data)
        if not OTHERS & set(self.within):
            self.ours.append(data)


@pytest.fixture(scope="module", params=["hafnium", "cloud-session", "logs-missing", "forwarded-mail"])
def document(request: pytest.FixtureRequest, simulated: Make) -> Any:
    """Of a scenario, with what only some evidence shows of mailboxes, and lines without raw text."""
    found: Any = copy.deepcopy(scan([simulated(request.param)[0]], subjects=True).document)
    rare = ("changes", "received", "estimate", "tracked_total", "hints")
    for mailbox in found["mailboxes"][:1]:
        mailbox |= {name: copy.deepcopy(SAMPLE["mailboxes"][0][name]) for name in rare}
    found["hints"] = copy.deepcopy(SAMPLE["hints"])
    found["changes"] += copy.deepcopy(SAMPLE["changes"])
    found["cited"] |= {"left_out": 2, "missing": 1, "withheld": 3}
    return found


def decided(document: Any) -> Decided:
    """A review that marked a finding as a false alarm, and all that can rest on it."""
    entry = {"made_at": "2021-04-01T00:00:00.000Z", "made_by": "zoe", "about": "F1", "text": "x", "undone_at": ""}
    entries = [{**entry, "kind": kind} for kind in ("star", "tag", "comment", "false_positive")]
    things = {"intrusion": document["intrusions"], "mailbox": document["mailboxes"]}
    things["webshell"] = [shell for one in document["intrusions"] for shell in one["webshells"]]
    resting = [Resting(kind, 0, ["F1"], left) for kind, there in things.items() if there for left in (0, 1, 2)]
    return Decided("breached", [*entries, {**entry, "kind": "star", "undone_at": "2021-04-02T00:00:00.000Z"}], resting)


@pytest.fixture
def language(document: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The language ``xx``: all texts of the report and of the document's sentences, in brackets and with accents."""
    report = {
        key: text if key in KEPT or key.endswith(".chapter") else pseudo(text)
        for key, text in load_texts("en").entries.items()
    }
    entries = {key: pseudo(text) for key, text in catalogue("en").entries.items()}
    content = {text: text.translate(ACCENTED) for text in contents(document["sentences"])}
    monkeypatch.setattr(rendering, "load_texts", lambda language: Texts(language, report))
    monkeypatch.setattr(translating, "catalogue", lambda language: Catalogue(entries, content))
    return "xx"


def contents(told: Any) -> set[str]:
    """Texts of rules and campaigns, those within sentences too."""
    found: set[str] = set()
    for one in told:
        found |= {one["text"]} if one["key"] == CONTENT else set()
        found |= contents([value for value in one["values"].values() if isinstance(value, Mapping)])
    return found


def test_nothing_of_ours_is_left_in_english(document: Any, language: str) -> None:
    visible = Visible(rendering.render(document, language=language, decided=decided(document)).decode())
    page = "\n".join(visible.all)
    left = [one["text"] for one in document["sentences"] if len(one["text"]) > 12 and one["text"] in page]
    assert left == []
    english = [text for text in visible.ours if re.search(r"\b[a-z]{3,}(?: [a-z]{2,}){2,}\b", text)]
    assert english == []
    assert "⟦" in page


def test_without_texts_the_sentences_stay_english_and_the_page_says_so(
    document: Any, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translating, "catalogue", lambda language: Catalogue({}))
    page = "\n".join(Visible(rendering.render(document, language=language).decode()).all)
    assert document["summary"] in page
    assert pseudo("stand in English.").strip("⟦⟧") in page


def test_one_sentence_without_a_text_does_not_keep_the_others_back(
    document: Any, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = next(one["key"] for one in document["sentences"] if one["text"] == document["summary"])
    lacking = {each: pseudo(text) for each, text in catalogue("en").entries.items() if each != key}
    content = {text: text.translate(ACCENTED) for text in contents(document["sentences"])}
    monkeypatch.setattr(translating, "catalogue", lambda language: Catalogue(lacking, content))
    page = "\n".join(Visible(rendering.render(document, language=language).decode()).all)
    assert document["summary"] in page
    assert document["advice"][0] not in page
    assert pseudo("One sentence of this report has no text in this language").strip("⟦⟧") in page


def test_names_are_replaced_in_another_language_too(document: Any, language: str) -> None:
    page = rendering.render(document, language=language, redacted=["users", "subjects"]).decode().casefold()
    for mailbox in document["mailboxes"]:
        assert not mailbox["mailbox"] or mailbox["mailbox"].casefold() not in page


def test_english_is_not_touched(document: Any) -> None:
    without = {name: value for name, value in document.items() if name != "sentences"}
    assert rendering.render(document) == rendering.render(without)
