"""What configuration files of IIS say, and what is odd in them. All samples are made up; none is from a server."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.iis_configuration import Configuration, read_configuration
from brokenseal.detections.iis_oddities import GRAVE, NOTE, ODD, mitigations_in, oddities

SITES = """<configuration>
 <system.applicationHost><sites>
  <site name="Default Web Site" id="1">
   <application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" />
    <virtualDirectory path="/x" physicalPath="C:\\ProgramData\\COM1\\x" /></application>
   <application path="/owa" applicationPool="MSExchangeOWAAppPool">
    <virtualDirectory path="/" physicalPath="D:\\Ex\\FrontEnd\\HttpProxy\\owa" /></application>
   <application path="/ecp"><virtualDirectory path="/" physicalPath="D:\\pages" /></application>
   <application path="/help"><virtualDirectory path="/" physicalPath="D:\\help" /></application>
  </site>
  <site name="Shop" id="3"><application path="/">
   <virtualDirectory path="/" physicalPath="D:\\Shop\\" /></application></site>
 </sites></system.applicationHost>
</configuration>"""
MICROSOFT = "Culture=neutral, PublicKeyToken=31bf3856ad364e35"


def read(text: str) -> Configuration:
    found = read_configuration(text.encode(), "web.config")
    assert found.problem is None
    return found


def inside(section: str) -> str:
    return f"<configuration>\n{section}\n</configuration>"


def found_in(text: str) -> list[tuple[str, str, int]]:
    return [(each.kind, each.weight, each.line) for each in oddities(read(text))]


def test_sites_and_their_folders() -> None:
    configuration = read(SITES)
    assert [(each.site, each.url, each.place.line) for each in configuration.directories] == [
        ("Default Web Site", "/", 4),
        ("Default Web Site", "/x", 5),
        ("Default Web Site", "/owa", 7),
        ("Default Web Site", "/ecp", 8),
        ("Default Web Site", "/help", 9),
        ("Shop", "/", 12),
    ]
    folders = configuration.web_folders()
    assert (folders[0].path, folders[0].site, folders[0].url) == ("C:\\inetpub\\wwwroot", "front end", "/")
    assert (folders[5].path, folders[5].site) == ("D:\\Shop", "Shop")
    assert configuration.web_folders({"systemdrive": "E:"})[0].path == "E:\\inetpub\\wwwroot"


def test_folders_where_no_site_has_its_pages() -> None:
    assert found_in(SITES) == [
        ("folder elsewhere", GRAVE, 5),
        ("folder elsewhere", ODD, 8),
        ("added folder", ODD, 9),
    ]


def test_native_modules() -> None:
    modules = (
        '<add name="UriCacheModule" image="%windir%\\System32\\inetsrv\\cachuri.dll" />\n'
        '<add name="exppw" image="D:\\Ex\\ClientAccess\\Owa\\auth\\exppw.dll" />\n'
        '<add name="UpData" image="C:\\Windows\\System32\\updata.dll" />\n'
        '<add name="HttpLoggingModule" image="C:\\Windows\\Temp\\loghttp.dll" />\n'
        '<add name="Another" image="%windir%\\System32\\inetsrv\\cachuri.dll" />'
    )
    assert found_in(inside(f"<system.webServer><globalModules>\n{modules}</globalModules></system.webServer>")) == [
        ("unknown module", ODD, 5),
        ("module of another file", GRAVE, 6),
        ("module of another name", NOTE, 7),
    ]


def test_managed_modules_and_handlers_by_type_and_key() -> None:
    text = inside(
        f'<system.webServer><modules>\n<add name="a" type="Microsoft.Exchange.X, Microsoft.Exchange, {MICROSOFT}" />\n'
        '<add name="b" type="Microsoft.Y, Y, PublicKeyToken=0123456789abcdef" />\n<add name="c" type="Corp.Z" />\n'
        '<add name="exppw" />\n</modules><handlers>\n'
        '<add name="d" path="*.svc" verb="GET" type="System.ServiceModel.Activation.HttpHandler" />\n'
        '<add name="e" path="*.one" verb="*" type="Corp.Handler, Corp" />\n</handlers></system.webServer>'
    )
    assert found_in(text) == [("unknown module", ODD, 4), ("unknown module", ODD, 5), ("unknown handler", ODD, 9)]


@pytest.mark.parametrize(
    ("handler", "weight"),
    [
        ('path="*.png" type="System.Web.UI.PageHandlerFactory"', GRAVE),
        ('path="web.config" scriptProcessor="%windir%\\system32\\inetsrv\\asp.dll"', GRAVE),
        ('path="*.abc" type="System.Web.UI.SimpleHandlerFactory"', ODD),
        ('path="*.aspx" type="System.Web.UI.PageHandlerFactory"', None),
        ('path="*_AppService.axd" type="System.Web.Script.Services.ScriptHandlerFactory, System.Web.Extensions"', None),
        ('path="*." scriptProcessor="%windir%\\Microsoft.NET\\Framework64\\v4.0.30319\\aspnet_isapi.dll"', None),
        ('path="*" modules="StaticFileModule"', None),
    ],
)
def test_extensions_that_are_run_as_code(handler: str, weight: str | None) -> None:
    text = inside(f'<system.webServer><handlers><add name="h" verb="*" {handler} /></handlers></system.webServer>')
    assert [each.weight for each in oddities(read(text))] == ([] if weight is None else [weight])


def test_build_providers_removed_protections_and_debug() -> None:
    text = inside(
        '<system.web><compilation debug="true"><buildProviders>\n'
        '<add extension=".gif" type="System.Web.Compilation.PageBuildProvider" />'
        "</buildProviders></compilation></system.web>\n"
        "<system.webServer><security><requestFiltering>\n"
        '<hiddenSegments><remove segment="web.config" /></hiddenSegments>\n'
        '<fileExtensions><remove fileExtension=".config" /><add fileExtension=".js" allowed="true" /></fileExtensions>\n'
        "</requestFiltering></security></system.webServer>"
    )
    assert found_in(text) == [
        ("pages compiled with debug", NOTE, 2),
        ("unusual extension run as code", GRAVE, 3),
        ("protection removed", ODD, 5),
        ("protection removed", ODD, 6),
    ]
    assert found_in(inside('<system.web><compilation debug="false" /></system.web>')) == []


def test_code_in_a_configuration_file_is_seen_also_where_it_is_no_xml() -> None:
    assert found_in(inside("<!-- <% nothing runs here %> -->")) == [("code in a configuration file", GRAVE, 2)]
    broken = read_configuration(inside("").encode() + b"\n<% nothing runs here", "web.config")
    assert broken.problem is not None
    assert [each.line for each in oddities(broken)] == [4]
    assert [each.line for each in read_configuration(inside("<!-- <% -->").encode("utf-16"), "x").code] == [2]


def rule(name: str, pattern: str, action: str = "AbortRequest", more: str = "", where: str = "{HTTP_COOKIE}") -> str:
    return (
        f'<rule name="{name}" {more}><match url=".*" /><conditions><add input="{where}" pattern="{pattern}" /></conditions>'
        f'<action type="{action}" /></rule>\n'
    )


def rewriting(*rules: str) -> str:
    rules_text = "".join(rules)
    return inside(
        f'<location path="Default Web Site"><system.webServer><rewrite><rules>\n{rules_text}</rules></rewrite>'
        "</system.webServer></location>"
    )


def test_mitigations_of_microsoft_are_known_by_what_they_look_for() -> None:
    text = rewriting(
        rule("X-BEResource Abort - inbound", "(.*)X-BEResource=(.+)/(.+)~(.+)"),
        rule("renamed", "(.*)X-AnonResource-Backend(.*)"),
        rule("EEMS M1.1 PowerShell - inbound", "(?=.*autodiscover)(?=.*powershell)", where="{UrlDecode:{REQUEST_URI}}"),
        rule("own", ".*autodiscover\\.json.*\\@.*Powershell.*", where="{REQUEST_URI}"),
        rule("other", "x"),
    )
    found = mitigations_in(read(text))
    assert [(each.cve, each.rule, each.active, each.superseded) for each in found] == [
        ("CVE-2021-26855", "X-BEResource Abort - inbound", True, False),
        ("CVE-2021-26855", "renamed", True, False),
        ("CVE-2022-41040", "EEMS M1.1 PowerShell - inbound", True, False),
        ("CVE-2022-41040", "own", True, True),
    ]
    assert {each.location for each in found} == {"Default Web Site"}
    assert oddities(read(text)) == []


def test_a_mitigation_that_was_changed_or_switched_off() -> None:
    text = rewriting(
        rule("X-BEResource Abort - inbound", "(.*)X-BEResource=(.+)/(.+)~(.+)", more='enabled="false"'),
        rule("x", "(.*)X-AnonResource-Backend(.*)", action="None"),
        rule("PowerShell - inbound", "never"),
    )
    assert [each.active for each in mitigations_in(read(text))] == [False, False]
    assert [kind for kind, _, _ in found_in(text)] == ["mitigation switched off"] * 2 + ["mitigation changed"]


def test_the_mitigation_that_adds_a_header() -> None:
    text = inside(
        '<system.webServer><rewrite><outboundRules><rule name="EOMT OWA CSP - outbound" preCondition="p">'
        '<match serverVariable="RESPONSE_Content_Security_Policy" pattern="(.*)" />'
        '<action type="Rewrite" value="{R:1}; script-src-attr \'none\'" /></rule></outboundRules>'
        "</rewrite></system.webServer>"
    )
    (found,) = mitigations_in(read(text))
    assert (found.cve, found.active) == ("CVE-2026-42897", True)
    assert oddities(read(text)) == []


def test_requests_that_are_sent_elsewhere() -> None:
    text = rewriting('<rule name="r"><match url="(.*)" /><action type="Rewrite" url="http://192.0.2.9/{R:1}" /></rule>')
    assert found_in(text) == [("requests sent elsewhere", NOTE, 3)]


@pytest.mark.parametrize(
    "text", ["", "<a/>", "<configuration>", '<!DOCTYPE c [<!ENTITY a "b">]><configuration>&a;</configuration>']
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    configuration = read_configuration(text.encode(), "web.config")
    assert configuration.problem
    assert (configuration.directories, configuration.rules) == ((), ())


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, len(SITES)), st.sampled_from(['"', "<", "&", "/>", "\0", "]]>", "<%", "é"]), st.binary(max_size=200)
)
def test_any_bytes(at: int, piece: str, data: bytes) -> None:
    for each in ((SITES[:at] + piece + SITES[at:]).encode(), data):
        configuration = read_configuration(each, "x")
        assert all(found.line >= 1 and found.sentence for found in oddities(configuration))
        mitigations_in(configuration)
        configuration.web_folders()
