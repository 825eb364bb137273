"""Reading that only the ledger shows, or only the user names, in verdict, reasons and summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from brokenseal import scan
from brokenseal.report.document import validate

if TYPE_CHECKING:
    from tests.incident.conftest import BrokenInto

IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n"
    "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status sc-bytes\n"
    "2021-03-03 03:00:00 EX01 POST /owa/service.svc anna 203.0.113.9 443 Odd/7 200 5000\n"
    "2021-03-03 03:00:00 EX01 POST /owa/service.svc bela 192.0.2.9 443 Mail/1 200 700\n"
)


def named(folder: Path, **options: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    (folder / "u_ex210303.log").write_text(IIS)
    document = dict(scan([folder], **options).document)
    assert validate(document) == []
    return document


def test_an_address_that_the_user_names_makes_an_intrusion_that_says_so(tmp_path: Path) -> None:
    without = named(tmp_path / "e")
    assert (without["verdict"], without["intrusions"], without["mailboxes"]) == ("cannot_tell", [], [])
    found = named(tmp_path / "e", actor_ips=["203.0.113.9"])
    assert found["verdict"] == "mail_read"
    assert found["summary"] == (
        "Because you named 203.0.113.9 as an intruder's: mail of 1 mailbox was read from there with valid sign-ins, "
        f"at least 5.0 kB, on 2021-03-03. By the evidence alone: {without['summary']}"
    )
    (intrusion,) = found["intrusions"]
    assert (intrusion["id"], intrusion["named_by"], intrusion["stage"]) == ("I1", "user", None)
    assert (intrusion["source_ips"], intrusion["hosts"]) == (["203.0.113.9"], ["EX01"])
    assert (intrusion["first_seen"], intrusion["findings"]) == ("2021-03-03T03:00:00.000Z", [])
    (host,) = found["hosts"]
    assert host["verdict"] == "mail_read"
    assert host["reasons"][0].startswith("Because you named 203.0.113.9 as an intruder's: mail of 1 mailbox was read")
    assert [campaign["verdict"] for campaign in found["campaigns"]] == [c["verdict"] for c in without["campaigns"]]
    assert [(row["intrusion"], row["confidence"]) for row in found["mailboxes"]] == [("I1", "low")]
    assert found["actors"][0]["intrusion"] == "I1"


def test_an_address_of_which_nothing_is_seen_changes_nothing(tmp_path: Path) -> None:
    without, found = named(tmp_path / "e"), named(tmp_path / "e", actor_ips=["198.51.100.77"])
    assert found["actors"] == [
        {"intrusion": None, "ip": "198.51.100.77", "agent": None, "why": "named with --actor-ip"}
    ]
    # Why an address is an actor's is a sentence of the document, too.
    told: dict[str, list[str]] = {"actors": [], "sentences": []}
    assert {**found, **told} == {**without, **told}


def test_an_agent_that_the_user_names_is_named_in_the_reason(tmp_path: Path) -> None:
    found = named(tmp_path / "e", actor_agents=["odd/"])
    assert found["summary"].startswith("Because you named 'odd/' as an intruder's: mail of 1 mailbox")


def test_besides_a_break_in_the_summary_keeps_both_apart(broken_into: BrokenInto) -> None:
    # Two intruders, so that nothing says to whom the named address belongs.
    broken_into.front(
        "02:30:00",
        "Ecp",
        "",
        "203.0.113.8",
        UrlStem="/ecp/z.js",
        AnchorMailbox="ServerInfo~a]@ex01:444/EWS/Exchange.asmx?#",
        RoutingHint="X-BEResource-Cookie",
    )
    broken_into.front("03:00:00", "Owa", "CORP\\anna", "198.51.100.9", UrlStem="/owa/service.svc")
    before = broken_into.scanned()
    found = broken_into.scanned(actor_ips=["198.51.100.9"])
    assert [one["named_by"] for one in found["intrusions"]] == ["evidence", "evidence", "user"]
    assert found["summary"].startswith("Because you named 198.51.100.9 as an intruder's: mail of 1 mailbox was read")
    assert found["summary"].endswith(f"By the evidence alone: {before['summary']}")
    assert "anna" not in before["summary"]


def test_audit_records_alone_raise_no_servers_verdict(tmp_path: Path, simulated: Any) -> None:
    evidence, _ = simulated("cloud-session", seed=3, users=5)
    document: Any = scan([evidence]).document
    verdicts = {host["host"]: host["verdict"] for host in document["hosts"]}
    assert document["verdict"] == verdicts.pop("EX01") == "mail_read"
    assert set(verdicts.values()) <= {"no_evidence"}
