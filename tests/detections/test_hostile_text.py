"""Text of rules and of events that tries to be something else; letters whose case is not simple."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from brokenseal.detections.literals import FOLDED
from brokenseal.detections.sigma_sql import sql_literal
from brokenseal.events.engine import DuckEngine

Matching = Callable[..., list[int]]


def stems(*values: str | None) -> list[dict[str, object]]:
    return [{"UrlStem": value} for value in values]


INJECTIONS = [
    "'",
    "''",
    "' OR 1=1 --",
    "\\' OR TRUE --",
    "'; DROP TABLE events_given; --",
    '"',
    "$$",
    "$tag$",
    "%' ESCAPE '!",
    "a\0' OR TRUE --",
    "E'\\x27'",
    "{}",
    "?",
    "*/ /*",
    "-- x",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("modifier", ["", "|contains", "|startswith", "|cased", "|contains|cased", "|re"])
def test_text_of_a_rule_is_never_sql(matching: Matching, text: str, modifier: str) -> None:
    value = "".join(f"\\x{ord(c):02x}" if not c.isalnum() else c for c in text) if modifier == "|re" else text
    value = value if modifier == "|re" else value.replace("*", "\\*").replace("?", "\\?")
    rows = stems(text, "harmless", None)
    assert matching({"selection": {f"UrlStem{modifier}": value}}, rows) == [0]
    assert matching({"selection": {"UrlStem": f"{value}*?" if modifier != "|re" else "x*?"}}, rows) == []


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_keyword_or_a_field_name_is_never_sql(matching: Matching, text: str) -> None:
    keyword = text.replace("*", "\\*").replace("?", "\\?")
    assert matching({"selection": [keyword]}, stems(text, "harmless")) == [0]
    assert matching({"selection": {text.replace("|", ""): "x"}}, stems(text, "harmless")) == []


def test_hostile_event_values_do_not_raise_and_are_found(matching: Matching) -> None:
    hostile = [
        "\0",
        "a'b\"c\\",
        "%s%n",
        "x" * 1_000_000 + "needle",
        "\u202eabc",
        "\u2400",
        "🦀",
        "e\u0301",
        ":" * 100_000,
        "1" * 5000,
    ]
    rows = [{"UrlStem": value, "ClientIpAddress": value} for value in hostile]
    for number, value in enumerate(hostile):
        piece = value[-20:].replace("\\", "\\\\")
        assert number in matching({"selection": {"UrlStem|endswith": piece}}, rows)
    assert matching({"selection": {"UrlStem|contains": "NEEDLE"}}, rows) == [3]
    for selection in (
        {"ClientIpAddress|cidr": "10.0.0.0/8"},
        {"ClientIpAddress|cidr": "2001:db8::/32"},
        {"UrlStem|gt": 1e300},
        {"UrlStem|re": "^(a|aa)+$"},
        {"UrlStem": "*a*b*c*d*"},
        {"UrlStem|hour": 1},
    ):
        assert matching({"selection": selection}, rows) == []


def test_case_of_letters_beyond_ascii(matching: Matching) -> None:
    # Simple lower case, character by character, on both sides: no final sigma, no sharp s as 'ss'.
    rows = stems("ÄÖÜ", "ΣΑΣ", "ИВАН", "straße", "STRASSE", "ﬁ")
    assert matching({"selection": {"UrlStem": "äöü"}}, rows) == [0]
    assert matching({"selection": {"UrlStem": "σας"}}, rows) == []
    assert matching({"selection": {"UrlStem": "σασ"}}, rows) == [1]
    assert matching({"selection": {"UrlStem|contains": "Иван"}}, rows) == [2]
    assert matching({"selection": {"UrlStem": "STRASSE"}}, rows) == [4]
    assert matching({"selection": {"UrlStem": "FI"}}, rows) == []


def test_the_letters_that_fold_to_ascii_are_those_the_prefilter_knows(engine: DuckEngine) -> None:
    letters = [chr(code) for code in range(128, 0x110000) if not 0xD800 <= code < 0xE000]
    engine.register("letters", pa.table({"c": letters}))
    lowered = (
        engine.query("SELECT c FROM letters WHERE ascii(lower(c)) < 128 AND lower(c) <> ''").column("c").to_pylist()
    )
    ignoring = engine.query("SELECT c FROM letters WHERE regexp_matches(c, '(?i)[a-z]')").column("c").to_pylist()
    assert set(lowered) | set(ignoring) == set(FOLDED)


def test_literals_of_sql_survive_quotes_and_nuls(engine: DuckEngine) -> None:
    for text in ("", "'", "a\0b", "\0", "\\", "é'\0'"):
        assert engine.query(f"SELECT {sql_literal(text)} AS t").column("t").to_pylist() == [text]
