"""Encoded content and YARA rules: what is stored comes back, nothing telling is plain, bad rules cost only themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.detections import yara_store
from brokenseal.detections.yara_rules import MOST_TEXTS, UNSAID_SCORE, YaraRules
from brokenseal.detections.yara_store import decode, encode, read_stored, stored_names
from brokenseal.errors import ContentError

PACKAGE = Path(yara_store.__file__).parent.parent
SAMPLES = Path(__file__).parent.parent / "content" / "webshell_samples"


@given(st.text())
def test_what_is_encoded_comes_back_and_is_always_stored_the_same(text: str) -> None:
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        return
    stored = encode(text)
    assert decode(stored) == text
    assert encode(text) == stored
    assert stored.isascii()


def test_damaged_content_is_named() -> None:
    with pytest.raises(ContentError, match=r"rules\.yar: cannot be decoded"):
        decode("# header\nAAAA", name="rules.yar")


def test_rules_and_features_are_stored_only_encoded() -> None:
    assert {"rules.yar", "features.yaml"} <= set(stored_names())
    telling = re.compile(r"eval\s*\(\s*request|request\.item\[|\$_(post|get)\s*\[|getruntime\(\)\.exec", re.IGNORECASE)
    for folder in (PACKAGE / "content" / "webshells", SAMPLES):
        for path in folder.iterdir():
            assert not telling.search(path.read_text("utf-8")), path
    for path in (PACKAGE / "detections").glob("*.py"):
        assert not telling.search(path.read_text("utf-8")), path


def test_the_tool_shows_what_it_encoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, stored = tmp_path / "plain.yar", tmp_path / "stored.yar.txt"
    plain.write_text("rule named { condition: true }\n", "utf-8")
    assert yara_store.main(["encode", str(plain), str(stored)]) == 0
    assert "named" not in stored.read_text("ascii")
    assert yara_store.main(["show", str(stored)]) == 0
    assert capsys.readouterr().out == "rule named { condition: true }\n"
    assert yara_store.main(["show", str(tmp_path / "absent")]) == 2


def test_our_own_rules_all_compile_and_say_what_they_find() -> None:
    assert YaraRules().problems == ()
    rules = re.findall(r"^rule (\w+)[^{]*\{(.*?)^\}", read_stored("rules.yar"), re.DOTALL | re.MULTILINE)
    assert len(rules) > 30
    for name, body in rules:
        assert re.search(r'description = "[A-Z][^"]{20,}"', body), name
        assert re.search(r"score = \d+\n", body), name


def test_a_rule_that_does_not_compile_is_named_and_the_rest_run(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "good.yar").write_text(
        'include "../elsewhere.yar"\nrule fine : tag1 tag2 { meta: description = "d" score = 42 '
        'strings: $a = "needle" condition: $a }\n'
        "rule wrong { condition: $missing }\n",
        "utf-8",
    )
    (tmp_path / "sub" / "broken.yara").write_text("rule cut { strings: $a = \n", "utf-8")
    (tmp_path / "sub" / "other.yar").write_text('import "nothing"\nrule fine { condition: filesize > 0 }\n', "utf-8")
    rules = YaraRules([tmp_path])
    text = "\n".join(rules.problems)
    assert "good.yar" in text and "missing" in text
    assert "broken.yara" in text
    found, note = rules.matches("C:\\inetpub\\wwwroot\\x.txt", b"a needle")
    assert note is None
    assert [(match.namespace, match.rule, match.score) for match in found] == [
        ("good.yar", "fine", 42),
        ("sub/other.yar", "fine", UNSAID_SCORE),
    ]
    assert found[0].tags == ("tag1", "tag2")
    assert found[0].description == "d"
    assert [(hit.name, hit.offset, hit.length) for hit in found[0].texts] == [("$a", 2, 6)]


def test_public_rules_get_their_variables(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text(
        'rule by_name { condition: filename == "x.aspx" and extension == ".aspx" '
        'and filepath contains "wwwroot" and owner == "" }',
        "utf-8",
    )
    rules = YaraRules([tmp_path])
    assert rules.problems == ()
    assert [match.rule for match in rules.matches("C:\\inetpub\\wwwroot\\x.aspx", b"-")[0]] == ["by_name"]
    assert rules.matches("C:\\inetpub\\wwwroot\\y.aspx", b"-")[0] == []


def test_at_most_ten_places_of_a_rule_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.yar").write_text('rule many { strings: $a = "needle" condition: $a }', "utf-8")
    (match,) = YaraRules([tmp_path / "a.yar"]).matches("x", b"needle " * 50)[0]
    assert len(match.texts) == MOST_TEXTS


def test_a_folder_without_rules_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no YARA rules"):
        YaraRules([tmp_path])
    with pytest.raises(ContentError, match="no such folder"):
        YaraRules([tmp_path / "absent"])
