"""The honest pages of an Exchange server's web folders: names and places are Exchange's, their content is invented.

No page here does anything with what a client sends: all of them only show text or forms of other addresses.

References:
    exchange-evidence.md 2.13 (which pages Exchange 2016 has in which folder).
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from brokenseal.simulate import programs, site_configuration
from brokenseal.simulate.organisation import DOMAIN, PUBLIC_HOST

FRONT_END = f"{programs.INSTALL}\\FrontEnd\\HttpProxy"
CLIENT_ACCESS = f"{programs.INSTALL}\\ClientAccess"
WWWROOT = "C:\\inetpub\\wwwroot"
HELPERS = f"{WWWROOT}\\aspnet_client"
#: ASP.NET makes this folder, and leaves it empty.
EMPTY_FOLDER = f"{HELPERS}\\system_web\\4_0_30319"
MAINTENANCE_URL = "/aspnet_client/maintenance.aspx"
_BUILD_FOLDER = "15.1.2106"
_ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_SMALL_GIF = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")


class Page(NamedTuple):
    """What a page of Outlook on the web says; ``action`` is where its form goes (none where it has no form)."""

    name: str
    title: str
    text: str
    action: str = ""
    fields: tuple[tuple[str, str], ...] = ()


_SIGN_IN = (("username", "User name"), ("password", "Password"))
_NEW_PASSWORD = (("username", "User name"), ("oldPwd", "Current password"), ("newPwd1", "New password"))
_OWA_PAGES = (
    Page("logon.aspx", "Outlook", "Sign in with the account of your organisation.", "/owa/auth.owa", _SIGN_IN),
    Page("logoff.aspx", "Signed out", "You are signed out. Close all windows of your browser."),
    Page("signout.aspx", "Signing out", "One moment: you are being signed out of all pages."),
    Page("errorFE.aspx", "Something went wrong", "Your mailbox cannot be shown just now. Try again in a few minutes."),
    Page("frowny.aspx", "We are sorry", "This page of your mailbox could not be loaded. Refresh it to go on."),
    Page("ExpiredPassword.aspx", "Change your password", "Your password has run out.", "/owa/auth.owa", _NEW_PASSWORD),
    Page("OutlookCN.aspx", "Outlook", "Choose how your mailbox is opened in this region."),
    Page("RedirSuiteServiceProxy.aspx", "Outlook", "You are being taken to the page that you asked for."),
)
_TIMEOUT = Page("TimeoutLogout.aspx", "Exchange admin center", "Your session has ended. Sign in again to go on.")
_APPLICATIONS = ("owa", "ecp", "ews", "autodiscover", "mapi", "oab", "powershell", "rpc", "sync")
_STYLES = "body { margin: 0; font-family: 'Segoe UI', Tahoma, sans-serif; color: #333333; }\n.%s { width: 420px; }\n"
_FLOGON = (
    "// Shows the form for signing in, and puts the cursor into its first empty field.\n"
    "function showSignIn(form) {\n"
    "    var first = form.elements[0];\n"
    '    form.className = "signInVisible";\n'
    "    first.focus();\n"
    "}\n"
)


def pages(*, maintained: bool) -> list[tuple[str, bytes]]:
    """Path and content of each file. ``maintained``: the server has a page of the administrator's own as well."""
    auth = f"{FRONT_END}\\owa\\auth"
    versioned = f"{auth}\\{_BUILD_FOLDER}"
    found: list[tuple[str, bytes | str]] = [
        (f"{auth}\\{page.name}", _owa_page(page, f"Microsoft.Exchange.HttpProxy.{page.name.partition('.')[0]}"))
        for page in _OWA_PAGES
    ]
    found += [
        (f"{auth}\\getidtoken.htm", _document("Outlook", "<p>You may close this window.</p>\n")),
        (f"{versioned}\\scripts\\premium\\flogon.js", _FLOGON),
        (f"{versioned}\\themes\\resources\\logon.css", _STYLES % "signInForm"),
        (f"{versioned}\\themes\\resources\\errorFE.css", _STYLES % "errorText"),
        (f"{versioned}\\themes\\resources\\lgnbotl.gif", _SMALL_GIF),
        (f"{versioned}\\themes\\resources\\favicon.ico", _ONE_PIXEL),
        (f"{FRONT_END}\\ecp\\auth\\TimeoutLogout.aspx", _owa_page(_TIMEOUT, "Microsoft.Exchange.HttpProxy.Timeout")),
        (f"{FRONT_END}\\SharedWebConfig.config", site_configuration.SHARED),
    ]
    for name in _APPLICATIONS:
        found += [
            (f"{FRONT_END}\\{name}\\web.config", site_configuration.front_end(name)),
            (f"{FRONT_END}\\{name}\\global.asax", _application("Microsoft.Exchange.HttpProxy.ProxyApplication")),
        ]
    found += _back_end() + _default_site()
    if maintained:
        found.append((f"{HELPERS}\\maintenance.aspx", _maintenance()))
    found.append((site_configuration.PATH, site_configuration.application_host()))
    return [(path, content if isinstance(content, bytes) else _encoded(content)) for path, content in found]


def _back_end() -> list[tuple[str, bytes | str]]:
    ecp, autodiscover, ews = (f"{CLIENT_ACCESS}\\{name}" for name in ("ecp", "Autodiscover", "exchweb\\ews"))
    home = Page("default.aspx", "Exchange admin center", "Recipients, permissions and mail flow of your organisation.")
    error = Page(
        "error.aspx", "Exchange admin center", "This page cannot be shown. Your administrator has the details."
    )
    return [
        (f"{ecp}\\default.aspx", _owa_page(home, "Microsoft.Exchange.Management.ControlPanel.StartPage")),
        (f"{ecp}\\error.aspx", _owa_page(error, "Microsoft.Exchange.Management.ControlPanel.ErrorPage")),
        (f"{ecp}\\Global.asax", _application("Microsoft.Exchange.Management.ControlPanel.PanelApplication")),
        (f"{ecp}\\Web.config", site_configuration.back_end("ecp")),
        (f"{autodiscover}\\Autodiscover.svc", _service("Microsoft.Exchange.Autodiscover.WCF.AutodiscoverService")),
        (f"{autodiscover}\\Global.asax", _application("Microsoft.Exchange.Autodiscover.DiscoveryApplication")),
        (f"{autodiscover}\\web.config", site_configuration.back_end("Autodiscover")),
        (f"{ews}\\Exchange.asmx", '<%@ WebService Language="C#" Class="Microsoft.Exchange.Services.WebServices" %>\n'),
        (f"{ews}\\web.config", site_configuration.back_end("EWS")),
        (f"{CLIENT_ACCESS}\\Owa\\web.config", site_configuration.back_end("owa")),
        (f"{CLIENT_ACCESS}\\OAB\\web.config", site_configuration.back_end("OAB")),
        (f"{CLIENT_ACCESS}\\PowerShell-Proxy\\web.config", site_configuration.back_end("PowerShell")),
    ]


def _default_site() -> list[tuple[str, bytes | str]]:
    start = '<a href="https://www.iis.net/"><img src="iisstart.png" alt="IIS" width="960" height="600" /></a>\n'
    return [
        (f"{WWWROOT}\\iisstart.htm", _document("IIS Windows Server", start)),
        (f"{WWWROOT}\\iisstart.png", _ONE_PIXEL),
        (f"{WWWROOT}\\web.config", site_configuration.default_site(f"https://{PUBLIC_HOST}/owa")),
    ]


def _owa_page(page: Page, type_name: str) -> str:
    fields = "".join(
        f'        <label for="{name}">{label}</label>\n'
        f'        <input type="{"text" if name == "username" else "password"}" id="{name}" name="{name}" />\n'
        for name, label in page.fields
    )
    form = f'    <form action="{page.action}" method="post" class="signInForm">\n{fields}    </form>\n'
    return (
        f'<%@ Page Language="C#" AutoEventWireup="false" EnableViewState="false" Inherits="{type_name}" %>\n'
        '<%@ Import Namespace="Microsoft.Exchange.Clients.Owa.Core" %>\n'
        + _document(
            page.title,
            f'<div class="mainContainer" dir="<%=TextDirection%>">\n    <h1>{page.title}</h1>\n    <p>{page.text}</p>\n'
            f"{form if page.fields else ''}"
            '    <p class="build"><%=ServerBuild%></p>\n</div>\n',
        )
    )


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html>\n<head>\n<meta http-equiv="X-UA-Compatible" content="IE=10" />\n'
        f'<link rel="stylesheet" href="/owa/auth/{_BUILD_FOLDER}/themes/resources/logon.css" />\n'
        f"<title>{title}</title>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _application(type_name: str) -> str:
    return f'<%@ Application Language="C#" Inherits="{type_name}" %>\n'


def _service(type_name: str) -> str:
    return f'<%@ ServiceHost Language="C#" Service="{type_name}" %>\n'


def _maintenance() -> str:
    """A page that an administrator made for planned work on the server."""
    return (
        '<%@ Page Language="C#" %>\n<script runat="server">\n'
        "    protected void Page_Load(object sender, EventArgs e)\n    {\n"
        "        Response.StatusCode = 503;\n"
        '        Response.AddHeader("Retry-After", "3600");\n'
        '        Until.Text = DateTime.Today.AddHours(22).ToString("t");\n'
        "    }\n</script>\n"
        + _document(
            "Maintenance",
            "<h1>Mail is being serviced</h1>\n"
            '<p>Mail is back at <asp:Literal ID="Until" runat="server" />.'
            f' Questions: <a href="mailto:helpdesk@{DOMAIN}">helpdesk</a>.</p>\n',
        )
    )


def _encoded(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8")
