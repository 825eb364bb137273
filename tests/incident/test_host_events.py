"""What happened on the host, joined to what the web logs show: process trees, pages written, cmdlets logged twice, hosts."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from brokenseal import scan
from brokenseal.report.document import validate

SYSMON = "Microsoft-Windows-Sysmon/Operational"
POOL = r'c:\windows\system32\inetsrv\w3wp.exe -ap "MSExchangeOWAAppPool" -v "v4.0"'
W3WP = r"C:\Windows\System32\inetsrv\w3wp.exe"
CMD = r"C:\Windows\System32\cmd.exe"
PAGE = r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\owa\auth\q7.aspx"
RULE = """\
title: {title}
id: {id}
logsource:
    product: windows
    {source}
detection:
    selection:
        {field}: '{value}'
    condition: selection
level: high
"""


class Events:
    """Windows events of one day as JSON lines, in the flat shape of nxlog."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[str] = []

    def add(self, channel: str, event: int, time: str, host: str = "EX01", /, **fields: object) -> None:
        provider = {SYSMON: "Microsoft-Windows-Sysmon", "Security": "Microsoft-Windows-Security-Auditing"}.get(channel)
        record = {
            "EventTime": f"2021-03-03T{time}.000Z",
            "Hostname": host,
            "Channel": channel,
            "SourceName": provider or "MSExchange CmdletLogs",
            "EventID": event,
            "RecordNumber": len(self._lines) + 1,
            **fields,
        }
        self._lines.append(json.dumps(record))

    def started(self, time: str, guid: str, image: str, line: str, parent: str | None = None, **fields: object) -> None:
        """Sysmon's event of a process: *guid* and *parent* are short names, the rest as logged."""
        above = {"ParentProcessGuid": f"{{{parent}}}"} if parent else {}
        self.add(
            SYSMON,
            1,
            time,
            ProcessGuid=f"{{{guid}}}",
            ProcessId=str(len(self._lines) + 100),
            Image=image,
            CommandLine=line,
            **above,
            **fields,
        )

    def write(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(line + "\n" for line in self._lines), "utf-8")
        return self.path


@pytest.fixture
def events(tmp_path: Path) -> Events:
    return Events(tmp_path / "host" / "events.jsonl")


def document(*evidence: Path, **arguments: Any) -> dict[str, Any]:
    found = scan(list(evidence), **arguments).document
    assert validate(found) == []
    return dict(found)


def titles(found: dict[str, Any]) -> dict[str, int]:
    return {finding["title"]: finding["count"] for finding in found["findings"]}


def commands(events: Events) -> None:
    """The web server starts a command interpreter, that starts whoami; a service's child has nothing to do with it."""
    events.started("01:00:00", "svc", r"C:\Windows\System32\services.exe", "services.exe")
    events.started("01:00:01", "w3wp", W3WP, POOL, "svc", ParentImage=r"C:\Windows\System32\services.exe")
    events.started("01:00:02", "other", r"C:\Program Files\Backup\agent.exe", "agent.exe", "svc")
    shared = {"ParentImage": W3WP, "ParentCommandLine": POOL, "User": r"NT AUTHORITY\SYSTEM"}
    events.started("02:00:00", "cmd", CMD, r'cmd /c cd /d "C:\inetpub"&whoami&echo [S]&cd&echo [E]', "w3wp", **shared)
    events.started("02:00:01", "who", r"C:\Windows\System32\whoami.exe", "whoami", "cmd", ParentImage=CMD)


def test_a_process_chain_without_web_logs_is_an_intrusion_of_its_own(events: Events) -> None:
    commands(events)
    found = document(events.write())
    [intrusion] = found["intrusions"]
    assert (found["verdict"], intrusion["hosts"], intrusion["source_ips"]) == ("breached", ["EX01"], [])
    tree = {process["image"].rsplit("\\", 1)[-1]: process for process in intrusion["processes"]}
    assert tree["whoami.exe"]["parent"] == tree["cmd.exe"]["id"]
    assert tree["cmd.exe"]["parent"] == tree["w3wp.exe"]["id"]
    assert tree["w3wp.exe"]["parent"] == tree["services.exe"]["id"]
    assert tree["cmd.exe"]["findings"]
    assert tree["cmd.exe"]["evidence"][0]["line"] == 4
    assert "agent.exe" not in tree


def test_a_parent_whose_start_was_not_logged_is_shown_by_what_its_child_says(events: Events) -> None:
    events.started("02:00:00", "cmd", CMD, "cmd /c whoami", "w3wp", ParentImage=W3WP, ParentCommandLine=POOL)
    [intrusion] = document(events.write())["intrusions"]
    parent, child = intrusion["processes"]
    assert (parent["image"], parent["command_line"], parent["time"], parent["evidence"]) == (W3WP, POOL, None, [])
    assert child["parent"] == parent["id"]


def test_one_start_in_sysmon_and_in_security_is_one_process_with_two_lines(events: Events) -> None:
    events.add(
        SYSMON,
        1,
        "02:00:00",
        ProcessGuid="{cmd}",
        ProcessId="4660",
        Image=CMD,
        CommandLine="cmd /c whoami",
        ParentProcessGuid="{w}",
        ParentProcessId="500",
        ParentImage=W3WP,
        ParentCommandLine=POOL,
    )
    events.add(
        "Security",
        4688,
        "02:00:00",
        NewProcessId="0x1234",
        NewProcessName=CMD,
        CommandLine="cmd /c whoami",
        ProcessId="0x1f4",
        ParentProcessName=W3WP,
        SubjectUserSid="S-1-5-18",
        SubjectLogonId="0x3e7",
    )
    [intrusion] = document(events.write())["intrusions"]
    [cmd] = [process for process in intrusion["processes"] if process["image"] == CMD]
    assert (cmd["pid"], [line["record"] for line in cmd["evidence"]]) == ("4660", [1, 2])


def test_a_number_that_is_used_again_belongs_to_the_last_process_before(events: Events) -> None:
    for time, number, name, parent in (
        ("01:00:00", "0x64", r"C:\Windows\System32\notepad.exe", "0x4"),
        ("01:30:00", "0x64", W3WP, "0x8"),
        ("02:00:00", "0xc8", CMD, "0x64"),
        ("03:00:00", "0x64", r"C:\Windows\System32\calc.exe", "0x4"),
    ):
        events.add(
            "Security",
            4688,
            time,
            NewProcessId=number,
            NewProcessName=name,
            ProcessId=parent,
            CommandLine="whoami",
            ParentProcessName=W3WP,
            SubjectUserSid="S-1-5-18",
            SubjectLogonId="0x3e7",
        )
    rule = events.path.parent.parent / "rule.yml"
    source = "category: process_creation"
    rule.write_text(
        RULE.format(title="cmd", id="11111111-0000-4000-8000-000000000001", source=source, field="Image", value=CMD)
        + "brokenseal:\n    outcome: succeeded\n"
    )
    [intrusion] = document(events.write(), rules=[rule])["intrusions"]
    tree = {process["id"]: process for process in intrusion["processes"]}
    [cmd] = [process for process in tree.values() if process["image"] == CMD]
    assert tree[cmd["parent"]]["image"] == W3WP


def test_a_page_written_on_the_host_is_joined_with_the_requests_to_its_address(
    events: Events, logs: Any, tmp_path: Path
) -> None:
    # Eleven hours lie between: neither time nor address ties them, only the file does.
    events.add(SYSMON, 11, "02:00:00", ProcessGuid="{w}", Image=W3WP, TargetFilename=PAGE)
    logs.iis("13:00:00", "/owa/auth/q7.aspx", 200, ip="203.0.113.9")
    found = document(events.write(), logs.write(), hosts={"EX01": logs.folder})
    [intrusion] = found["intrusions"]
    assert intrusion["source_ips"] == ["203.0.113.9"]
    joined = [finding for finding in found["findings"] if finding["id"] in intrusion["findings"]]
    files = {finding["evidence"][0]["file"].rsplit("/", 1)[-1] for finding in joined}
    assert files == {"events.jsonl", "u_ex210303.log"}


def test_what_runs_while_the_shell_is_used_is_joined_with_it(events: Events, logs: Any) -> None:
    logs.iis("01:59:59", "/owa/auth/q7.aspx", 200, ip="203.0.113.9")
    commands(events)
    [intrusion] = document(events.write(), logs.write(), hosts={"EX01": logs.folder})["intrusions"]
    assert (intrusion["source_ips"], len(intrusion["processes"])) == (["203.0.113.9"], 4)


def test_the_full_name_in_events_and_the_short_one_in_logs_are_one_host(events: Events, logs: Any) -> None:
    logs.iis("01:59:59", "/owa/auth/q7.aspx", 200, ip="203.0.113.9")
    events.add(
        SYSMON,
        1,
        "02:00:00",
        "ex01.corp.example",
        ProcessGuid="{cmd}",
        Image=CMD,
        CommandLine="cmd /c whoami",
        ParentImage=W3WP,
        ParentCommandLine=POOL,
    )
    found = document(events.write(), logs.write(), hosts={"EX01": logs.folder})
    assert [host["host"] for host in found["hosts"]] == ["EX01"]
    assert [intrusion["hosts"] for intrusion in found["intrusions"]] == [["EX01"]]


def test_a_machine_that_is_no_mail_server_does_not_make_the_answer_unsure(events: Events, simulated: Any) -> None:
    evidence, _ = simulated("quiet", users=1, start=date(2021, 1, 1), days=75)
    events.add("Security", 4624, "02:00:00", "DC01", TargetUserName="anna", LogonType="3")
    found = document(evidence, events.write())
    verdicts = {host["host"]: host["verdict"] for host in found["hosts"]}
    assert (found["verdict"], verdicts) == ("no_evidence", {"EX01": "no_evidence", "DC01": "no_evidence"})


def test_events_alone_cannot_rule_anything_out(events: Events) -> None:
    events.add("Security", 4624, "02:00:00", TargetUserName="anna", LogonType="3")
    found = document(events.write())
    assert found["verdict"] == "cannot_tell"
    assert [entry["source"] for host in found["hosts"] for entry in host["coverage"]] == ["windows_event/Security"]


def test_each_host_and_log_of_a_mixed_export_has_its_own_coverage(events: Events) -> None:
    events.add("Security", 4624, "02:00:00", "EX01", TargetUserName="anna")
    events.add("Security", 4624, "03:00:00", "EX02", TargetUserName="anna")
    events.add(SYSMON, 5, "04:00:00", "EX02", Image=CMD)
    covered = {
        (host["host"], entry["source"]): (entry["events"], entry["first"][11:16])
        for host in document(events.write())["hosts"]
        for entry in host["coverage"]
    }
    assert covered == {
        ("EX01", "windows_event/Security"): (1, "02:00"),
        ("EX02", "windows_event/Security"): (1, "03:00"),
        ("EX02", f"windows_event/{SYSMON}"): (1, "04:00"),
    }


def test_a_rule_held_against_one_log_counts_each_event_it_is_true_of(events: Events, tmp_path: Path) -> None:
    for time in ("02:00:00", "02:00:01", "02:00:02"):
        events.add("Security", 4625, time, TargetUserName="anna")
    events.add("Security", 4624, "02:00:03", TargetUserName="anna")
    rule = tmp_path / "rule.yml"
    rule.write_text(
        RULE.format(
            title="Failed logons",
            id="11111111-0000-4000-8000-000000000002",
            source="service: security",
            field="EventID",
            value="4625",
        )
    )
    found = document(events.write(), rules=[rule])
    assert titles(found) == {"Failed logons": 3}
    assert [line["line"] for line in found["findings"][0]["evidence"]] == [1, 2, 3]


def test_a_script_in_parts_is_judged_as_a_whole(events: Events, tmp_path: Path) -> None:
    channel = "Microsoft-Windows-PowerShell/Operational"
    for number, text in ((2, "Two-Of-It"), (1, "One-Of-It; ")):
        events.add(
            channel,
            4104,
            f"02:00:0{number}",
            MessageNumber=number,
            MessageTotal=2,
            ScriptBlockText=text,
            ScriptBlockId="b1",
        )
    rule = tmp_path / "rule.yml"
    rule.write_text(
        RULE.format(
            title="Both",
            id="11111111-0000-4000-8000-000000000003",
            source="category: ps_script",
            field="ScriptBlockText|contains|all",
            value="One-Of-It",
        ).replace("'One-Of-It'", "['One-Of-It', 'Two-Of-It']")
    )
    found = document(events.write(), rules=[rule])
    # The event that stands for the block is its first part, which was logged second.
    assert [(f["count"], f["evidence"][0]["line"]) for f in found["findings"]] == [(1, 2)]


def test_a_correlation_over_events(events: Events, tmp_path: Path) -> None:
    for second in range(3):
        events.add("Security", 4625, f"02:00:0{second}", TargetUserName="anna")
        events.add("Security", 4625, f"02:0{second}:30", TargetUserName="bela")
    rule = tmp_path / "rule.yml"
    base = RULE.format(
        title="Failed logon",
        id="11111111-0000-4000-8000-000000000004",
        source="service: security",
        field="EventID",
        value="4625",
    )
    rule.write_text(
        base + "name: failed\n---\ntitle: Many failed logons\nid: 11111111-0000-4000-8000-000000000005\n"
        "correlation:\n    type: event_count\n    rules: [failed]\n    group-by: [TargetUserName]\n    timespan: 10s\n"
        "    condition: {gte: 3}\nlevel: high\n"
    )
    assert titles(document(events.write(), rules=[rule])) == {"Many failed logons": 3}


def test_a_cmdlet_in_both_logs_counts_once_and_one_that_only_the_event_log_has_counts_too(
    events: Events, tmp_path: Path
) -> None:
    commands(events)
    for time, mailbox in (("02:10:00", "anna"), ("02:20:00", "bela")):
        events.add(
            "MSExchange Management",
            1,
            time,
            Cmdlet="New-MailboxExportRequest",
            Parameters=f'-Mailbox "{mailbox}@corp.example" -FilePath "\\\\EX01\\c$\\a.pst"',
        )
    log = tmp_path / "cmdlet" / "Rps_Cmdlet_2021030302-1.LOG"
    log.parent.mkdir()
    log.write_text(
        "#Log-type: Rps Cmdlet Logs\n#Fields: DateTime,ServerHostName,Cmdlet,Parameters,ErrorType,ExecutionResult\n"
        '2021-03-03T02:10:00.500Z,EX01,New-MailboxExportRequest,"-Mailbox ""anna@corp.example"" '
        '-FilePath ""\\\\EX01\\c$\\a.pst""",,Success\n'
    )
    found = document(events.write(), log)
    assert {(row["mailbox"], row["requests"]) for row in found["mailboxes"]} == {
        ("anna@corp.example", 1),
        ("bela@corp.example", 1),
    }
