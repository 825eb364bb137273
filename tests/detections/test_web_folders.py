"""Web folders, the URLs of their files, and the names that Exchange itself has there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.detections.web_folder_data import WebFolder, tables
from brokenseal.detections.web_folders import (
    LookAlike,
    WebFolders,
    built_in,
    is_own_name,
    is_script,
    url_of,
    web_folder_of,
    without_version,
)

EXCHANGE = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"
OWA_AUTH = f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth"


@pytest.mark.parametrize(
    ("path", "site", "url"),
    [
        (f"{OWA_AUTH}\\logon.aspx", "front end", "/owa/auth/logon.aspx"),
        ("d:/ex/frontend/httpproxy/OAB/x.aspx", "front end", "/OAB/x.aspx"),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\sync\\x.ashx", "front end", "/Microsoft-Server-ActiveSync/x.ashx"),
        (f"{EXCHANGE}\\ClientAccess\\exchweb\\ews\\x.asmx", "back end", "/EWS/x.asmx"),
        (f"{EXCHANGE}\\ClientAccess\\mapi\\nspi\\x.aspx", "back end", "/mapi/nspi/x.aspx"),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\bin\\exppw.dll", "front end", None),
        (
            "C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\a1b2.aspx",
            "front end",
            "/aspnet_client/system_web/a1b2.aspx",
        ),
        ("\\inetpub\\wwwroot", "front end", "/"),
        ("E:\\shop\\aspnet_client\\x.aspx", "other", None),
        (
            "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\owa\\1\\2\\x.dll",
            "other",
            None,
        ),
    ],
)
def test_the_folder_and_the_url_of_a_path(path: str, site: str, url: str | None) -> None:
    placed = web_folder_of(path)
    assert placed is not None
    assert placed.folder.site == site
    assert url_of(path) == url


@pytest.mark.parametrize(
    "path", ["C:\\Windows\\System32\\x.dll", "", "\\", "C:\\FrontEnd\\x\\HttpProxy\\a.aspx", "inetpub2\\x"]
)
def test_other_paths_lie_in_no_web_folder(path: str) -> None:
    assert web_folder_of(path) is None
    assert url_of(path) is None


def test_a_url_may_stand_for_a_file_of_either_site() -> None:
    assert built_in().path_ends("/OWA/auth/x.aspx?a=1") == (
        "frontend\\httpproxy\\owa\\auth\\x.aspx",
        "clientaccess\\owa\\auth\\x.aspx",
    )
    assert built_in().path_ends("/aspnet_client/x.aspx") == ("inetpub\\wwwroot\\aspnet_client\\x.aspx",)
    assert built_in().path_ends("/x.aspx") == ("inetpub\\wwwroot\\x.aspx",)
    assert built_in().path_ends("/owa/x.aspx", "back end") == ("clientaccess\\owa\\x.aspx",)


@pytest.mark.parametrize("folder", [each for each in tables().folders if each.url])
def test_path_and_url_lead_to_each_other(folder: WebFolder) -> None:
    path = f"C:\\{folder.path}\\sub\\page.aspx"
    url = url_of(path)
    assert url is not None
    assert f"{folder.path}\\sub\\page.aspx".lower() in built_in().path_ends(url, folder.site)


def test_folders_of_the_servers_own_configuration() -> None:
    folders = WebFolders(
        [WebFolder("D:\\Sites\\Shop", "Shop", "pages", "/"), WebFolder("D:\\x\\owa", "front end", "pages", "/owa2")]
    )
    assert folders.url_of("d:\\sites\\SHOP\\a\\b.aspx") == "/a/b.aspx"
    assert folders.url_of("D:\\x\\owa\\b.aspx") == "/owa2/b.aspx"
    assert folders.of("D:\\backup\\Sites\\Shop\\b.aspx") is None
    assert folders.url_of(f"{OWA_AUTH}\\logon.aspx") == "/owa/auth/logon.aspx"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (f"{OWA_AUTH}\\errorfe.ASPX", True),
        (f"{OWA_AUTH}\\errorEE.aspx", False),
        (f"{OWA_AUTH}\\TimeoutLogout.aspx", False),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\ecp\\auth\\TimeoutLogout.aspx", True),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\ecp\\auth\\TimeoutLogoff.aspx", False),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\oab\\web.config", True),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\oab\\log.aspx", False),
        (f"{OWA_AUTH}\\15.1.2106\\themes\\resources\\logon.css", True),
        (f"{OWA_AUTH}\\Current\\themes\\resources\\logon.aspx", False),
        (f"{OWA_AUTH}\\15.2.792\\themes\\resources\\new.png", None),
        (f"{EXCHANGE}\\ClientAccess\\ecp\\default.aspx", True),
        (f"{EXCHANGE}\\ClientAccess\\ecp\\help.aspx", False),
        (f"{EXCHANGE}\\ClientAccess\\ecp\\Antispam\\x.aspx", None),
        (f"{EXCHANGE}\\ClientAccess\\owa\\x.aspx", None),
        ("C:\\inetpub\\wwwroot\\aspnet_client\\web.config", True),
        ("C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\4_0_30319\\x.aspx", False),
        ("C:\\inetpub\\wwwroot\\iisstart.htm", True),
        ("C:\\inetpub\\wwwroot\\shop.aspx", None),
        ("C:\\x.aspx", None),
    ],
)
def test_names_that_exchange_has_itself(path: str, own: bool | None) -> None:
    assert is_own_name(path) is own


def test_names_differ_between_products() -> None:
    assert is_own_name(f"{OWA_AUTH}\\SvmFeedback.aspx", "2013") is True
    assert is_own_name(f"{OWA_AUTH}\\SvmFeedback.aspx", "2019") is False
    assert is_own_name(f"{OWA_AUTH}\\frowny.aspx", "2013") is False
    assert is_own_name(f"{OWA_AUTH}\\frowny.aspx", "SE") is True
    assert is_own_name(f"{EXCHANGE}\\ClientAccess\\ecp\\help.aspx", "2016") is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"{OWA_AUTH}\\OutlookEN.aspx", LookAlike("OutlookEN.aspx", "OutlookCN.aspx", True)),
        (
            f"{OWA_AUTH}\\RedirSuiteServerProxy.aspx",
            LookAlike("RedirSuiteServerProxy.aspx", "RedirSuiteServiceProxy.aspx", True),
        ),
        (f"{OWA_AUTH}\\TimeoutLogout.aspx", LookAlike("TimeoutLogout.aspx", "TimeoutLogout.aspx", True)),
        (f"{OWA_AUTH}\\logom.aspx", LookAlike("logom.aspx", "logon.aspx", False)),
        (f"{OWA_AUTH}\\ExpiredPasswords.aspx", LookAlike("ExpiredPasswords.aspx", "ExpiredPassword.aspx", False)),
        ("C:\\inetpub\\wwwroot\\aspnet_client\\discover.aspx", LookAlike("discover.aspx", None, True)),
        (f"{OWA_AUTH}\\OutlookCN.aspx", None),
        (f"{OWA_AUTH}\\unrelated.aspx", None),
        (f"{OWA_AUTH}\\logom.txt", None),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\ecp\\auth\\TimeoutLogout.aspx", None),
    ],
)
def test_look_alikes(path: str, found: LookAlike | None) -> None:
    assert built_in().look_alike(path) == found


@pytest.mark.parametrize(
    "name", ["a.aspx", "A.ASHX", "a.aspx.", "a.aspx ", "a.aspx::$DATA", "a.asp;.jpg", "b.php7", "x.jsp", "g.svc"]
)
def test_scripts(name: str) -> None:
    assert is_script(f"C:\\inetpub\\{name}")


@pytest.mark.parametrize("name", ["a.txt", "aspx", "a.aspx.txt", "a.png", "web.config", ""])
def test_no_scripts(name: str) -> None:
    assert not is_script(f"C:\\inetpub\\x\\{name}" if name else "")


def test_the_folder_of_a_build_has_one_name() -> None:
    assert (
        without_version("owa\\auth\\15.1.2106\\a.js")
        == without_version("owa\\auth\\Current\\a.js")
        == "owa\\auth\\version\\a.js"
    )
    assert without_version("owa\\prem\\15.1.2106.13\\15.1.2106.13") == "owa\\prem\\version\\15.1.2106.13"


@given(st.text(alphabet="\\/:.aA$\0;* ~é1", max_size=40))
def test_any_path(path: str) -> None:
    for given_path in (path, f"{OWA_AUTH}\\{path}"):
        built_in().of(given_path)
        built_in().url_of(given_path)
        built_in().look_alike(given_path)
        built_in().path_ends(given_path)
        is_script(given_path)
