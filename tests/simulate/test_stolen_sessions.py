from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from brokenseal.simulate.truth import Truth

if TYPE_CHECKING:
    from tests.simulate.conftest import Row, Simulated, Simulation

READING = {"Ews", "Mapi", "Owa", "Eas"}


def _readings(made: Simulated) -> list[tuple[str, Row]]:
    """Mailbox and HttpProxy row of each answered request of a signed-in client that hands out mail."""
    rows = []
    for row in made.rows("HttpProxy"):
        if row["Protocol"] in READING and row["AuthenticatedUser"] and row["HttpStatus"] == "200":
            alias = row["AuthenticatedUser"].removeprefix("CORP\\").lower()
            rows.append((f"{alias}@corp.example", row))
    return rows


@pytest.fixture(params=[(1, 1, 1), (2, 1, 2), (4, 2, 5)], ids=str)
def made(request: pytest.FixtureRequest, simulation: Simulation) -> Simulated:
    users, servers, days = request.param
    return simulation("stolen-session", users=users, servers=servers, days=days)


def test_what_the_intruder_read_is_what_the_logs_add_up_to(made: Simulated) -> None:
    back_end = {row["RequestId"]: row for row in made.rows("Logging/Ews")}
    mapi = {row["RequestId"]: row for row in made.rows("MapiHttp")}
    requests, size, items = Counter[str](), Counter[str](), Counter[str]()
    protocols: dict[str, set[str]] = {}
    times: dict[str, list[str]] = {}
    for mailbox, row in _readings(made):
        if row["ClientIpAddress"] not in made.truth.attacker_ips:
            continue
        requests[mailbox] += 1
        size[mailbox] += int(row["ResponseBytes"])
        protocols.setdefault(mailbox, set()).add(row["Protocol"].lower())
        times.setdefault(mailbox, []).append(row["DateTime"])
        if row["Protocol"] == "Ews":
            call = back_end[row["RequestId"]]
            assert (call["ActAsUser"], call["ImpersonatedUser"]) == ("", mailbox)
            items[mailbox] += int(call["LocalIdCount"]) if call["SoapAction"] == "GetItem" else 0
        if row["Protocol"] == "Mapi":
            call = mapi[row["RequestId"]]
            assert row["UrlQuery"] == f"?MailboxId={call['MailboxId']}"
            assert call["AuthenticatedUserEmail"] == mailbox
    assert {access.access for access in made.truth.mail_access} == {"signed-in"}
    assert {access.mailbox for access in made.truth.mail_access} == set(requests)
    for access in made.truth.mail_access:
        assert access.requests == requests[access.mailbox]
        assert access.bytes == size[access.mailbox] > 100_000
        assert set(access.protocols) == protocols[access.mailbox]
        assert (access.first, access.last) == (min(times[access.mailbox]), max(times[access.mailbox]))
        assert access.complete_record is (set(access.protocols) == {"ews"})
        assert items[access.mailbox] <= access.items
        assert (items[access.mailbox] == access.items) is access.complete_record


def test_owners_read_the_same_mailboxes_by_the_same_protocols_meanwhile(made: Simulated) -> None:
    truth = made.truth
    assert [use.mailbox for use in truth.normal_use] == [access.mailbox for access in truth.mail_access]
    readings = _readings(made)
    for access, use in zip(truth.mail_access, truth.normal_use, strict=True):
        own = [
            row
            for mailbox, row in readings
            if mailbox == access.mailbox
            and row["ClientIpAddress"] not in truth.attacker_ips
            and access.first <= row["DateTime"] <= access.last
        ]
        assert (use.requests, use.bytes) == (len(own), sum(int(row["ResponseBytes"]) for row in own))
        assert set(use.protocols) == {row["Protocol"].lower() for row in own} >= set(access.protocols)
        assert set(use.source_ips) == {row["ClientIpAddress"] for row in own}


def test_three_users_are_read_by_all_protocols(simulation: Simulation) -> None:
    truth = simulation("stolen-session", users=4, servers=2, days=5).truth
    assert [access.protocols for access in truth.mail_access] == [["ews"], ["eas", "mapi", "owa"], ["ews"]]
    assert [len(access.source_ips) for access in truth.mail_access] == [1, 1, 1]
    assert {m.mailbox for m in truth.mailboxes} == {truth.mail_access[0].mailbox}


def test_requests_have_the_shape_of_each_protocol(made: Simulated) -> None:
    rows = [row for row in made.rows("HttpProxy") if row["ClientIpAddress"] in made.truth.attacker_ips]
    signed_in = [row for row in rows if row["AuthenticatedUser"]]
    webmail = [row["UrlQuery"] for row in signed_in if row["UrlStem"] == "/owa/service.svc"]
    assert any(query.startswith("?action=GetConversationItems&") for query in webmail)
    sync = [row for row in signed_in if row["Protocol"] == "Eas" and "?Cmd=Sync&" in row["UrlQuery"]]
    device = {m[1] for row in sync if (m := re.search(r"&User=[^&]+&DeviceId=([0-9A-F]{32})&", row["UrlQuery"]))}
    assert len(device) == 1
    others = [row for row in made.rows("HttpProxy/Eas") if row["ClientIpAddress"] not in made.truth.attacker_ips]
    assert not [row for row in others if min(device) in row["UrlQuery"]]
    assert [row["HttpStatus"] for row in rows if row["HttpStatus"] == "401"] == ["401"]
    front = {row["cs-uri-query"].partition("cafeReqId=")[2].rstrip(";") for row in made.rows("W3SVC1")}
    assert {row["RequestId"] for row in rows} <= front


def test_the_third_address_is_known_from_its_user_agent_alone(made: Simulated) -> None:
    first, second, third = made.truth.actor_ips
    assert [actor.ip for actor in (first, second, third)] == made.truth.attacker_ips
    assert (first.evidence, second.evidence) == (["exploit", "web-shell"], ["web-shell"])
    assert third.evidence == ["user-agent"]
    (agent,) = third.user_agents
    assert agent in first.user_agents
    users = {row["ClientIpAddress"] for row in made.rows("HttpProxy") if row["UserAgent"] == agent}
    assert users == set(made.truth.attacker_ips)
    for row in made.rows("HttpProxy"):
        if row["ClientIpAddress"] == third.ip:
            assert row["IsAuthenticated"] == "true"
            assert row["UserAgent"] == agent


def test_mail_is_forwarded_and_sent_in_a_users_name(made: Simulated) -> None:
    (rule,), (mail,) = made.truth.forwarding, made.truth.mail_sent
    logged = [row for row in made.rows("ECP/Server") if f"ForwardTo=''{rule.to}''" in row["EventData"]]
    assert [row["TimeStamp"] for row in logged] == [rule.time]
    (event,) = [row for row in made.events(1, part="MSExchange Management") if row.items[0] == "New-InboxRule"]
    assert rule.to in event.items[1]
    assert event.items[2].endswith(rule.mailbox.partition("@")[0])
    ways = [row for row in made.rows("MSGTRK") if row["message-id"] == mail.message_id]
    assert sorted(row["event-id"] for row in ways) == ["RECEIVE", "SENDEXTERNAL", "SUBMIT"]
    assert {row["sender-address"] for row in ways} == {mail.mailbox}
    assert {(row["recipient-address"], int(row["total-bytes"])) for row in ways} == {(mail.recipient, mail.bytes)}
    assert any("ClientType:WebServices" in row["source-context"] for row in ways)


def test_ordinary_scenarios_have_no_access_by_stolen_names(simulation: Simulation) -> None:
    truth: Truth = simulation("hafnium").truth
    assert (truth.mail_access, truth.normal_use, truth.mail_sent, truth.forwarding) == ([], [], [], [])
    assert (truth.directory, truth.audit_logs) == (None, {})
    assert [actor.ip for actor in truth.actor_ips] == truth.attacker_ips
    assert not {"directory_export", "audit_exports"} & set(truth.sources)
