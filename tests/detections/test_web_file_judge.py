"""Which files are judged, and what the judge makes of pages, records of compiled pages and settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokenseal.detections.web_file_judge import WebFileJudge
from brokenseal.errors import UsageError

WWW = "C:\\inetpub\\wwwroot\\"
OWA = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\"
TEMPORARY = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\owa\\8f59d6e5\\689c3db3\\"
JUDGE = WebFileJudge()


@pytest.mark.parametrize(
    ("path", "insists", "wants"),
    [
        (WWW + "a.aspx", True, True),
        ("D:\\sites\\shop\\a.ashx", True, True),
        ("a.php", True, True),
        (WWW + "a.aspx::$DATA", True, True),
        (OWA + "auth\\logo.png", True, True),
        (OWA + "auth\\u_ex210303.log", False, True),
        (OWA + "auth\\noextension", False, True),
        (OWA + "web.config", True, True),
        ("C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config", True, True),
        ("C:\\Windows\\System32\\inetsrv\\odd.dll", True, True),
        ("C:\\Windows\\System32\\inetsrv\\Microsoft.log", False, False),
        (TEMPORARY + "x.aspx.cdcab7d2.compiled", True, True),
        (TEMPORARY + "App_Web_abc.dll", False, False),
        ("C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex210303.log", False, False),
        ("C:\\Users\\a\\notes.txt", False, False),
    ],
)
def test_which_files_are_judged(path: str, insists: bool, wants: bool) -> None:
    assert (JUDGE.insists(path), JUDGE.wants(path)) == (insists, wants)
    assert (JUDGE.insists(path.replace("\\", "/")), JUDGE.wants(path.replace("\\", "/"))) == (insists, wants)


def test_an_ordinary_page() -> None:
    page = b'<%@ Page Language="C#" %><html><body><asp:Label runat="server" Text="Closed on Sunday" /></body></html>'
    judged = JUDGE.judge(WWW + "closed.aspx", page, len(page))
    assert set(judged.rows) == {1}
    assert judged.rows[1]["language"] == "aspx"
    assert judged.rows[1]["suspicious"] is None


def test_the_record_of_a_compiled_page_names_the_page() -> None:
    record = b'<?xml version="1.0"?><preserve resultType="3" virtualPath="/owa/auth/x.aspx" assembly="App_Web_q" />'
    assert (
        JUDGE.judge(TEMPORARY + "x.aspx.cdcab7d2.compiled", record, len(record)).rows[1]["page"] == "/owa/auth/x.aspx"
    )
    broken = b"<preserve"
    assert JUDGE.judge(TEMPORARY + "x.aspx.cdcab7d2.compiled", broken, len(broken)).rows[1].get("page") is None


SETTINGS = b"""<configuration>
  <system.webServer>
    <handlers>
      <add name="pictures" path="*.png" verb="*" type="System.Web.UI.PageHandlerFactory" />
    </handlers>
    <rewrite><rules>
      <rule name="X-AnonResource-Backend Abort - inbound">
        <match url=".*" />
        <conditions><add input="{HTTP_COOKIE}" pattern="(.*)X-AnonResource-Backend(.*)" /></conditions>
        <action type="AbortRequest" />
      </rule>
    </rules></rewrite>
  </system.webServer>
</configuration>
"""


def test_settings_are_told_line_by_line() -> None:
    rows = JUDGE.judge(OWA + "web.config", SETTINGS, len(SETTINGS)).rows
    assert rows[1]["language"] == "config"
    assert rows[1].get("oddity") is None
    assert (rows[4]["oddity"], rows[4]["oddity_weight"]) == ("static file run as code", "grave")
    assert (rows[7]["oddity"], rows[7]["oddity_weight"]) == ("mitigation of CVE-2021-26855", "note")
    assert "in force" in str(rows[7]["oddity_text"])


def test_settings_that_are_no_xml_are_said_to_be_so() -> None:
    judged = JUDGE.judge(OWA + "web.config", b"<configuration><a", 17)
    assert any("cannot be read as a configuration file" in note for note in judged.notes)


def test_the_sites_of_a_server_are_kept_for_later() -> None:
    sites = (
        b'<configuration><system.applicationHost><sites><site name="Shop" id="3"><application path="/">'
        b'<virtualDirectory path="/" physicalPath="%SystemDrive%\\shop" /></application></site></sites>'
        b"</system.applicationHost></configuration>"
    )
    path = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
    assert JUDGE.judge(path, sites, len(sites)).rows[1]["folders"] == '[["Shop", "/", "C:\\\\shop"]]'


def test_the_fingerprint_changes_with_the_users_rules(tmp_path: Path) -> None:
    rule = tmp_path / "one.yar"
    rule.write_text('rule one { strings: $a = "qqq" condition: $a }')
    first = WebFileJudge([tmp_path])
    assert first.fingerprint != JUDGE.fingerprint
    rule.write_text('rule one { strings: $a = "zzz" condition: $a }')
    assert WebFileJudge([tmp_path]).fingerprint != first.fingerprint


def test_the_users_rules_run_and_wrong_ones_are_named(tmp_path: Path) -> None:
    (tmp_path / "one.yar").write_text(
        'rule mark { strings: $a = "qqq" condition: $a }\nrule wrong { condition: nothing }'
    )
    judge = WebFileJudge([tmp_path])
    assert judge.judge(WWW + "a.txt", b"a qqq", 5).rows[1]["yara"] == "mark"
    assert len(judge.problems) == 1
    assert "wrong" in judge.problems[0] or "nothing" in judge.problems[0]
    with pytest.raises(UsageError, match="no YARA rules"):
        WebFileJudge([tmp_path / "absent"])
