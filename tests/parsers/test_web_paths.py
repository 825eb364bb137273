"""Which rows of a listing are kept."""

from __future__ import annotations

import pyarrow as pa
import pytest

from brokenseal.parsers.web_paths import below, kept, scripts


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C:\\inetpub\\wwwroot\\iisstart.htm", True),
        ("\\inetpub", True),
        ("c:/INETPUB/logs/x.log", True),
        ("D:\\Exchange\\FrontEnd\\HttpProxy\\owa\\auth\\x.png", True),
        ("D:\\Exchange\\ClientAccess\\ecp\\x.txt", True),
        ("C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\owa\\x.compiled", True),
        ("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\x.dll", True),
        ("C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config", True),
        ("E:\\shop\\a.ASPX", True),
        ("E:\\shop\\web.config", True),
        ("E:\\shop\\app.config", False),
        ("E:\\FrontEnd\\x\\HttpProxy\\a.txt", False),
        ("E:\\myinetpub\\a.txt", False),
        ("C:\\Windows\\System32\\ntdll.dll", False),
        ("E:\\a.aspx.txt", False),
        (None, False),
    ],
)
def test_kept(path: str | None, expected: bool) -> None:
    assert kept(pa.chunked_array([[path]], pa.string())).tolist() == [expected]


def test_a_name_alone_shows_a_script_but_no_folder() -> None:
    names = pa.array(["a.ashx", "web.config", "wwwroot", "x"])
    assert scripts(names).tolist() == [True, True, False, False]
    assert below(names).tolist() == [False, False, True, False]
