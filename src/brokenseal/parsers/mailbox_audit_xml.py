"""Exchange's mailbox and administrator audit logs as XML: SearchResult.xml.

It is what New-MailboxAuditLogSearch and New-AdminAuditLogSearch send. Each `Event` element is a record, read by itself, so
that a damaged one loses nothing but itself. `time` says its zone.

References:
    https://learn.microsoft.com/en-us/exchange/policy-and-compliance/mailbox-audit-logging/export-mailbox-audit-logs
    https://learn.microsoft.com/en-us/exchange/policy-and-compliance/admin-audit-logging/log-structure
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.audit_shredding import audit_columns
from brokenseal.parsers.base import REJECT_TEXT_BYTES, Batch, Parsed, Reject
from brokenseal.parsers.blocks import BLOCK_BYTES, Readable, Tally
from brokenseal.parsers.exported_csv import NOT_READABLE
from brokenseal.parsers.mail_audit import MailAuditParser
from brokenseal.parsers.record_text import RecordLayout
from brokenseal.parsers.times import as_chunked, within_years
from brokenseal.parsers.winevent_columns import moments
from brokenseal.parsers.winevent_table import bisected, event_table
from brokenseal.parsers.xml_elements import Chunk, Element, XmlElements, XmlProblem, read_element

NO_TIME = "time cannot be read"

_EVENTS = ("Event", "AuditEvent")
_RECOGNISED = re.compile(r"<(?:Audit)?Event\s[^<]*?\b(?:LastAccessed|RunDate|MailboxGuid|Cmdlet)\s*=")
_encoded = json.JSONEncoder(ensure_ascii=False).encode
_NAME = re.compile(r"search[-_ ]?results?.*\.xml", re.IGNORECASE)
#: As Microsoft's own example has it, which is no XML.
_NAMELESS_ID = re.compile(r"<(ItemId|FolderId)=")
#: Elements of lists → the record's own name for them.
_LISTS = {"CmdletParameters": "Parameters", "SourceItems": "SourceItems"}


class MailboxAuditXml(MailAuditParser):
    __doc__ = __doc__
    kind = "mailbox_audit_xml"
    record_layout = RecordLayout.XML

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        return head.lstrip("\ufeff \t\r\n").startswith("<") and _RECOGNISED.search(head) is not None

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return _NAME.fullmatch(re.split(r"[\\/]", name)[-1]) is not None

    def batches(self, stream: Readable, tally: Tally, *, block_bytes: int | None = None) -> Iterator[Batch]:
        """The batches have no blocks: a file may be one line."""
        for chunks, raw_bytes in XmlElements(_EVENTS).chunks(stream, tally, block_bytes or BLOCK_BYTES):
            yield Batch(self._parsed(chunks), raw_bytes)

    def _parsed(self, chunks: list[Chunk]) -> Parsed:
        parsed = Parsed(self.schema().empty_table())
        records: list[str] = []
        kept: list[Chunk] = []
        for chunk in chunks:
            try:
                if chunk.problem:
                    raise XmlProblem(chunk.problem)
                record = _record(read_element(_NAMELESS_ID.sub(r"<\1 Id=", chunk.text)))
            except XmlProblem as problem:
                parsed.rejects.append(_refused(chunk, str(problem)))
            else:
                records.append(_encoded(record))
                kept.append(chunk)
        texts = pa.chunked_array([pa.array(records, pa.string())])
        table, failed = bisected(texts, audit_columns)
        parsed.rejects += [_refused(kept[at], NOT_READABLE) for at in failed.tolist()]
        if table is not None:
            parsed.table = self._table(table, [kept[at] for at in np.delete(np.arange(len(kept)), failed)], parsed)
        parsed.rejects.sort(key=lambda each: each.offset)
        parsed.rows_in = parsed.table.num_rows + len(parsed.rejects)
        return parsed

    def _table(self, table: pa.Table, chunks: list[Chunk], parsed: Parsed) -> pa.Table:
        times = moments(table.column("time"))
        good = np.asarray(pc.is_valid(times))
        parsed.rejects += [_refused(chunks[at], NO_TIME) for at in np.flatnonzero(~good).tolist()]
        made = {name: table.column(name) for name in table.column_names} | {"time": within_years(times)}
        made["line"] = as_chunked(pa.array([chunk.line for chunk in chunks], pa.int64()))
        made["offset"] = as_chunked(pa.array([chunk.offset for chunk in chunks], pa.int64()))
        return event_table(self.schema(), made).filter(pa.array(good))


def _record(event: Element) -> dict[str, object]:
    """The event's attributes, and its lists as lists of the attributes of their elements."""
    record: dict[str, object] = {"Workload": "Exchange", **event.attributes}
    for child in event.children:
        name = _LISTS.get(child.name, child.name)
        if child.children:
            record[name] = [each.attributes for each in child.children]
        elif child.text.strip() and name not in record:
            record[name] = child.text.strip()
    return record


def _refused(chunk: Chunk, reason: str) -> Reject:
    text = chunk.text.encode()[:REJECT_TEXT_BYTES].decode("utf-8", "ignore")
    return Reject(chunk.line, chunk.offset, reason, text)
