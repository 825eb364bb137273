from __future__ import annotations

import pytest

from brokenseal.incident.export_parameters import mailbox_parameter
from brokenseal.incident.summary import amount


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (31_249_000, "31.2 MB"), (5_000_000_000_000, "5.0 TB")],
)
def test_amounts(number: int, text: str) -> None:
    assert amount(number) == text


@pytest.mark.parametrize(
    ("parameters", "mailbox"),
    [
        ('-Mailbox "anna.berg@corp.example" -FilePath "\\\\127.0.0.1\\c$\\x.pst"', "anna.berg@corp.example"),
        ("-Mailbox Anna", "anna"),
        ("{Mailbox=anna@corp.example, FilePath=\\\\srv\\x.pst}", "anna@corp.example"),
        ('-Name "nothing"', None),
        ("", None),
    ],
)
def test_mailbox_of_an_export_request(parameters: str, mailbox: str | None) -> None:
    assert mailbox_parameter(parameters) == mailbox
