"""What the simulator exports is read by the product's own parsers: each record a row, nothing rejected."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from brokenseal.parsers import Parser
from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.unified_audit_csv import UnifiedAuditCsv
from brokenseal.parsers.unified_audit_json import UnifiedAuditJson
from brokenseal.parsers.whole_file import read_log
from brokenseal.simulate.audit_exports import american, csv_file

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation

PARSERS: dict[str, type[Parser]] = {
    "exports/unified-audit.csv": UnifiedAuditCsv,
    "exports/unified-audit.jsonl": UnifiedAuditJson,
    "exports/mailbox-audit.csv": MailboxAuditCsv,
}


@pytest.mark.parametrize("path", PARSERS)
def test_audit_exports_are_read_without_rejects(simulation: Simulation, path: str) -> None:
    made = simulation("cloud-session", users=4, days=5)
    data = (made.evidence / path).read_bytes()
    assert PARSERS[path].recognise_content(data[:4096].decode("utf-8-sig", "ignore"))
    reading = read_log(io.BytesIO(data), PARSERS[path], name=path.rpartition("/")[2])
    assert not reading.rejects
    assert reading.rows_in == len(reading.events) == made.truth.audit_logs[path]
    first = min(row["time"] for row in reading.events.to_pylist()).isoformat()
    assert first[:8] == "2021-02-" or first[:8] == "2021-03-"


def test_messages_of_single_accesses_are_counted_by_the_parser(simulation: Simulation) -> None:
    made = simulation("cloud-session", users=4, days=5)
    access = made.truth.mail_access[0]
    data = (made.evidence / "exports/unified-audit.jsonl").read_bytes()
    rows = read_log(io.BytesIO(data), UnifiedAuditJson, name="a.jsonl").events.to_pylist()
    read = [row for row in rows if row["Mailbox"] == access.mailbox and row["ClientIP"] in access.source_ips]
    different = {row["Duplicate"]: row for row in read if row["Operation"] == "MailItemsAccessed"}
    assert len(different) == access.requests
    assert len({each for row in different.values() for each in json.loads(row["MessageIds"])}) == access.items
    assert sum(row["ItemBytes"] for row in different.values()) == access.bytes


def test_times_are_those_of_an_american_shell() -> None:
    midnight = 1_614_470_400_000  # 2021-02-28
    assert american(midnight) == "2/28/2021 12:00:00 AM"
    assert american(midnight + 43_200_000) == "2/28/2021 12:00:00 PM"
    assert american(midnight + 83_109_000) == "2/28/2021 11:05:09 PM"


def test_cells_are_quoted_and_the_type_is_named() -> None:
    data = csv_file(("a", "b"), [('say "x", y', "")], "Some.Type")
    assert data.decode("utf-8-sig") == '#TYPE Some.Type\r\n"a","b"\r\n"say ""x"", y",""\r\n'
