"""The table of audit records: one for all formats."""

from __future__ import annotations

from brokenseal.parsers.mail_audit import TABLE, MailAuditParser
from brokenseal.parsers.mailbox_audit_csv import MailboxAuditCsv
from brokenseal.parsers.mailbox_audit_xml import MailboxAuditXml
from brokenseal.parsers.unified_audit_csv import UnifiedAuditCsv
from brokenseal.parsers.unified_audit_json import UnifiedAuditJson


def test_all_formats_make_one_table() -> None:
    for parser in (MailboxAuditCsv, MailboxAuditXml, UnifiedAuditCsv, UnifiedAuditJson):
        assert parser.table == TABLE
        assert parser.schema() == MailAuditParser.schema()


def test_numbers_are_numbers() -> None:
    kinds = {field.name: str(field.type) for field in MailAuditParser.schema()}
    assert {name for name, kind in kinds.items() if kind == "int64"} == {
        "line",
        "offset",
        "Items",
        "ItemBytes",
        "OperationCount",
    }
