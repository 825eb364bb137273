from __future__ import annotations

import csv

from brokenseal.simulate.ecp_rows import EcpRequest, row
from brokenseal.simulate.organisation import UNPATCHED, found

_SERVER = found(1, 1, 1, None).servers[0]


def _cells(command: str, error: str = "") -> list[str]:
    request = EcpRequest(command, "/ecp/x.svc/Y?a=b", "session", "activity", "user", error=error)
    (cells,) = csv.reader([row(0, _SERVER, UNPATCHED, request)], strict=True)
    return cells


def test_plain_command_is_written_bare_with_all_keys_in_order() -> None:
    cells = _cells("Get-InboxRule")
    assert cells[:3] == ["1970-01-01T00:00:00.000Z", "EX01", "ECP.Request"]
    assert cells[3] == (
        "S:TIME=15;S:SID=session;S:CMD=Get-InboxRule;S:REQID=;S:URL=/ecp/x.svc/Y?a=b;S:REFERRER=;S:EX=;"
        "S:ACTID=activity;S:RS=0;S:BLD=15.1.2106.2;S:TNAME=<null>;S:TID=;S:USID=user;S:EDOID=;S:ACID="
    )


def test_value_with_special_characters_wraps_its_item_and_doubles_quotes() -> None:
    assert ";'S:CMD=Set-X.A=''b c''.C=$null';S:REQID=;" in _cells("Set-X.A='b c'.C=$null")[3]
    assert ";'S:EX=it''s; gone';" in _cells("Get-X", error="it's; gone")[3]


def test_double_quotes_and_commas_stay_inside_one_cell() -> None:
    cells = _cells("""Set-X.A='<b c="d">, e'""")
    assert len(cells) == 4
    assert """'S:CMD=Set-X.A=''<b c="d">, e'''""" in cells[3]
