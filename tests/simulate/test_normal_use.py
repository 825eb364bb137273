from __future__ import annotations

import pytest

from brokenseal.simulate.httpproxy_rows import FrontEndRequest
from brokenseal.simulate.normal_use import NormalUse, Reading, hands_out_mail


def _request(**fields: object) -> FrontEndRequest:
    known: dict[str, object] = {
        "protocol": "Ews",
        "stem": "/EWS/Exchange.asmx",
        "host": "mail.corp.example",
        "client_ip": "192.0.2.7",
        "agent": "x",
        "account": "CORP\\a",
        "response_bytes": 10,
    }
    return FrontEndRequest(**(known | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"account": ""},
        {"status": 302},
        {"status": 401},
        {"protocol": "Ecp"},
        {"protocol": "Owa", "stem": "/owa/auth/logon.aspx"},
    ],
)
def test_what_hands_out_no_mail(fields: dict[str, object]) -> None:
    assert hands_out_mail(_request())
    assert not hands_out_mail(_request(**fields))


def test_only_watched_accounts_are_noted_and_both_ends_of_the_time_count() -> None:
    use = NormalUse()
    use.watch("CORP\\a")
    for end, account in ((30, "CORP\\a"), (10, "CORP\\a"), (20, "CORP\\a"), (20, "CORP\\b"), (31, "CORP\\a")):
        use.note(end, _request(account=account))
    use.note(15, _request(status=401))
    assert use.of("CORP\\a", 10, 30) == [Reading(end, "Ews", "192.0.2.7", 10) for end in (10, 20, 30)]
    assert use.of("CORP\\b", 0, 99) == []
