"""Binary and written forms of SIDs and GUIDs."""

from __future__ import annotations

from uuid import UUID

import pytest

from brokenseal.parsers.directory import DirectoryParser, as_guid, as_sid, guid_text, no_time, sid_text
from brokenseal.parsers.ldif import Ldif
from brokenseal.parsers.mailbox_list_csv import MailboxListCsv

GUID = "6d4fbdae-e3ae-4530-8d0b-f62a14687939"


def test_both_formats_make_one_table_of_states() -> None:
    assert Ldif.schema() == MailboxListCsv.schema() == DirectoryParser.schema()
    assert [time.isoformat() for time in no_time(2).to_pylist()] == ["1970-01-01T00:00:00+00:00"] * 2


def test_sids() -> None:
    # S-1-5-32-544, the administrators, as [MS-DTYP] 2.4.2.2 packs it.
    administrators = bytes.fromhex("01020000000000052000000020020000")
    assert sid_text(administrators) == "S-1-5-32-544"
    assert sid_text(administrators[:-1]) is sid_text(b"") is sid_text(b"\x02" + administrators[1:]) is None
    assert as_sid(" s-1-5-32-544") == "S-1-5-32-544"
    assert as_sid("S-1-5-32-544x") is None


def test_guids() -> None:
    assert guid_text(UUID(GUID).bytes_le) == GUID
    assert guid_text(b"short") is None
    assert as_guid("{" + GUID.upper() + "}") == GUID


@pytest.mark.parametrize("text", ["", "x" + GUID, "00000000-0000-0000-0000-000000000000", "System.Byte[]"])
def test_what_is_no_guid(text: str) -> None:
    assert as_guid(text) is None
