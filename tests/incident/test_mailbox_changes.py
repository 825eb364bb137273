"""Settings of mailboxes that an intruder changed: out of each log, told from what owners and administrators do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from brokenseal import scan
from brokenseal.report.document import validate

if TYPE_CHECKING:
    from tests.incident.conftest import BrokenInto

INTRUDER, HOME = "203.0.113.7", "192.0.2.20"


def changes(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (row["mailbox"], each["what"], ", ".join(each["to"])) for row in found["mailboxes"] for each in row["changes"]
    ]


def test_a_rule_is_whose_address_asked_for_it(broken_into: BrokenInto) -> None:
    broken_into.rule("03:00:00", "CORP\\anna", INTRUDER, "aaa", "drop@example.net")
    broken_into.rule("03:00:02", "CORP\\bela", HOME, "bbb", "bela@example.org")
    found = broken_into.scanned()
    assert changes(found) == [("corp\\anna", "inbox-rule", "drop@example.net")]
    (row,) = [row for row in found["mailboxes"] if row["access"] == "settings-changed"]
    (change,) = row["changes"]
    assert (change["from"], change["by"], change["when"]) == (INTRUDER, "corp\\anna", "2021-03-03T03:00:00.000Z")
    assert (row["items_at_least"], row["items_at_most"], row["bytes_at_most"], row["complete"]) == (
        0,
        None,
        None,
        False,
    )
    assert [reference["file"].rpartition("/")[2] for reference in change["evidence"]] == ["ECP.log"]


def test_of_a_stolen_session_the_nearest_request_says_who(broken_into: BrokenInto) -> None:
    # The owner and the thief have the same canary.
    broken_into.rule("03:00:00", "CORP\\anna", HOME, "same", "anna@example.org")
    broken_into.rule("03:00:20", "CORP\\anna", INTRUDER, "same", "drop@example.net")
    assert changes(broken_into.scanned()) == [("corp\\anna", "inbox-rule", "drop@example.net")]


def test_what_failed_changed_nothing(broken_into: BrokenInto) -> None:
    broken_into.front(
        "03:00:00",
        "Ecp",
        "CORP\\anna",
        INTRUDER,
        UrlStem="/ecp/RulesEditor/InboxRules.svc/NewObject",
        UrlQuery="?msExchEcpCanary=a.",
    )
    broken_into.panel("03:00:00", "New-InboxRule.Name=''x''.ForwardTo=''drop@example.net''", "a", error="Denied")
    broken_into.cmdlet("03:05:00", "CORP\\EX01$", "Add-MailboxPermission", '-Identity "anna" -User "x"', error="Denied")
    assert changes(broken_into.scanned()) == []


@pytest.mark.parametrize(
    ("account", "time", "counted"),
    [
        ("CORP\\EX01$", "03:00:00", True),
        ("NT AUTHORITY\\SYSTEM", "03:00:00", True),
        # An administrator works in the same hour; and before anybody was inside the server's own account did something.
        ("CORP\\it.admin", "03:00:00", False),
        ("CORP\\EX01$", "01:00:00", False),
    ],
)
def test_of_a_cmdlet_only_the_servers_own_account_is_an_intruders(
    broken_into: BrokenInto, account: str, time: str, counted: bool
) -> None:
    broken_into.cmdlet(
        time, account, "Add-MailboxPermission", '-Identity "anna@corp.example" -User "CORP\\x" -AccessRights "All"'
    )
    expected = [("anna@corp.example", "permission", "corp\\x")] if counted else []
    assert changes(broken_into.scanned()) == expected


def test_a_remote_shell_is_its_clients(broken_into: BrokenInto) -> None:
    parameters = '-Identity "anna@corp.example" -ForwardingSmtpAddress "smtp:drop@example.net"'
    for time, user, ip in (("03:00:00", "CORP\\thief", INTRUDER), ("03:00:01", "CORP\\admin", HOME)):
        broken_into.front(time, "PowerShell", user, ip, UrlStem="/powershell")
        broken_into.cmdlet(time, user, "Set-Mailbox", parameters.replace("drop", user[5:]))
    assert changes(broken_into.scanned()) == [("anna@corp.example", "forwarding", "thief@example.net")]


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "what"),
    [
        ("New-TransportRule", '-Name "Copy" -BlindCopyTo "drop@example.net"', "transport-rule"),
        ("Install-TransportAgent", '-Name "Agent" -AssemblyPath "C:\\x.dll"', "transport-agent"),
        ("New-ManagementRoleAssignment", '-Role "Mailbox Import Export" -User "CORP\\x"', "role"),
        ("New-JournalRule", '-Name "J" -JournalEmailAddress "drop@example.net"', "journal-rule"),
    ],
)
def test_what_reaches_every_mailbox_is_of_the_whole_organisation(
    broken_into: BrokenInto, cmdlet: str, parameters: str, what: str
) -> None:
    broken_into.cmdlet("03:00:00", "CORP\\EX01$", cmdlet, parameters)
    found = broken_into.scanned()
    assert [change["what"] for change in found["changes"]] == [what]
    assert changes(found) == []
    assert "of the whole organisation were changed" in found["summary"]


@pytest.mark.parametrize(
    "parameters",
    [
        '-Identity "anna" -ForwardingSmtpAddress "$null"',
        '-Identity "anna" -IssueWarningQuota "1 GB"',
        '-Identity "anna" -ForwardingSmtpAddress ""',
    ],
)
def test_taking_a_forwarding_back_is_no_change(broken_into: BrokenInto, parameters: str) -> None:
    broken_into.cmdlet("03:00:00", "CORP\\EX01$", "Set-Mailbox", parameters)
    assert changes(broken_into.scanned()) == []


def test_one_cmdlet_can_change_two_things(broken_into: BrokenInto) -> None:
    parameters = '-Identity "anna" -ForwardingSmtpAddress "drop@example.net" -GrantSendOnBehalfTo "CORP\\x"'
    broken_into.cmdlet("03:00:00", "CORP\\EX01$", "Set-Mailbox", parameters)
    assert {what for _, what, _ in changes(broken_into.scanned())} == {"forwarding", "send-on-behalf"}


def test_a_change_is_no_reading(broken_into: BrokenInto) -> None:
    before = broken_into.scanned()
    broken_into.cmdlet(
        "03:00:00", "CORP\\EX01$", "Add-MailboxPermission", '-Identity "anna" -User "x" -AccessRights "All"'
    )
    after = broken_into.scanned()
    assert after["verdict"] == before["verdict"]
    # The forged request reached mail, of a mailbox that no log names.
    assert "of mailboxes that the logs do not name" in after["summary"]
    assert "Settings of 1 mailbox were changed" in after["summary"]


def record(number: int, operation: str, *, ip: str = INTRUDER, **more: Any) -> dict[str, Any]:
    return {
        "Id": f"{number:08x}-0000-4000-8000-000000000000",
        "CreationTime": f"2021-03-03T03:0{number}:00",
        "Operation": operation,
        "Workload": "Exchange",
        "UserId": "anna@corp.example",
        "ClientIP": ip,
        "ResultStatus": "True",
        **more,
    }


def test_audit_records_name_whose_settings(tmp_path: Path) -> None:
    forwarding = [
        {"Name": "Identity", "Value": "bela@corp.example"},
        {"Name": "ForwardingSmtpAddress", "Value": "smtp:Drop@example.net"},
    ]
    scope = [{"Name": "ConsentAction.Permissions", "OldValue": "", "NewValue": "Scope: Mail.Read"}]
    admin = [*scope, {"Name": "ConsentContext.IsAdminConsent", "OldValue": "", "NewValue": "True"}]
    folder = {"ParentFolder": {"Path": "\\Inbox", "MemberUpn": "x@corp.example", "MemberRights": "ReadAny"}}
    records = [
        record(1, "Set-Mailbox", Parameters=forwarding),
        record(2, "AddFolderPermissions", MailboxOwnerUPN="anna@corp.example", Item=folder),
        record(3, "Consent to application.", ObjectId="app-1", ModifiedProperties=scope),
        record(4, "Consent to application.", ObjectId="app-2", ModifiedProperties=admin),
        record(5, "Set-Mailbox", Parameters=forwarding, ip=HOME),
        record(6, "New-InboxRule", Parameters=[{"Name": "ForwardTo", "Value": "x@example.net"}], ResultStatus="False"),
    ]
    (tmp_path / "audit.json").write_text("".join(json.dumps(each) + "\n" for each in records))
    document: Any = scan([tmp_path], actor_ips=[INTRUDER]).document
    assert validate(document) == []
    assert sorted(changes(document)) == [
        ("anna@corp.example", "app-access", "app-1"),
        ("anna@corp.example", "folder-permission", "x@corp.example"),
        ("bela@corp.example", "forwarding", "drop@example.net"),
    ]
    assert [(each["what"], each["to"]) for each in document["changes"]] == [("app-access", ["app-2"])]


@pytest.mark.parametrize("seed", [3, 17])
@pytest.mark.parametrize("users", [3, 6])
def test_the_settings_of_the_truth_and_nobody_elses(simulated: Any, seed: int, users: int) -> None:
    evidence, truth = simulated("forwarded-mail", seed=seed, users=users)
    incident = scan([evidence])
    document: Any = incident.document
    assert validate(document) == []
    assert incident.verdict == truth["verdict"]
    assert set(changes(document)) == {(s["mailbox"], s["what"], s["to"]) for s in truth["settings"] if s["mailbox"]}
    whole = [s["to"] for s in truth["settings"] if not s["mailbox"]]
    assert [", ".join(each["to"]) for each in document["changes"]] == whole
    times = {s["time"] for s in truth["settings"]}
    every = [*document["changes"], *(each for row in document["mailboxes"] for each in row["changes"])]
    assert {each["when"] for each in every} == times
    # Each is in two logs: of the control panel or of cmdlets, and in the event log.
    assert all(len(each["evidence"]) == 2 for each in every)
