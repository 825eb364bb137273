from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokenseal.report.document import validate
from brokenseal.report.html import render

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "sample_document.json").read_text(encoding="utf-8"))
VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})
ELEMENTS = frozenset(
    [
        *("html", "head", "meta", "title", "style", "body", "a", "header", "p", "div"),
        *("h1", "h2", "h3", "h4", "h5", "nav", "ol", "ul", "li", "main"),
        *("section", "article", "dl", "dt", "dd", "details", "summary", "figure", "figcaption", "svg"),
        *("desc", "text", "line", "rect", "table", "caption", "thead", "tbody", "tr", "th"),
        *("td", "time", "bdi", "code", "pre", "span", "strong", "abbr", "footer"),
    ]
)
ATTRIBUTES = frozenset(
    [
        *("lang", "dir", "charset", "http-equiv", "content", "name", "class", "href", "id", "tabindex"),
        *(
            "role",
            "aria-label",
            "aria-labelledby",
            "datetime",
            "scope",
            "open",
            "colspan",
            "data-label",
            "width",
            "height",
        ),
        *("x", "y", "x1", "x2", "y1", "y2", "text-anchor"),
    ]
)
SECTIONS = [
    *("story", "timeline", "mailboxes", "outflow", "shells", "processes"),
    *("exposure", "coverage", "advice", "findings", "evidence"),
]
ACTING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
MARK = "Zq9"


class Page(HTMLParser):
    """The page taken apart; anything unbalanced is an error."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.source = page.decode("utf-8")
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((data, tuple(self.open)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    def text(self) -> str:
        return " ".join("".join(text for text, within in self.texts if "style" not in within).split())

    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes, _ in self.elements if "id" in attributes]


def full_document() -> dict[str, Any]:
    document = copy.deepcopy(SAMPLE)
    document["outflow"] = {
        "clients": [
            {
                "ip": "203.0.113.7",
                "bytes": 14_000_000,
                "unexplained_bytes": 12_000_000,
                "requests": 80,
                "first": "2021-03-03T04:15:02.114Z",
                "last": "2021-03-04T01:59:59.000Z",
                "users": ["CORP\\bob"],
                "intrusion": "I1",
            }
        ],
        "hours": [
            {"hour": "2021-03-03T04:00:00.000Z", "actor_bytes": 12_000_000, "other_bytes": 900_000},
            {"hour": "2021-03-04T01:00:00.000Z", "actor_bytes": 2_000_000, "other_bytes": 0},
        ],
    }
    assert validate(document) == []
    return document


FULL = full_document()


def texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in children for text in texts(child)]


def with_every_text(node: Any, new: Callable[[str], str]) -> Any:
    if isinstance(node, str):
        return new(node)
    if isinstance(node, dict):
        return {key: with_every_text(value, new) for key, value in node.items()}
    return [with_every_text(value, new) for value in node] if isinstance(node, list) else node


def check_structure(page: Page) -> None:
    assert {tag for tag, _, _ in page.elements} <= ELEMENTS
    assert {name for _, attributes, _ in page.elements for name in attributes} <= ATTRIBUTES
    assert len(page.all("h1")) == 1
    ids = page.ids()
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", identity) for identity in ids)
    known = set(ids)
    links = [link["href"] or "" for link in page.all("a")]
    assert [link for link in links if not (link.startswith("#") and link[1:] in known)] == []
    for _, attributes, _ in page.elements:
        for identity in (attributes.get("aria-labelledby") or "").split():
            assert identity in known
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def check_harmless(page: Page) -> None:
    check_structure(page)
    assert ACTING.findall(page.source.replace("\n", "")) == []
    unbounded = [
        text for text, within in page.texts if MARK in text and not {"bdi", "svg", "title"}.intersection(within)
    ]
    assert unbounded == []


def test_the_page_is_well_formed_and_has_all_sections_in_order() -> None:
    page = Page(render(FULL))
    check_structure(page)
    assert page.source.startswith("<!DOCTYPE html>\n")
    assert [one["id"] for one in page.all("section") if "id" in one] == SECTIONS
    assert page.all("html")[0]["lang"] == "en"
    assert page.text().index(FULL["summary"]) < page.text().index("What happened")


def test_tables_and_drawings_say_what_they_are() -> None:
    page = Page(render(FULL))
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))
    drawings = page.all("svg")
    assert len(drawings) > 5
    assert all(one["role"] == "img" and (one.get("aria-labelledby") or one.get("aria-label")) for one in drawings)
    titles = [within for text, within in page.texts if within[-1:] == ("title",) and "svg" in within and text.strip()]
    assert len(titles) == len(drawings)


def test_the_policy_allows_this_style_sheet_and_nothing_else() -> None:
    page = Page(render(FULL))
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    (style,) = [text for text, within in page.texts if within[-1:] == ("style",)]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.elements.index(("style", {}, ("html", "head"))) > page.elements.index(
        ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}, ("html", "head"))
    )


def test_nothing_is_loaded_and_nothing_runs() -> None:
    source = render(FULL).decode()
    assert re.findall(r"<script|javascript:|\bsrc=|url\(|@import|\bon\w+=|style=", source, re.IGNORECASE) == []
    assert "http" not in source.replace("http-equiv", "").replace("HttpProxy", "").lower().replace("httpproxy", "")


def test_every_claim_of_the_sample_is_there_with_its_proof() -> None:
    page = Page(render(FULL))
    text = page.text()
    intrusion = FULL["intrusions"][0]
    wanted = [
        *(host["host"] for host in FULL["hosts"]),
        *intrusion["source_ips"],
        *(shell["url"] for shell in intrusion["webshells"]),
        *(process["command_line"] for process in intrusion["processes"] if process["command_line"]),
        *(f"{technique['id']} {technique['name']}" for technique in intrusion["techniques"]),
        *(box["mailbox"] for box in FULL["mailboxes"] if box["mailbox"]),
        *(because for box in FULL["mailboxes"] for because in box["incomplete_because"]),
        *(sentence for sentence in FULL["not_seen"]),
        *FULL["advice"],
        *(finding["title"] for finding in FULL["findings"]),
        *(one["file"] for one in FULL["evidence"]),
        *(one["sha256"] for one in FULL["evidence"] if one["sha256"]),
        "own-rules/broken.yml",
        "Gap of 5.5 h: 2021-03-04 02:00:00 to 2021-03-04 07:30:00",
    ]
    assert [one for one in wanted if " ".join(one.split()) not in text] == []
    for finding in FULL["findings"]:
        for reference in finding["evidence"]:
            assert reference["file"] in text
            assert f"{reference['line']:,}" in text


def test_settings_tracking_and_hints_stand_with_the_mailboxes() -> None:
    text = Page(render(SAMPLE)).text()
    assert "inbox rule to archive@drop.example.net" in text
    assert "Settings changed for the whole organisation" in text and "BlindCopyTo" in text
    assert "an estimate, not evidence" in text and "of this mail no more can have been read" in text
    assert "Hints only: a user in two places" in text and "at least 10,800 km in 1.5 h" in text


def test_who_only_the_user_names_is_not_called_a_breach() -> None:
    document = copy.deepcopy(SAMPLE)
    for intrusion in document["intrusions"]:
        intrusion["named_by"] = "user"
    text = Page(render(document)).text()
    assert "You said whose address it is" in text
    assert "Somebody was inside the server and took mail out of it" not in text


def test_a_mailbox_of_which_only_settings_were_changed_is_not_counted_as_read() -> None:
    document = copy.deepcopy(SAMPLE)
    for mailbox in document["mailboxes"]:
        mailbox["access"] = "settings-changed"
    text = Page(render(document)).text()
    assert "mailboxes read (named in logs)" not in text
    assert "They read the mail of" not in text
    assert "They changed settings of the mailbox of" in text


def test_each_finding_that_a_sentence_names_is_a_link_to_it() -> None:
    page = Page(render(FULL))
    anchors = {finding["id"]: f"#finding-{place}" for place, finding in enumerate(FULL["findings"], start=1)}
    linked = {link["href"] for link in page.all("a")}
    named = {
        identity for host in FULL["hosts"] for reason in host["reasons"] for identity in re.findall(r"F\d+", reason)
    }
    assert named
    assert {anchors[identity] for identity in named} <= linked
    assert "#file-1" in linked


def test_days_without_the_fix_are_counted() -> None:
    # Builds: vulnerable from 02-20 to the first line of the fixed one on 03-06; attack from 03-03 to 03-08.
    text = Page(render(FULL)).text()
    assert "ran without the fix of CVE-2021-26855 and CVE-2021-27065 on 15 days of the 18 days" in text
    assert "The attack lasted 6 days: 4 days of it before the fix was installed, 2 days after." in text


@pytest.mark.parametrize(
    ("member", "value", "gone"),
    [
        ("outflow", None, "outflow"),
        ("intrusions", [], "timeline"),
        ("intrusions", [], "processes"),
        ("hosts", [], "exposure"),
    ],
)
def test_sections_without_anything_to_say_are_left_out(member: str, value: Any, gone: str) -> None:
    document = {name: given for name, given in FULL.items() if name != member}
    if value is not None:
        document[member] = value
    page = Page(render(document))
    check_structure(page)
    assert gone not in page.ids()
    assert f"#{gone}" not in [link["href"] for link in page.all("a")]


def test_an_empty_document_is_a_whole_page() -> None:
    empty = {
        "schema_version": "1.2",
        "generator": {"name": "brokenseal", "version": "0"},
        "verdict": "no_evidence",
        "summary": "The logs show no break-in.",
        "rules": {"loaded": 1, "not_run": []},
        **{
            name: []
            for name in ("hosts", "campaigns", "intrusions", "mailboxes", "findings", "not_seen", "advice", "evidence")
        },
    }
    page = Page(render(empty))
    check_structure(page)
    assert "No intruder was found in these logs." in page.text()
    assert "Nothing is known to be missing." in page.text()


def test_without_the_logs_nothing_sounds_like_an_all_clear() -> None:
    document = {**FULL, "verdict": "cannot_tell", "intrusions": [], "mailboxes": []}
    text = Page(render(document)).text()
    assert "this is not an all-clear" in text
    assert "No intruder was found in these logs." not in text
    assert FULL["not_seen"][0] in text


def test_the_same_document_gives_the_same_bytes() -> None:
    assert render(FULL) == render(copy.deepcopy(FULL))
    reordered = json.loads(json.dumps(FULL, sort_keys=True))
    assert render(reordered) == render(FULL)


@pytest.mark.parametrize(
    "hostile",
    [
        "</bdi></code><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</style></title><svg onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt;&#x202e;",
        "{anything} {0} %s %(name)s",
        "]]><!-- -->",
        "\x1b[2J\x1b]0;title\x07",
        "\u202egnp.exe\u202c \u200bhidden\u2066",
        "line\r\nbreak\u2028and\u2029paragraph\x00",
        "\ud800lone",
        "javascript:alert(1)",
        "F1 2021-03-03T04:10:55.203Z",
    ],
)
def test_hostile_text_in_every_member_stays_text(hostile: str) -> None:
    document = with_every_text(FULL, lambda text: f"{text[:0]}{MARK}{hostile}")
    check_harmless(Page(render(document)))
    # Where ids, times and words of the schema still hold, more of the page is made.
    kept = re.compile(r"\d{4}-\d\d-\d\dT.*Z|[FIP]\d+|CVE-.*|15\.1\..*|[a-z_]+|1\.\d")
    document = with_every_text(FULL, lambda text: text if kept.fullmatch(text) else f"{MARK}{hostile}")
    page = Page(render(document))
    check_harmless(page)
    assert [one["id"] for one in page.all("section") if "id" in one] == SECTIONS


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_texts=st.lists(st.text(max_size=30), min_size=1, max_size=5), step=st.integers(1, 7))
def test_any_text_in_any_member_is_harmless(given_texts: list[str], step: int) -> None:
    places = itertools.count()

    def new(text: str) -> str:
        place = next(places)
        return text if place % step else MARK + given_texts[place % len(given_texts)]

    check_harmless(Page(render(with_every_text(FULL, new))))


def test_a_megabyte_of_text_is_bounded() -> None:
    document = with_every_text(FULL, lambda text: MARK + "<" * 1_000_000)
    page = render(document)
    assert len(page) < 40 * len(texts(FULL)) * 1000
    check_harmless(Page(page))


def many(document: dict[str, Any]) -> dict[str, Any]:
    finding, record = document["findings"][0], document["evidence"][-1]
    process = {**document["intrusions"][0]["processes"][0], "findings": [], "parent": None}
    document["findings"] += [{**finding, "id": f"F{number}", "evidence": []} for number in range(100, 700)]
    document["evidence"] += [{**record, "file": f"more/{number}.log"} for number in range(3000)]
    document["intrusions"][0]["processes"] += [
        {**process, "id": f"P{number}", "parent": f"P{number - 1}" if number > 100 else None}
        for number in range(100, 1500)
    ]
    document["mailboxes"] += [
        {**document["mailboxes"][0], "mailbox": f"m{number}@corp.example"} for number in range(900)
    ]
    document["intrusions"][0]["webshells"] += [document["intrusions"][0]["webshells"][0]] * 300
    return document


def test_long_lists_are_cut_and_the_page_says_so() -> None:
    page = Page(render(many(copy.deepcopy(FULL))))
    check_structure(page)
    ids, text = page.ids(), page.text()
    total = len(FULL["findings"]) + 600
    assert sum(re.fullmatch(r"finding-\d+", identity) is not None for identity in ids) == 200
    assert f"{total - 200} more findings, which weigh least, are left out here" in text
    listed = sum(re.fullmatch(r"file-\d+", identity) is not None for identity in ids)
    assert listed <= 1000
    assert f"{len(FULL['evidence']) + 3000 - listed:,} more files were read and nothing refers to them" in text
    assert sum(identity.startswith("process-") for identity in ids) <= 500
    assert "more processes are left out here" in text
    assert len([identity for identity in ids if re.fullmatch(r"mailbox-\d+", identity)]) == 500
    assert len([identity for identity in ids if re.fullmatch(r"shell-\d+", identity)]) == 100
    # A chain of 1,400 processes is not nested so deeply that a browser gives up.
    assert max(len(within) for _, _, within in page.elements) < 100


def test_processes_that_prove_nothing_are_folded_away_and_the_others_are_not() -> None:
    page = Page(render(FULL))
    folded = {
        attributes["id"]
        for tag, attributes, within in page.elements
        if tag == "li" and (attributes.get("id") or "").startswith("process-") and "details" in within
    }
    # P4 has no finding; P2 and P3 have one that succeeded, and P1 started them.
    assert FULL["intrusions"][0]["processes"][3]["findings"] == []
    assert folded == {"process-1-4"}


def test_what_a_claim_rests_on_is_never_what_is_left_out() -> None:
    document = copy.deepcopy(FULL)
    cited = {reference["file"] for finding in document["findings"] for reference in finding["evidence"]}
    record = document["evidence"][-1]
    document["evidence"] = [{**record, "file": f"more/{number}.log"} for number in range(3000)] + document["evidence"]
    page = Page(render(document))
    rows = {text for text, within in page.texts if "table" in within and "bdi" in within}
    assert cited <= rows


def raw_texts(page: Page) -> dict[str, str]:
    """The raw texts by anchor."""
    standing = r'<details class="line"><summary>[^\n]*?</summary><pre id="(line-[0-9]+)">(.*?)</pre>'
    found = re.findall(standing, page.source, re.DOTALL)
    return {anchor: "".join(text for text, _ in Page(inner.encode()).texts) for anchor, inner in found}


def test_each_raw_line_stands_once_and_other_claims_link_to_it() -> None:
    page = Page(render(FULL))
    check_structure(page)
    shown = sorted(raw_texts(page).values())
    assert shown == sorted(line["text"] for line in FULL["cited"]["lines"])


def test_a_line_of_a_finding_and_a_mailbox_stands_at_the_finding() -> None:
    document = copy.deepcopy(FULL)
    document["mailboxes"][0]["evidence"] = [document["findings"][0]["evidence"][0]]
    page = Page(render(document))
    source = page.source
    anchor = next(key for key, text in raw_texts(page).items() if text == FULL["cited"]["lines"][1]["text"])
    assert source.index('<section id="mailboxes"') < source.index(f'href="#{anchor}"') < source.index('id="findings"')
    assert source.index('id="finding-1"') < source.index(f'<pre id="{anchor}"') < source.index('id="finding-2"')


def test_a_record_of_several_lines_has_as_many_and_what_acts_in_it_does_not() -> None:
    document = copy.deepcopy(FULL)
    text = "a\r\n\x1b[2J<script>\u202e\n\ttwo     blanks"
    document["cited"]["lines"][0] |= {"text": text, "form": "record"}
    page = Page(render(document))
    check_harmless(page)
    assert "a\n\\x1b[2J<script>\\u202e\n\\ttwo     blanks" in raw_texts(page).values()


def test_a_page_has_room_for_so_much_raw_text_the_first_line_of_each_finding_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from brokenseal.report.html import raw

    document = copy.deepcopy(FULL)
    first, second = copy.deepcopy(FULL["findings"][0]), copy.deepcopy(FULL["findings"][1])
    for number, finding in enumerate((first, second)):
        finding["evidence"] = [
            {**finding["evidence"][0], "line": 10 * number + place + 1, "offset": 0} for place in range(3)
        ]
    document["findings"][:2] = [first, second]
    document["cited"]["lines"] = [
        {**FULL["cited"]["lines"][0], "text": f"{number}{place}" * 50}
        | {key: one[key] for key in ("file", "sha256", "line", "offset")}
        for number, finding in enumerate((first, second))
        for place, one in enumerate(finding["evidence"])
    ]
    monkeypatch.setattr(raw, "MOST_CHARACTERS", 300)
    page = Page(render(document))
    assert "Of 5 more lines the raw text is left out here" in page.text()
    assert sorted(text[:2] for text in raw_texts(page).values()) == ["00", "01", "10"]


def test_a_document_of_an_older_version_says_that_it_has_no_raw_text() -> None:
    document = {key: value for key, value in FULL.items() if key != "cited"}
    assert "a version that kept no raw text" in Page(render(document)).text()
    text = Page(render(FULL)).text()
    for said in ("Of 2 more lines", "Of 1 line the raw text is not here", "Of 3 lines the raw text is withheld"):
        assert said in text
