from __future__ import annotations

import json

from brokenseal.simulate import Truth


def _truth() -> Truth:
    return Truth("hafnium", 1, "2021-01-01", 2, ["EX01"], ["iis"], "mail_read")


def test_ledger_adds_up_calls_per_mailbox_and_host() -> None:
    truth = _truth()
    truth.note_mail("a@corp.example", "EX01", "EX01", 1_000, items=0, size=10)
    truth.note_mail("a@corp.example", "EX01", "EX01", 2_000, items=4, size=20)
    truth.note_mail("a@corp.example", "EX02", "EX01", 3_000, items=1, size=5)
    first, second = truth.mailboxes
    assert (first.requests, first.items, first.bytes) == (2, 4, 30)
    assert (first.first, first.last) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z")
    assert (second.host, second.requests) == ("EX02", 1)


def test_refused_requests_do_not_prolong_a_shells_life() -> None:
    truth = _truth()
    truth.note_shell("/owa/auth/x.aspx", "EX01", 1_000, answered=True)
    truth.note_shell("/owa/auth/x.aspx", "EX01", 2_000, answered=True)
    truth.note_shell("/owa/auth/x.aspx", "EX01", 9_000, answered=False)
    (shell,) = truth.webshells
    assert (shell.requests, shell.refused, shell.state) == (2, 1, "removed")
    assert shell.last_used == "1970-01-01T00:00:02.000Z"


def test_a_file_that_is_deleted_keeps_its_row_and_other_hosts_files_stay() -> None:
    truth = _truth()
    for host in ("EX01", "EX02"):
        truth.note_file(host, 1_000, "C:\\ProgramData\\a.zip", "7z.exe")
    truth.note_removed("C:\\ProgramData\\a.zip", "EX02", 5_000)
    first, second = truth.files_written
    assert (first.removed, second.removed) == (None, "1970-01-01T00:00:05.000Z")


def test_what_hosts_show_is_in_the_document() -> None:
    truth = _truth()
    truth.note_process("EX01", 1_000, "C:\\a.exe", "a b", "C:\\p.exe", pid=8, parent_pid=4)
    truth.note_export("a@corp.example", "EX01", 2_000, "\\\\EX01\\C$\\a.pst")
    for stage in ("commands_run", "commands_run", "mailbox_exported"):
        truth.note_host_stage(stage)
    document = json.loads(truth.to_json())
    assert document["processes"] == [
        {
            "host": "EX01",
            "time": "1970-01-01T00:00:01.000Z",
            "image": "C:\\a.exe",
            "command_line": "a b",
            "parent_image": "C:\\p.exe",
            "pid": 8,
            "parent_pid": 4,
        }
    ]
    assert document["exports"][0]["path"] == "\\\\EX01\\C$\\a.pst"
    assert document["host_stages"] == ["commands_run", "mailbox_exported"]
    assert document["mailboxes"] == []


def test_attackers_and_stages_are_noted_once_in_order() -> None:
    truth = _truth()
    for ip in ("203.0.113.2", "203.0.113.1", "203.0.113.2"):
        truth.note_attacker(ip)
        truth.note_stage(f"stage of {ip}")
    document = json.loads(truth.to_json())
    assert document["attacker_ips"] == ["203.0.113.2", "203.0.113.1"]
    assert document["stages"] == ["stage of 203.0.113.2", "stage of 203.0.113.1"]
