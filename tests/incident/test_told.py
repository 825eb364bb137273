"""Every sentence of a document is among its ``sentences``, and can be said again from what stands there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.document import validate
from brokenseal.sentences import CONTENT, CONTENT_MEMBERS, LOGGED_MEMBERS, SENTENCE_MEMBERS, catalogue

Make = Callable[..., tuple[Path, dict[str, Any]]]
SCENARIOS = (
    "hafnium",
    "stolen-session",
    "cloud-session",
    "logs-missing",
    "quiet-shell",
    "probed",
    "quiet",
    "host-only",
    "forwarded-mail",
)
# Texts of rules and campaigns may stand for themselves; all others have to be made by the catalogue.
FREE = {*CONTENT_MEMBERS, "advice"}


def sentences(node: object, member: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Member, path and text of each sentence."""
    if isinstance(node, str):
        if member in SENTENCE_MEMBERS or member in CONTENT_MEMBERS:
            yield member, path, node
    elif isinstance(node, dict):
        for name, value in node.items():
            if member in ("reject_reasons", "warnings"):
                yield member, path, name
            elif name != "sentences":
                yield from sentences(value, name, f"{path}.{name}")
    elif isinstance(node, list):
        for value in node:
            yield from sentences(value, member, path)


@pytest.fixture(scope="module", params=SCENARIOS)
def document(
    request: pytest.FixtureRequest, simulated: Make, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A scan of a scenario, with files beside it that cannot be read."""
    evidence, _ = simulated(request.param)
    odd = tmp_path_factory.mktemp("odd")
    (odd / "empty.log").write_bytes(b"")
    (odd / "picture.bin").write_bytes(bytes(range(256)) * 20)
    (odd / "torn.zip").write_bytes(b"PK\x03\x04" + b"x" * 400)
    (odd / "disk.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + b"x" * 400)
    (odd / "u_ex210303.log").write_bytes(b"#Fields: date time c-ip\n2021-03-03 00:00:00 192.0.2.1\n\0\0\nx\n")
    return copy.deepcopy(scan([evidence, odd]).document)


def check(document: dict[str, Any]) -> None:
    """Each sentence is told once, and made by the catalogue."""
    assert validate(document) == []
    told = {one["text"]: one for one in document["sentences"]}
    assert list(told) == sorted(told)
    assert len(told) == len(document["sentences"])
    found = list(sentences(document, "", ""))
    assert len(found) > 10
    for member, path, text in found:
        if member in LOGGED_MEMBERS and text not in told:
            continue
        assert text in told, (path, text)
        of_page = ".webshells." in f"{path}."
        assert told[text]["key"] != CONTENT or member in FREE or of_page, (path, text)


def test_each_sentence_is_told(document: dict[str, Any]) -> None:
    check(document)


@pytest.mark.parametrize("scenario", ["quiet", "probed", "forwarded-mail"])
def test_what_follows_from_what_the_user_names_is_told_too(scenario: str, simulated: Make) -> None:
    evidence, truth = simulated(scenario)
    first: Any = scan([evidence]).document
    users = [one["ip"] for one in first["outflow"]["clients"] if one["users"] and not one["intrusion"]]
    users = [ip for ip in users if ip not in truth["attacker_ips"]]
    named: Any = scan([evidence], actor_ips=users[:5], actor_agents=["MacOutlook"]).document
    check(named)
    told = {one["text"]: one for one in named["sentences"]}
    assert {told[one["why"]]["key"] for one in named["actors"]} >= {"actor.named_address", "actor.named_agent"}
    if scenario != "forwarded-mail":  # where what the user names is of the one intrusion that there is
        assert told[named["summary"]]["key"] == "summary.named"
        assert told[named["summary"]]["values"]["evidence"]["text"] == first["summary"]


def test_nothing_is_told_that_is_not_there(document: dict[str, Any]) -> None:
    here = {text for _, _, text in sentences(document, "", "")}
    here |= {one["kind"] for intrusion in document["intrusions"] for one in intrusion["webshells"] if one["kind"]}
    assert {one["text"] for one in document["sentences"]} <= here


def test_each_sentence_can_be_said_again(document: dict[str, Any]) -> None:
    english = catalogue("en")
    for one in document["sentences"]:
        if one["key"] != CONTENT:
            assert english.say(one) == one["text"]
