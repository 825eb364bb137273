"""What attackers write into logs is shown as text, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

TAG = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(1)>"
ACTING = "\x1b[2J\x1b]0;x\x07\u202egpj.exe\u2066\u200b{{7*7}}{% raw %}"
HEAD = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status\n"
)
PAGES = ("/", "/timeline", "/findings", "/mailboxes", "/webshells", "/entities", "/entities?type=account",
         "/entities?type=file", "/coverage", "/rules", "/decisions")  # fmt: skip


class Elements(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("img", "iframe", "object", "embed", "style", "base") or any(name.startswith("on") for name in given):
            self.problems.append(f"{tag} {attributes}")
        if tag == "script" and not str(given.get("src")).startswith("/static/"):
            self.problems.append(f"script {attributes}")
        if tag == "svg" and "viewbox" not in given:
            self.problems.append(f"svg {attributes}")
        for name in ("href", "src", "action"):
            if (name in given and not str(given[name]).startswith(("/", "#"))) or str(given.get(name)).startswith("//"):
                self.problems.append(f"{tag} {name}={given[name]}")


def harmless(text: str) -> None:
    elements = Elements()
    elements.feed(text)
    assert not elements.problems
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\u2066\u200b]", text)
    assert "49" not in re.findall(r"\{\{(\d+)\}\}", text)


@pytest.fixture(scope="module")
def hostile_case(logs_case: Callable[[dict[str, str]], Path]) -> Path:
    url = "/owa/auth/" + (TAG + ACTING).replace(" ", "%20")
    agent = (TAG + ACTING).replace(" ", "+")
    lines = [
        f"2021-03-03 03:00:00 EX01 POST {url}.aspx {agent} 203.0.113.7 443 {agent} 200\n",
        f"2021-03-03 03:00:01 {agent} POST /owa/auth/x.aspx - 203.0.113.7 443 {agent} 200\n",
        f"2021-03-03 03:00:02 EX01 POST /{'A' * 1_000_000}zzz.aspx - 203.0.113.7 443 - 200\n",
    ]
    return logs_case({"u_ex210303.log": HEAD + "".join(lines)})


def test_hostile_lines_are_text_on_every_page(hostile_case: Path, open_case: Any) -> None:
    opened = open_case(hostile_case)
    text = opened.text("/timeline")
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        and "\\x1b[2J" in text
        and "\\u202e" in text
        and "{{7*7}}" in text
    )
    for key in re.findall(r'id="e([-0-9.]+)"', text):
        shown = opened.text(f"/events/{key}")
        harmless(shown)
        harmless(opened.text(f"/timeline?around={key}"))
        opened.decide("event", key, "comment", TAG + ACTING)
        opened.decide("event", key, "tag", TAG[:50])
        harmless(opened.text(f"/events/{key}"))
    for page in PAGES:
        harmless(opened.text(page))
    (hostile_case / "review.sqlite").unlink()


def test_a_line_of_a_megabyte_is_bounded_and_says_so(hostile_case: Path, open_case: Any) -> None:
    opened = open_case(hostile_case)
    text = opened.text("/timeline?text=aaaa")
    assert len(text) < 60_000
    (key,) = re.findall(r'id="e([-0-9.]+)"', text)
    shown = opened.text(f"/events/{key}")
    assert "1,000,009 characters; the rest is in the file" in shown
    assert len(shown) < 60_000


@pytest.mark.parametrize("value", [TAG, ACTING, "%00", "\ud800"])
def test_what_is_asked_for_is_text_as_well(browser: Any, value: str) -> None:
    for page in ("/timeline", "/findings", "/entities", "/coverage", "/rules", "/entity"):
        for name in (
            "text",
            "host",
            "kind",
            "ip",
            "who",
            "rule",
            "level",
            "from",
            "value",
            "file",
            "type",
            "around",
            "after",
        ):
            answer = browser.get(page, params={name: value.encode("utf-8", "surrogatepass")})
            assert answer.status_code in (200, 404)
            harmless(answer.text)


def test_a_hostile_document_is_text_on_every_page(
    hostile_case: Path, scanned: Path, with_document: Any, open_case: Any
) -> None:
    kept = re.compile(r"F[0-9]+|I[0-9]+|P[0-9]+|[0-9a-f-]{36}|[0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z|[0-9a-f]{64}")

    def spoil(node: Any, name: str = "") -> Any:
        if isinstance(node, dict):
            return {key: spoil(value, key) for key, value in node.items()}
        if isinstance(node, list):
            return [spoil(value, name) for value in node]
        if (
            isinstance(node, str)
            and not kept.fullmatch(node)
            and name not in ("verdict", "outcome", "schema_version", "file")
        ):
            return TAG + ACTING + node
        return node

    def change(document: dict[str, Any]) -> None:
        spoiled = spoil(document)
        document.clear()
        document.update(spoiled)

    opened = open_case(with_document(scanned, change))
    for page in (*PAGES, "/findings/F1", "/entity?type=ip&value=203.0.113.41", "/entity?type=file&value=aspx"):
        text = opened.text(page)
        harmless(text)
    assert "&lt;script&gt;" in opened.text("/")
