from __future__ import annotations

import json

from brokenseal.simulate.truth import Truth


def _truth() -> Truth:
    return Truth("stolen-session", 1, "2021-01-01", 2, ["EX01"], ["iis"], "mail_read")


def test_accesses_of_a_mailbox_add_up_by_kind() -> None:
    truth = _truth()
    for ms, protocol, counted in ((2_500, "ews", True), (1_500, "mapi", False)):
        truth.access("a@corp.example", "signed-in", ms).add(
            ms, protocol, "203.0.113.1", items=2, size=10, counted=counted
        )
    truth.access("a@corp.example", "audited", 3_700).add(3_700, "owa", "203.0.113.2", items=1, size=5, counted=True)
    signed_in, audited = json.loads(truth.to_json())["mail_access"]
    assert signed_in == {
        "mailbox": "a@corp.example",
        "access": "signed-in",
        "first": "1970-01-01T00:00:01.500Z",
        "last": "1970-01-01T00:00:02.500Z",
        "protocols": ["ews", "mapi"],
        "requests": 2,
        "items": 4,
        "bytes": 20,
        "source_ips": ["203.0.113.1"],
        "complete_record": False,
    }
    # Audit records know whole seconds.
    assert (audited["first"], audited["last"], audited["complete_record"]) == (
        "1970-01-01T00:00:03.000Z",
        "1970-01-01T00:00:03.000Z",
        True,
    )


def test_an_address_gathers_what_ties_it() -> None:
    truth = _truth()
    truth.note_actor("203.0.113.1", ("exploit",), ("curl",))
    truth.note_actor("203.0.113.2", ("user-agent",), ("curl",))
    truth.note_actor("203.0.113.1", ("web-shell", "exploit"), ("antSword",), ("app",))
    first, second = json.loads(truth.to_json())["actor_ips"]
    assert (first["evidence"], first["user_agents"]) == (["exploit", "web-shell"], ["antSword", "curl"])
    assert first["app_ids"] == ["app"]
    assert second["evidence"] == ["user-agent"]
