"""The ledger where the logs agree less well than in a textbook."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from brokenseal import scan
from brokenseal.incident.ledger_rows import BY_TIME, NO_BACKEND

Make = Callable[..., tuple[Path, dict[str, Any]]]


def rewrite(folder: Path, pattern: str, change: Callable[[dict[str, str], int], dict[str, str] | None]) -> None:
    """Apply *change* to every data row of the Exchange logs that match; None drops the row."""
    number = 0
    for path in sorted(folder.rglob(pattern)):
        header: list[str] = []
        out: list[str] = []
        for line in path.read_text("utf-8-sig").splitlines():
            if line.startswith("#Fields: "):
                header = line.removeprefix("#Fields: ").split(",")
            if line.startswith("#") or line.split(",")[0] == "DateTime":
                out.append(line)
                continue
            number += 1
            [cells] = csv.reader([line])
            row = change(dict(zip(header, cells, strict=True)), number)
            if row is not None:
                text = io.StringIO()
                csv.writer(text, lineterminator="").writerow(row.values())
                out.append(text.getvalue())
        path.write_text("".join(line + "\r\n" for line in out), "utf-8", newline="")


@pytest.fixture
def theft(simulated: Make, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    evidence, truth = simulated("mail-only")
    shutil.copytree(evidence, tmp_path / "evidence")
    return tmp_path / "evidence", truth


def mailboxes(evidence: Path) -> list[dict[str, Any]]:
    found = scan([evidence]).document["mailboxes"]
    assert isinstance(found, list)
    return found


def test_rows_whose_request_ids_differ_are_joined_by_time_and_it_is_said(theft: tuple[Path, dict[str, Any]]) -> None:
    evidence, truth = theft
    rewrite(evidence, "Ews_*.LOG", lambda row, n: {**row, "RequestId": str(UUID(int=n))})
    found = mailboxes(evidence)
    assert {(m["mailbox"], m["requests"], m["items_at_least"], m["bytes_at_least"]) for m in found} == {
        (m["mailbox"], m["requests"], m["items"], m["bytes"]) for m in truth["mailboxes"]
    }
    assert all(not m["complete"] and BY_TIME in m["incomplete_because"] for m in found)


def test_lost_back_end_rows_leave_bytes_without_a_mailbox_and_none_is_dropped(
    theft: tuple[Path, dict[str, Any]],
) -> None:
    evidence, truth = theft
    stolen = {m["mailbox"] for m in truth["mailboxes"]}
    lost = 0

    def drop_some(row: dict[str, str], number: int) -> dict[str, str] | None:
        nonlocal lost
        if row["ActAsUser"] in stolen and number % 3 == 0:
            lost += 1
            return None
        return row

    rewrite(evidence, "Ews_*.LOG", drop_some)
    assert lost
    found = mailboxes(evidence)
    assert sum(m["bytes_at_least"] for m in found) == sum(m["bytes"] for m in truth["mailboxes"])
    [unknown] = [m for m in found if m["mailbox"] is None]
    assert unknown["requests"] == lost
    assert NO_BACKEND in unknown["incomplete_because"]
    for row in found:
        [known] = [m for m in truth["mailboxes"] if m["mailbox"] == row["mailbox"]] or [None]
        if known is not None:
            assert row["items_at_least"] <= known["items"]
            assert row["bytes_at_least"] < known["bytes"]


def test_a_response_size_that_was_not_logged_makes_the_row_incomplete(theft: tuple[Path, dict[str, Any]]) -> None:
    evidence, truth = theft
    rewrite(
        evidence,
        "HttpProxy_*.LOG",
        lambda row, n: {**row, "ResponseBytes": ""} if "EWS" in row["AnchorMailbox"] else row,
    )
    found = mailboxes(evidence)
    assert {m["mailbox"] for m in found} == {m["mailbox"] for m in truth["mailboxes"]}
    assert all(m["bytes_at_least"] == 0 and not m["complete"] for m in found)


def test_normal_reading_of_the_same_mailbox_is_not_the_intruders(simulated: Make) -> None:
    evidence, truth = simulated("mail-only")
    victims = {m["mailbox"] for m in truth["mailboxes"]}
    ordinary = 0
    for path in evidence.rglob("Ews_*.LOG"):
        for line in path.read_text("utf-8-sig").splitlines():
            cells = line.split(",")
            ordinary += any(victim in cells for victim in victims) and not any(cell.endswith("EX01$") for cell in cells)
    assert ordinary > 0
    assert sum(m["requests"] for m in mailboxes(evidence)) == sum(m["requests"] for m in truth["mailboxes"])


HEADER = (
    "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2106.002\r\n#Log-type: Rps Cmdlet Logs\r\n"
    "#Fields: DateTime,ServerHostName,AuthenticatedUser,Cmdlet,Parameters,ExecutionResult\r\n"
)


def test_an_export_into_a_web_folder_is_an_intrusion_and_a_row_of_the_ledger(tmp_path: Path) -> None:
    parameters = (
        '"-Mailbox ""anna.berg@corp.example"" -FilePath ""\\\\127.0.0.1\\C$\\inetpub\\wwwroot\\aspnet_client\\x.aspx"""'
    )
    row = f"2021-03-03T04:05:06.000Z,EX01,CORP\\admin,New-MailboxExportRequest,{parameters},Success\r\n"
    (tmp_path / "Rps_Cmdlet_2021030304-1.LOG").write_text(HEADER + row, "utf-8", newline="")
    document = scan([tmp_path]).document
    assert document["verdict"] in ("breached", "mail_read")
    [mailbox] = mailboxes(tmp_path)
    assert (mailbox["mailbox"], mailbox["access"], mailbox["complete"]) == (
        "anna.berg@corp.example",
        "export-request",
        False,
    )


def test_an_administrators_own_export_is_neither(tmp_path: Path) -> None:
    parameters = '"-Mailbox ""anna.berg@corp.example"" -FilePath ""\\\\files.corp.example\\pst\\anna.pst"""'
    row = f"2021-03-03T04:05:06.000Z,EX01,CORP\\admin,New-MailboxExportRequest,{parameters},Success\r\n"
    (tmp_path / "Rps_Cmdlet_2021030304-1.LOG").write_text(HEADER + row, "utf-8", newline="")
    document = scan([tmp_path]).document
    assert (document["verdict"], document["findings"], document["mailboxes"]) == ("cannot_tell", [], [])
