from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from markupsafe import Markup

from brokenseal.errors import UsageError
from brokenseal.report.html.rendering import style_sheet
from brokenseal.report.html.stages import CHAPTERS
from brokenseal.report.html.texts import languages, load_texts

PACKAGE = files("brokenseal.report.html")
TEMPLATES = [entry for entry in (PACKAGE / "templates").iterdir() if entry.name.endswith(".jinja")]
KEY = re.compile(r"\bt\('([a-z0-9_.]+)'( ~ )?")
PYTHON_KEY = re.compile(r'\b(?:say|count)\(\s*"([a-z0-9_.]+)"')
PLURAL_KEY = re.compile(r'\bcount\(\s*"([a-z0-9_.]+)"')


class Words(HTMLParser):
    """Text, and attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += re.findall(r"[^\W\d_]+", data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        read_out = ("aria-label", "title", "alt", "data-label")
        self.found += [
            word for name, value in attrs if name in read_out for word in re.findall(r"[^\W\d_]+", value or "")
        ]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda entry: str(entry.name))
def test_no_template_holds_words(template: object) -> None:
    source = template.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    words = Words()
    words.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source))
    # The name of an algorithm is no word of a language.
    assert [word for word in words.found if word != "SHA"] == []


@pytest.mark.parametrize("language", languages())
def test_every_text_that_is_asked_for_is_there(language: str) -> None:
    entries = load_texts(language).entries
    asked = [match[1] for one in TEMPLATES for match in KEY.finditer(one.read_text(encoding="utf-8")) if not match[2]]
    asked = [key for key in asked if not key.endswith(".")]
    for module in PACKAGE.iterdir():
        if module.name.endswith(".py"):
            source = module.read_text(encoding="utf-8")
            plural = set(PLURAL_KEY.findall(source))
            asked += [f"{key}.{form}" for key in plural for form in ("one", "many")]
            asked += [key for key in PYTHON_KEY.findall(source) if key not in plural]
    assert len(asked) > 150
    assert [key for key in asked if key not in entries] == []


@pytest.mark.parametrize("language", languages())
def test_languages_have_the_same_keys_and_places(language: str) -> None:
    def places(entries: dict[str, str]) -> dict[str, set[str]]:
        return {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in entries.items()}

    assert places(dict(load_texts(language).entries)) == places(dict(load_texts("en").entries))


@pytest.mark.parametrize("language", languages())
def test_every_stage_has_a_chapter(language: str) -> None:
    entries = load_texts(language).entries
    chapters = {key: text for key, text in entries.items() if re.fullmatch(r"stages\.\w+\.chapter", key)}
    assert set(chapters.values()) == set(CHAPTERS)
    assert all(key.replace(".chapter", ".sentence") in entries for key in chapters)
    assert all(len(entries[key.replace(".chapter", ".label")]) <= 46 for key in chapters)


def test_what_is_put_into_a_text_is_escaped() -> None:
    texts = load_texts("en")
    assert texts.say("story.from", addresses="<b>") == "It came from &lt;b&gt;."
    assert texts.say("story.from", addresses=Markup("<b>")) == "It came from <b>."


def test_numbers_and_times_in_words() -> None:
    texts = load_texts("en")
    assert texts.size(12_345_678) == "12.3\N{NO-BREAK SPACE}MB (12,345,678 bytes)"
    assert texts.size(1) == "1 byte"
    assert texts.size(999_999, exact=False) == "1.0\N{NO-BREAK SPACE}MB"
    assert texts.listed(["a", "b", "c"]) == "a, b and c"
    assert texts.listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert texts.span("2021-03-03T04:12:09.123Z", "2021-03-03T04:12:09.999Z").striptags() == "2021-03-03 04:12:09"
    span = texts.span("2021-03-03T04:12:09.123Z", "2021-03-05T10:12:09.123Z").striptags()
    assert span == "2021-03-03 04:12:09 to 2021-03-05 10:12:09 (2 days 6 h)"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="there are: en"):
        load_texts("../en")


def test_the_style_sheet_loads_nothing_and_cannot_end_its_element() -> None:
    style = style_sheet()
    assert re.findall(r"url\(|@import|</|https?:", style) == []
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
