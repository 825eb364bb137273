from __future__ import annotations

import copy
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from brokenseal.report.html import render
from brokenseal.report.html.advice import PHASES, entries
from brokenseal.report.html.texts import languages, load_texts

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "report" / "sample_document.json").read_text("utf-8"))
VERDICTS = {"mail_read", "breached", "attempted", "probed", "cannot_tell", "no_evidence"}
DESTROYING = re.compile(
    r"\b(?:Remove|Clear|Stop|Restart|Uninstall|Disable|Format-Volume|Reset-Computer)-?\w*|\b(?:del|erase|rd|rmdir|rm)\b|\bcl\b"
    r"|/(?:MIR|PURGE|MOVE?)\b|shutdown|iisreset",
    re.IGNORECASE,
)


def commands(document: dict[str, Any]) -> str:
    page = render(document).decode()
    return unescape("\n".join(re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)))


def breached(path: str | None, addresses: list[str]) -> dict[str, Any]:
    document = copy.deepcopy(SAMPLE)
    intrusion = document["intrusions"][0]
    intrusion["source_ips"] = addresses
    intrusion["webshells"] = [{**intrusion["webshells"][0], "path": path, "state": "alive"}]
    return document


def test_every_step_is_whole() -> None:
    assert len({entry["id"] for entry in entries()}) == len(entries())
    for entry in entries():
        assert entry["phase"] in PHASES
        assert entry["commands"]
        assert set(entry["verdicts"]) <= VERDICTS
        for language in languages():
            texts = load_texts(language)
            assert texts.has(f"advice.steps.{entry['id']}.title")
            assert texts.has(f"advice.steps.{entry['id']}.why")
            assert texts.has(f"advice.where.{entry['where']}")


def test_no_command_destroys_evidence() -> None:
    assert [line for entry in entries() for line in entry["commands"] if DESTROYING.search(line)] == []


def test_a_shell_is_copied_before_it_is_moved() -> None:
    order = [entry["id"] for entry in sorted(entries(), key=lambda entry: PHASES.index(entry["phase"]))]
    assert order.index("shell_copy") < order.index("shell_quarantine")
    assert order.index("event_logs") < order.index("krbtgt")


def test_plain_paths_addresses_and_days_are_filled_in() -> None:
    path = "C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\Qx7pLm2a.aspx"
    text = commands(breached(path, ["2001:db8::7", "203.0.113.7"]))
    assert f"Copy-Item -LiteralPath '{path}' -Destination 'E:\\case'" in text
    assert "-RemoteAddress 2001:db8::7,203.0.113.7" in text
    assert "$since = [datetime]'2021-03-03'" in text


@pytest.mark.parametrize(
    "path",
    [
        "C:\\a'; Invoke-Expression x; '.aspx",
        "C:\\a\u2019; x; \u2018.aspx",
        "C:\\$(x)\\a.aspx",
        "C:\\a`n.aspx",
        "C:\\a\nx.aspx",
        "\\\\host\\share\\a.aspx",
        "C:\\..\\a.aspx",
        "C:\\\u202exps.a",
        None,
    ],
)
def test_what_could_mean_something_else_to_a_shell_is_not_filled_in(path: str | None) -> None:
    text = commands(breached(path, ["203.0.113.7; x", "fe80::1%x;y", "198.51.100.23"]))
    assert "Copy-Item -LiteralPath '<path of the web shell>' -Destination 'E:\\case'" in text
    assert "-RemoteAddress 198.51.100.23\n" in text


def test_steps_follow_from_what_was_found() -> None:
    document = copy.deepcopy(SAMPLE)
    for shell in document["intrusions"][0]["webshells"]:
        shell["state"] = "removed"
    assert "Copy-Item" not in commands(document)
    assert "Get-OabVirtualDirectory" not in commands(document)
    finding = document["findings"][2]
    assert finding["id"] in document["intrusions"][0]["findings"]
    finding["stage"] = "oab_poisoned"
    assert "Get-OabVirtualDirectory" in commands(document)
    quiet = {**document, "verdict": "no_evidence", "intrusions": []}
    assert "New-NetFirewallRule" not in commands(quiet)
