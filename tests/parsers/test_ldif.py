"""Directory exports as LDIF: entries however they are folded, coded and cut."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.blocks import MAX_LINE
from brokenseal.parsers.ldif import NO_DN, NOT_BASE64, TOO_LONG, Ldif
from brokenseal.parsers.whole_file import Reading, read_log


def read(text: str, block_bytes: int | None = None) -> Reading:
    return read_log(io.BytesIO(text.encode()), Ldif, block_bytes=block_bytes)


@pytest.mark.parametrize("text", ["dn: cn=x", "version: 1\r\n\r\ndn:: YQ==", "# a\n b\n\ndn: x", "\ufeffdn:cn=x"])
def test_entries_are_recognised(text: str) -> None:
    assert Ldif.recognise_content(text)


@pytest.mark.parametrize("text", ["", "dn:", "dn: ", "name: x\ndn: y", "# only\n", "dnx: y", "{}", "DN,mail\n"])
def test_other_text_is_not_taken(text: str) -> None:
    assert not Ldif.recognise_content(text)


@pytest.mark.parametrize("block_bytes", [1, 10, None])
def test_folded_values_and_comments_between(block_bytes: int | None) -> None:
    text = "dn: cn=x,\r\n dc=\r\n example\r\n# no\r\n comment\r\nMail: a@x.ex\r\n ample\r\n\r\n\r\n# end"
    reading = read(text, block_bytes)
    (row,) = reading.events.to_pylist()
    assert (row["DistinguishedName"], row["PrimarySmtpAddress"], row["line"]) == ("cn=x,dc=example", "a@x.example", 1)
    assert not reading.rejects


def test_values_that_are_no_base64_are_counted() -> None:
    reading = read("dn: cn=x\nobjectSid:: ***\nmsExchMailboxGuid:: AAAA\n")
    assert reading.warnings == {NOT_BASE64: 1}
    assert reading.events["Sid"].to_pylist() == reading.events["ExchangeGuid"].to_pylist() == [None]


def test_an_entry_without_dn_is_rejected() -> None:
    assert [(each.line, each.reason) for each in read("mail: a@x.example\n\ndn: cn=x\n").rejects] == [(1, NO_DN)]


@pytest.mark.parametrize("block_bytes", [1 << 20, None])
def test_an_entry_that_is_too_long_loses_only_itself(block_bytes: int | None) -> None:
    photo = "".join(f" {'A' * 99_998}\n" for _ in range(MAX_LINE // 100_000 + 1))
    reading = read(f"dn: cn=a\n\n# b\ndn: cn=b\njpegPhoto::\n{photo}\ndn: cn=c\n", block_bytes)
    assert [(each.line, each.reason) for each in reading.rejects] == [(4, TOO_LONG)]
    assert reading.events["DistinguishedName"].to_pylist() == ["cn=a", "cn=c"]
