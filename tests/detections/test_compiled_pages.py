"""Records of compiled pages: what they name, and which page is no more there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.compiled_pages import application_of, page_of_name, read_compiled, without_file
from brokenseal.detections.plain_xml import XmlProblem

TEMPORARY = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files"


def compiled(url: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\r\n<preserve resultType="3" virtualPath="{url}" hash="1f" filehash="2e" '
        f'flags="110000" assembly="App_Web_abc12345" type="ASP.page">\r\n <filedeps>\r\n  <filedep name="{url}" />\r\n'
        '  <filedep name="/owa/web.config" />\r\n </filedeps>\r\n</preserve>'
    ).encode()


def test_what_a_record_says() -> None:
    page = read_compiled(compiled("/owa/auth/x.aspx"), "x.compiled")
    assert (page.virtual_path, page.assembly, page.file_hash) == ("/owa/auth/x.aspx", "App_Web_abc12345", "2e")
    assert (page.type_name, page.result_type) == ("ASP.page", "3")
    assert page.dependencies == ("/owa/auth/x.aspx", "/owa/web.config")


@pytest.mark.parametrize(
    "data", [b"<other/>", b"<preserve/>", b"", b'<!DOCTYPE p [<!ENTITY e "x">]><preserve virtualPath="&e;"/>']
)
def test_what_is_no_record(data: bytes) -> None:
    with pytest.raises(XmlProblem):
        read_compiled(data, "x")


@pytest.mark.parametrize(
    ("name", "page"),
    [
        (f"{TEMPORARY}\\owa\\1\\2\\logon.aspx.cdcab7d2.compiled", "logon.aspx"),
        ("win.ashx.1a2b3c4.compiled", "win.ashx"),
        ("App_global.asax.compiled", None),
        ("x.aspx", None),
    ],
)
def test_the_page_is_in_the_name(name: str, page: str | None) -> None:
    assert page_of_name(name) == page


def test_the_application_is_in_the_path() -> None:
    assert application_of(f"{TEMPORARY}\\owa\\8e05b027\\e164d61b\\x.dll") == "owa"
    assert application_of(f"{TEMPORARY}\\root") is None
    assert application_of("C:\\x") is None


def test_a_page_that_is_gone_stands_out() -> None:
    urls = ["/owa/auth/logon.aspx", "/owa/auth/gone.aspx", "/aspnet_client/also.aspx", "/ecp/default.aspx"]
    pages = [read_compiled(compiled(url), url) for url in urls]
    there = [
        "C:\\Exchange\\FrontEnd\\HttpProxy\\owa\\auth\\LOGON.aspx",
        "C:/Exchange/ClientAccess/ecp/default.aspx",
        "C:\\backup\\gone.aspx",
    ]
    assert [page.virtual_path for page in without_file(pages, there)] == [
        "/owa/auth/gone.aspx",
        "/aspnet_client/also.aspx",
    ]


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300), st.binary(max_size=5))
def test_any_bytes(data: bytes, at: int, piece: bytes) -> None:
    whole = compiled("/owa/x.aspx")
    for each in (data, whole[:at] + piece + whole[at:]):
        try:
            assert read_compiled(each, "x").virtual_path
        except XmlProblem as problem:
            assert str(problem)
