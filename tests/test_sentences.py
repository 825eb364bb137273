"""Sentences carry what they are made of, and plain ones are known again by their words."""

from __future__ import annotations

import ast
import copy
import re
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import brokenseal
from brokenseal.sentences import SENTENCE_MEMBERS, Catalogue, Sentence, catalogue, joined, recognised, say

SOURCE = Path(brokenseal.__file__).parent
ENGLISH = catalogue("en")
#: Groups whose sentences other layers write as plain text.
PLAIN = {group for groups in SENTENCE_MEMBERS.values() for group in groups}
# Keys that are put together from parts.
PREFIXES = ("source.", "amount.", "actor.", "sight.one_", "sight.many_")


def test_a_sentence_is_its_english_text_and_more() -> None:
    sentence = say("reason.once", host="EX01", rule=Sentence("A rule"), finding="F1", origin="", time="2021-03-03")
    assert sentence == "EX01: A rule (F1): once, at 2021-03-03."
    assert sentence.as_json()["values"] == {
        "host": "EX01",
        "rule": {"text": "A rule", "key": "content", "values": {}},
        "finding": "F1",
        "origin": "",
        "time": "2021-03-03",
    }
    twin = copy.deepcopy(sentence)
    assert (twin, twin.key, twin.values["host"]) == (sentence, "reason.once", "EX01")
    with pytest.raises(KeyError):
        say("reason.never")


def test_one_and_many_are_told_apart() -> None:
    assert say("summary.mail", n=1, more="", amount="1 MB") == "1 mailbox, at least 1 MB in all"
    assert say("summary.mail", n=2, more="", amount="1 MB") == "2 mailboxes, at least 1 MB in all"


@given(st.lists(st.text(max_size=5), max_size=6))
def test_parts_are_joined_as_one_would(parts: list[str]) -> None:
    assert joined("list.comma", parts) == ", ".join(parts)


@pytest.mark.parametrize(
    ("text", "groups", "key", "values"),
    [
        ("time cannot be read", ("rejects",), "rejects.time_cannot_be_read", {}),
        ("is the same file as a/b.zip, which is read", ("refused",), "refused.same_file", {"file": "a/b.zip"}),
        (
            "unpacks to more than 9 bytes: treated as an archive bomb and not read",
            ("refused",),
            "refused.bomb_by_size",
            {"size": 9},
        ),
        (
            "is a tar archive, which is not read here: mount it first and give the folder it is mounted at",
            ("refused",),
            "refused.mount_first",
            {"what": "a tar archive"},
        ),
        (
            "catches what a process prints: line 5: RedirectStandardOutput",
            ("page",),
            "page.at_line",
            {"what": "catches what a process prints", "line": 5, "found": "RedirectStandardOutput"},
        ),
        ("ItemCount is not a number (kept as empty)", ("warnings",), "warnings.not_a_number", {"column": "ItemCount"}),
    ],
)
def test_plain_text_is_known_by_its_words(
    text: str, groups: tuple[str, ...], key: str, values: dict[str, object]
) -> None:
    found = recognised(text, *groups)
    assert isinstance(found, Sentence)
    assert (str(found), found.key, found.values) == (text, key, values)


def test_reasons_within_reasons_are_known_too() -> None:
    found = recognised(
        "each of its 7 members is a link inside an archive; links are not followed", "refused", "stopped"
    )
    assert isinstance(found, Sentence)
    assert isinstance(found.values["reason"], Sentence)
    assert found.values["n"] == 7


@given(st.text(max_size=60))
def test_what_is_none_stays_as_it_is(text: str) -> None:
    found = recognised(text, *PLAIN)
    assert found == text
    if isinstance(found, Sentence):
        assert ENGLISH.say(found.as_json()) == text


def test_a_language_without_texts_says_nothing() -> None:
    assert catalogue("zz").say(say("summary.the_evidence").as_json()) is None
    assert catalogue("../en").entries == {}


def test_another_language_says_it_anew_and_keeps_content_that_it_lacks() -> None:
    other = Catalogue({"reason.once": "{time}: {rule}, 1x auf {host}", "amount.MB": "{value:.2f} Mio. Byte"})
    sentence = say("reason.once", host="EX01", rule=Sentence("A rule"), finding="F1", origin="", time="T")
    assert other.say(sentence.as_json()) == "T: A rule, 1x auf EX01"
    assert other.say(say("amount.MB", value=1.25).as_json()) == "1.25 Mio. Byte"
    assert other.say(say("summary.left", before="", amount=say("amount.MB", value=1.0)).as_json()) is None
    assert Catalogue({"amount.MB": "{lost}"}).say(say("amount.MB", value=1.0).as_json()) is None


def _said() -> set[str]:
    """The keys with which the program says something."""
    found: set[str] = set()
    texts = (file.read_text(encoding="utf-8") for file in sorted(SOURCE.rglob("*.py")))
    for source in (text for text in texts if "from brokenseal.sentences import" in text):
        for node in ast.walk(ast.parse(source)):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if isinstance(node, ast.Call) and name in ("say", "joined") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def test_each_text_is_used_and_each_that_is_used_is_there() -> None:
    keys = {key.removesuffix(".one").removesuffix(".many") for key in ENGLISH.entries}
    said = _said()
    assert said - keys == set()
    own = {key for key in keys if key.partition(".")[0] not in PLAIN | {"list"} and not key.startswith(PREFIXES)}
    assert own - said == set()


def test_each_text_of_other_layers_is_written_there() -> None:
    source = "\n".join(
        re.sub(r'"\s*\n\s*f?"', "", file.read_text(encoding="utf-8"))
        for layer in ("evidence", "parsers", "events", "detections", "incident")
        for file in sorted((SOURCE / layer).rglob("*.py"))
    ).replace('\\"', '"').replace("\\\\", "\\")  # fmt: skip
    for key, text in ENGLISH.entries.items():
        if key.partition(".")[0] in PLAIN:
            longest = max((words for words, _, _, _ in Formatter().parse(text)), key=len).strip(" :;,.")
            assert longest in source, key


def _reasons() -> set[str]:
    """Texts without values that readers give as reasons and warnings: what is given where, followed to constants."""
    constants: dict[str, set[str]] = {}
    given_there: set[str] = set()
    named: set[str] = set()
    for layer in ("evidence", "parsers", "events"):
        for file in (SOURCE / layer).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for statement in tree.body:
                if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
                    for target in statement.targets:
                        if isinstance(target, ast.Name) and isinstance(statement.value.value, str):
                            constants.setdefault(target.id, set()).add(statement.value.value)
            for node in ast.walk(tree):
                parts: list[ast.expr] = []
                if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("warnings"):
                    parts = [node.slice]
                elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
                    "reject",
                    "_refused",
                    "Refused",
                ):
                    parts = node.args[-1:] if ast.unparse(node.func) == "reject" else node.args[1:3]
                for part in parts:
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        given_there.add(part.value)
                    elif isinstance(part, ast.Name):
                        named.add(part.id)
    return {text for text in given_there.union(*(constants.get(name, set()) for name in named)) if " " in text}


def test_each_reason_of_a_reader_is_in_the_catalogue() -> None:
    causes = {"neither its content nor its header has one", "what it gives is no JSON"}
    reasons = _reasons() - causes
    assert len(reasons) > 50
    unknown = {text for text in reasons if not isinstance(recognised(text, *PLAIN), Sentence)}
    assert unknown == set()
