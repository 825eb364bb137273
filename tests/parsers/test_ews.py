"""EWS: known by its fields, and what a damaged row may lose."""

from __future__ import annotations

import io

from brokenseal.parsers import Ews, identify
from brokenseal.parsers.whole_file import read_log

FIELDS = (
    "DateTime,RequestId,IsAuthenticated,AuthenticatedUser,ServerHostName,FrontEndServer,SoapAction,HttpStatus,RequestSize,"
    "ResponseSize,ErrorCode,ImpersonatedUser,ProxyAsUser,ActAsUser,Cookie,CorrelationGuid,LocalIdCount,GenericErrors"
)
ROW = (
    "2021-03-03T07:00:00.130Z,8f3c1a52,true,CORP\\EX01$,EX01,EX01.corp.example,GetItem,200,666,,,ceo@corp.example,,"
    "ceo@corp.example,0a1b,c0ffee,10,"
)


def test_it_is_known_by_its_fields_without_a_log_type() -> None:
    assert identify(f"#Fields: {FIELDS}\r\n".encode(), "x.txt") is Ews
    assert identify(f"{FIELDS}\r\n{ROW}\r\n".encode(), "x.txt") is Ews


def test_commas_in_the_errors_do_not_change_whose_mailbox_it_was() -> None:
    text = f'#Fields: {FIELDS}\r\n{ROW}System.Exception: one, two, "three", four\r\n'
    (event,) = read_log(io.BytesIO(text.encode()), Ews).events.to_pylist()
    assert event["ActAsUser"] == event["ImpersonatedUser"] == "ceo@corp.example"
    assert (event["SoapAction"], event["HttpStatus"], event["LocalIdCount"]) == ("GetItem", 200, 10)
    assert event["host"] == "EX01"
    assert event["ResponseSize"] is None


def test_a_column_too_many_does_not_shift_the_others() -> None:
    shifted = ROW.replace("8f3c1a52,", "8f3c1a52,Ring1,")
    text = f"#Fields: {FIELDS}\r\n{shifted}\r\n{ROW}\r\n"
    reading = read_log(io.BytesIO(text.encode()), Ews)
    first, second = reading.events.to_pylist()
    assert first["ActAsUser"] == second["ActAsUser"] == "ceo@corp.example"
    # The surplus can only belong to the one free column before IsAuthenticated.
    assert first["RequestId"] == "8f3c1a52,Ring1"
    assert first["AuthenticatedUser"] == "CORP\\EX01$"
