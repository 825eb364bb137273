"""Rules are read beside the evidence: the answer is the same, and what is wrong with them is said as ever."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokenseal import scan
from brokenseal.detections.campaign import load_campaigns
from brokenseal.detections.prefilter import LinePrefilter
from brokenseal.errors import ContentError
from brokenseal.events.reading import Stopped
from brokenseal.incident.knowledge import Knowledge
from brokenseal.incident.knowledge_ahead import KnowledgeAhead

IIS = """#Software: Microsoft Internet Information Services 10.0
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status
2021-03-02 06:00:00 192.0.2.10 GET /owa/auth/logon.aspx - 443 - 198.51.100.4 Mozilla/5.0 200
"""


def broken(*_: Any) -> Any:
    raise ContentError("the rules cannot be read")


def test_it_is_the_prefilter_of_its_rules() -> None:
    ahead = KnowledgeAhead([])
    knowledge, prefilter = ahead.get()
    plain = LinePrefilter(Knowledge.load(load_campaigns(), []).literals())
    assert ahead.fingerprint == prefilter.fingerprint == plain.fingerprint
    block = b"a GET /owa/auth/logon.aspx x\nb /ecp/y.js ssec/../MSEXCHECPPROXY\n"
    newlines = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)
    for kind in {kind for rule in knowledge.rule_set.rules for kind in rule.kinds}:
        assert ahead.match(kind, block, newlines).tolist() == plain.match(kind, block, newlines).tolist()


@pytest.mark.parametrize("name", ["u_ex210302.log", "notes.bin"])
def test_rules_that_cannot_be_read_end_the_scan_and_damage_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / name).write_text(IIS if name.endswith(".log") else "\0", "utf-8")
    monkeypatch.setattr(Knowledge, "load", broken)
    with pytest.raises(ContentError, match="the rules cannot be read"):
        scan([tmp_path / "e"], case=tmp_path / "case")
    assert not (tmp_path / "case" / "results").exists()
    monkeypatch.undo()
    found: Any = scan([tmp_path / "e"], case=tmp_path / "case").document
    assert len(found["evidence"]) == 1
    assert "internal error" not in str(found["evidence"])


def test_who_asks_for_a_search_of_rules_that_failed_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Knowledge, "load", broken)
    ahead = KnowledgeAhead([])
    with pytest.raises(Stopped):
        ahead.match("iis", b"x", np.zeros(0, np.int64))
    with pytest.raises(ContentError):
        ahead.get()


def test_it_waits_for_nobody_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(Knowledge, "load", lambda *_: go.wait(60))
    ahead = KnowledgeAhead([])
    assert ahead._thread.daemon and ahead._thread.is_alive()
    go.set()
    ahead._thread.join(60)
