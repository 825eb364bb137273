from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from brokenseal.report.terminal import render

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "sample_document.json").read_text(encoding="utf-8"))
SECTIONS = (
    "Why",
    "Who",
    "When (UTC)",
    "What ran on the server",
    "Whose mail",
    "What was left behind",
    "Findings and where they stand in the logs",
    "What could not be seen",
    "What to do next",
)
SGR = re.compile(r"\x1b\[[0-9;]*m")
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
WIDTHS = (40, 80, 120, 200)


def rendered(document: dict[str, Any], width: int = 80, *, color: bool = False, **how: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=color, color_system="standard" if color else None)
    render(document, console, **how)
    return stream.getvalue()


def unfolded(text: str) -> str:
    """All text without white space: what folding may not change."""
    return "".join(text.split())


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


@pytest.mark.parametrize("width", WIDTHS)
def test_the_verdict_comes_first_and_the_sections_in_order(width: int) -> None:
    text = rendered(SAMPLE, width)
    assert unfolded(text).startswith(unfolded(SAMPLE["summary"]))
    unindented = unfolded("\n".join(line for line in text.splitlines()[1:] if not line.startswith(" ")))
    assert unindented.endswith(unfolded("".join(SECTIONS)))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_a_reader_needs_is_lost_at_any_width(width: int) -> None:
    text = rendered(SAMPLE, width)
    page = unfolded(text)
    intrusion = SAMPLE["intrusions"][0]
    wanted = [
        *(reason for host in SAMPLE["hosts"] for reason in host["reasons"]),
        *(host["host"] for host in SAMPLE["hosts"]),
        *(f"{build['build']} ({build['product']})" for host in SAMPLE["hosts"] for build in host["builds"]),
        *(reason for campaign in SAMPLE["campaigns"] for reason in campaign["reasons"]),
        *intrusion["source_ips"],
        intrusion["stage_title"],
        *(shell["url"] for shell in intrusion["webshells"]),
        *(f"{technique['id']} {technique['name']}" for technique in intrusion["techniques"]),
        "CVE-2021-26855: succeeded (F1, F2)",
        "CVE-2021-27065: succeeded (F3, F4)",
        *(box["mailbox"] for box in SAMPLE["mailboxes"] if box["mailbox"]),
        *(because for box in SAMPLE["mailboxes"] for because in box["incomplete_because"]),
        "12.3 MB (12,345,678 bytes)",
        *SAMPLE["not_seen"],
        *SAMPLE["advice"],
        *(finding["title"] for finding in SAMPLE["findings"]),
        *(f"{finding['evidence'][0]['file']}:{finding['evidence'][0]['line']}" for finding in SAMPLE["findings"]),
        "17 lines of 5,227 could not be parsed (too many cells: 12; not UTF-8, and no time at its start: 5)",
        "logs/link-to-etc: It is a symbolic link that leaves the folder.",
        "C/Windows/System32/winevt/Logs/Security.evtx: 2 records of 802 could not be parsed "
        "(chunk 3 has lost a record: 2)",
        "Windows events: Microsoft-Windows-Sysmon/Operational: 2021-03-02 to 2021-03-09; 88,000 events, 1 file",
        "Windows events: Security: 2021-03-03 to 2021-03-09; 800 events, 1 file; 2 records not parsed",
        "C/Windows/MEMORY.DMP",
        "own-rules/broken.yml",
        "GAP of 5.5 h: 2021-03-04 02:00:00 to 2021-03-04 07:30:00",
    ]
    assert [one for one in wanted if unfolded(one) not in page] == []
    assert "…" not in page


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert [line for line in rendered(SAMPLE, width).splitlines() if cell_len(line) > width] == []


def test_a_mailbox_no_log_names_has_its_own_row() -> None:
    page = unfolded(rendered(SAMPLE))
    assert unfolded("(data left the server, but no log names the mailbox)") in page
    assert unfolded("at least 734.0 kB (734,003 bytes), 2 requests; no log counts the items") in page
    assert unfolded("1 request; no log counts the items or bytes") in page


def test_wide_terminals_get_the_ledger_as_a_table() -> None:
    lines = rendered(SAMPLE, 200).splitlines()
    (heading,) = [line for line in lines if line.split()[:2] == ["Mailbox", "How"]]
    assert heading.split() == [
        "Mailbox",
        "How",
        "First",
        "(UTC)",
        "Last",
        "(UTC)",
        "Requests",
        "Items",
        "at",
        "least",
        "Bytes",
        "at",
        "least",
        "Complete",
    ]
    (alice,) = [line for line in lines if line.startswith("  alice@corp.example  ")]
    assert "52" in alice
    assert "340" in alice
    assert alice.endswith("12.3 MB (12,345,678 bytes)  yes")


def test_quiet_is_the_sentence_alone() -> None:
    assert rendered(SAMPLE, 200, quiet=True) == f"{SAMPLE['summary']}\n"


def test_verbose_lists_every_line_of_evidence() -> None:
    page = unfolded(rendered(SAMPLE, verbose=True))
    for finding in SAMPLE["findings"]:
        for reference in finding["evidence"]:
            assert unfolded(f"{reference['file']}:{reference['line']}") in page
    assert unfolded("… and 409 more log lines") in page


def test_plain_output_has_no_escape_at_all_and_colour_only_adds_to_it() -> None:
    plain_text, colored = rendered(SAMPLE), rendered(SAMPLE, color=True)
    assert "\x1b" not in plain_text
    assert SGR.search(colored)
    assert SGR.sub("", colored) == plain_text


@pytest.mark.parametrize("verdict", ["no_evidence", "cannot_tell", "probed", "attempted", "breached", "mail_read"])
def test_each_verdict_is_named_by_its_id_and_has_words_of_its_own(verdict: str) -> None:
    assert f"Verdict: {verdict} (9 files, " in rendered({**SAMPLE, "verdict": verdict})
    own, other = (rendered({**SAMPLE, "verdict": one, "summary": ""}, quiet=True) for one in (verdict, "probed"))
    assert own.endswith(".\n")
    assert (own == other) == (verdict == "probed")


def test_a_reason_that_servers_and_campaigns_share_is_told_once() -> None:
    document = copy.deepcopy(SAMPLE)
    document["hosts"][0]["reasons"].append("exch01.corp.example: Named first.")
    document["campaigns"][1]["reasons"] = document["hosts"][0]["reasons"][:2]
    text = rendered(document, 200)
    assert text.count(document["hosts"][0]["reasons"][0]) == 1
    assert "exch01.corp.example: exch01.corp.example" not in text
    assert "    - Named first." in text
    assert "    - the reasons above" in text


def test_a_long_story_keeps_what_weighs_most_in_the_order_of_time() -> None:
    document = copy.deepcopy(SAMPLE)
    probe = {**SAMPLE["findings"][6], "time": "2021-03-01T00:00:00.000Z"}
    document["findings"] = [{**probe, "id": f"P{n}", "title": f"Probe {n}"} for n in range(30)]
    document["intrusions"][0]["findings"] = [f"P{n}" for n in range(30)]
    story = rendered(document, 200).split("When (UTC)")[1].split("Whose mail")[0]
    assert "First use of the web shell" in story
    assert "Last access to the mail of bob@corp.example" in story
    assert "… and 22 more (see --json)" in story
    times = [line[4:23] for line in story.splitlines() if line.startswith("    2021-")]
    assert len(times) == 16
    assert times == sorted(times)


def test_long_lists_are_cut_and_say_so_unless_verbose() -> None:
    document = copy.deepcopy(SAMPLE)
    document["mailboxes"] = [{**SAMPLE["mailboxes"][0], "mailbox": f"user{n}@corp.example"} for n in range(60)]
    document["not_seen"] = [f"Sentence {n}." for n in range(45)]
    short, full = rendered(document), rendered(document, verbose=True)
    assert "user49@" in short
    assert "user50@" not in short
    assert "… and 10 more (see --json)" in short
    assert "… and 5 more (see --json)" in short
    assert "user59@" in full
    assert "Sentence 44." in full
    assert "(see --json)" not in full


def test_a_quiet_server_gets_one_sentence_a_section() -> None:
    document = {**SAMPLE, "verdict": "no_evidence", "summary": "No sign of it."}
    for member in ("intrusions", "mailboxes", "findings", "not_seen", "campaigns", "hosts", "evidence"):
        document[member] = []
    document["rules"] = {"loaded": 3, "not_run": []}
    page = unfolded(rendered(document))
    for sentence in (
        "No log of an Exchange server was found in what was given.",
        "No intruder was found in these logs.",
        "There is no intrusion to date. No event was read.",
        "No access to mail by an intruder was found in these logs.",
        "No use of a web shell was seen in these logs. A file nobody has asked for yet is in no web log.",
        "No rule found anything.",
        "Nothing is known to be missing.",
    ):
        assert unfolded(sentence) in page
    document["verdict"] = "cannot_tell"
    page = unfolded(rendered(document))
    assert page.count(unfolded("in the logs that are there (see below what is missing).")) == 3


def test_a_campaign_without_a_time_of_its_own_is_named_without_one() -> None:
    lines = rendered(SAMPLE, 200).splitlines()
    assert "  Campaign Break-in of an Exchange server, by any way in: broken into" in lines
    assert "  Campaign HAFNIUM 2021 (ProxyLogon), 2021-01-03 to 2021-04-30: broken into, and mail was read" in lines


def test_where_there_are_only_windows_events_it_is_said_what_they_cannot_show() -> None:
    only = "Only Windows event logs were found in what was given, no IIS log and no log file of Exchange:"
    assert only not in rendered(SAMPLE, 200)
    kinds = ("windows_event", "unrecognised", "refused")
    document = {**SAMPLE, "evidence": [one for one in SAMPLE["evidence"] if one["kind"] in kinds]}
    assert only in rendered(document, 200)
    page = rendered({**document, "hosts": []}, 200)
    assert only in page
    assert "No log of an Exchange server" not in page


def test_markup_emoji_and_links_of_a_log_stay_text() -> None:
    document = copy.deepcopy(SAMPLE)
    document["findings"][0]["title"] = "[bold red]x[/] :bomb: [link=https://evil.example]y[/link] https://evil.example"
    text = rendered(document, 200, color=True)
    assert "[bold red]x[/] :bomb: [link=https://evil.example]y[/link] https://evil.example" in text
    assert "\x1b]8" not in text


def test_a_very_long_path_is_folded_whole_and_a_very_long_title_is_cut() -> None:
    document = copy.deepcopy(SAMPLE)
    path = "/".join(["folder" * 9] * 40)
    document["findings"][0]["evidence"][0]["file"] = path
    document["findings"][0]["title"] = "t" * 5000
    page = unfolded(rendered(document))
    assert f"{path}:412" in page
    assert "t" * 999 + "…" in page
    assert "t" * 1000 not in page


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize(
    "hostile", ["\x1b[2J\x1b]0;t\x07", "a\r\nb", "\x9b31m", "\u202e\u2066", "\udc80", "\u200b\x00"]
)
def test_hostile_text_in_every_string_reaches_no_terminal(hostile: str, width: int) -> None:
    document = with_every_text(SAMPLE, lambda text: text + hostile)
    for verbose in (False, True):
        assert not ACTING.search(rendered(document, width, verbose=verbose))
        assert not ACTING.search(SGR.sub("", rendered(document, width, color=True, verbose=verbose)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=30), min_size=1, max_size=8), st.booleans())
def test_arbitrary_text_in_every_string_leaves_only_newlines(words: list[str], verbose: bool) -> None:
    turn = iter(range(10**9))
    document = with_every_text(SAMPLE, lambda text: words[next(turn) % len(words)])
    assert not ACTING.search(rendered(document, verbose=verbose))
    assert not ACTING.search(rendered(document, 200, verbose=verbose))
    # With colour on, every escape is a colour or weight of ours: taken out, the plain text is left.
    assert SGR.sub("", rendered(document, color=True, verbose=verbose)) == rendered(document, verbose=verbose)
