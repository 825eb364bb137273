"""Exchange's audit logs as XML: recognised by its records, and safe whatever it holds."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.blocks import MAX_LINE
from brokenseal.parsers.mailbox_audit_xml import MailboxAuditXml
from brokenseal.parsers.whole_file import Reading, read_log
from brokenseal.parsers.xml_elements import STRAY, TOO_LONG

EVENT = '<Event LastAccessed="2021-03-04T05:06:08Z" Operation="FolderBind" Owner="anna" />'


def read(text: str, block_bytes: int | None = None) -> Reading:
    return read_log(io.BytesIO(text.encode()), MailboxAuditXml, block_bytes=block_bytes)


@pytest.mark.parametrize("text", [EVENT, f"<SearchResults>{EVENT}", "\ufeff<x>\n" + EVENT.replace(" Op", "\n Op")])
def test_records_are_recognised(text: str) -> None:
    assert MailboxAuditXml.recognise_content(text)


@pytest.mark.parametrize(
    "text",
    [
        '<Event xmlns="urn:events"><System><EventID>1</EventID></System></Event>',
        "<SearchResults />",
        "",
        f"text {EVENT}",
    ],
)
def test_other_xml_is_not_taken(text: str) -> None:
    assert not MailboxAuditXml.recognise_content(text)


def test_a_search_that_found_nothing_is_known_by_its_name() -> None:
    assert MailboxAuditXml.recognise_name("SearchResult.xml")
    assert not MailboxAuditXml.recognise_name("web.xml")
    assert read('<?xml version="1.0"?>\n<SearchResults />\n').rows_in == 0


def test_a_document_type_is_refused_and_its_entities_are_unknown() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    reading = read(f'{bomb}<SearchResults><Event RunDate="2021-03-04T05:06:07Z" Cmdlet="&b;" />{EVENT}</SearchResults>')
    assert [each.reason for each in reading.rejects] == [STRAY, "XML is not well-formed (undefined entity)"]
    assert reading.events.num_rows == 1


@pytest.mark.parametrize("block_bytes", [100_000, None])
def test_an_element_that_is_too_long_loses_only_itself(block_bytes: int | None) -> None:
    long = EVENT.replace("anna", "x" * MAX_LINE)
    reading = read(f"<SearchResults>{EVENT}{long}{EVENT}</SearchResults>", block_bytes)
    assert [(each.reason, each.offset) for each in reading.rejects] == [(TOO_LONG, 15 + len(EVENT))]
    assert reading.events["offset"].to_pylist() == [15, 15 + len(EVENT) + len(long)]
