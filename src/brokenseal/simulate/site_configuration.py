"""Configuration of IIS on the simulated servers: sites, their folders, modules, and the settings of single applications.

Short, with settings as an Exchange server has them; names of modules and folders are facts, the text is ours.

References:
    https://learn.microsoft.com/en-us/iis/configuration/
    https://learn.microsoft.com/en-us/exchange/architecture/client-access/default-virtual-directory-settings
"""

from __future__ import annotations

from brokenseal.simulate import programs

PATH = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SIGNED = "Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35"
_SYSTEM = "%windir%\\System32\\inetsrv"
_MODULES = (
    ("UriCacheModule", f"{_SYSTEM}\\cachuri.dll"),
    ("FileCacheModule", f"{_SYSTEM}\\cachfile.dll"),
    ("HttpCacheModule", f"{_SYSTEM}\\cachhttp.dll"),
    ("DynamicCompressionModule", f"{_SYSTEM}\\compdyn.dll"),
    ("StaticCompressionModule", f"{_SYSTEM}\\compstat.dll"),
    ("DefaultDocumentModule", f"{_SYSTEM}\\defdoc.dll"),
    ("DirectoryListingModule", f"{_SYSTEM}\\dirlist.dll"),
    ("ProtocolSupportModule", f"{_SYSTEM}\\protsup.dll"),
    ("StaticFileModule", f"{_SYSTEM}\\static.dll"),
    ("AnonymousAuthenticationModule", f"{_SYSTEM}\\authanon.dll"),
    ("BasicAuthenticationModule", f"{_SYSTEM}\\authbas.dll"),
    ("WindowsAuthenticationModule", f"{_SYSTEM}\\authsspi.dll"),
    ("RequestFilteringModule", f"{_SYSTEM}\\modrqflt.dll"),
    ("HttpLoggingModule", f"{_SYSTEM}\\loghttp.dll"),
    ("ManagedEngineV4.0_64bit", "%windir%\\Microsoft.NET\\Framework64\\v4.0.30319\\webengine4.dll"),
    ("kerbauth", f"{programs.INSTALL}\\Bin\\kerbauth.dll"),
    ("exppw", f"{programs.INSTALL}\\ClientAccess\\Owa\\auth\\exppw.dll"),
    ("cafe_exppw", f"{programs.INSTALL}\\FrontEnd\\HttpProxy\\bin\\exppw.dll"),
    ("WSMan", "C:\\Windows\\system32\\wsmsvc.dll"),
)
# URL, folder below the site's own, application pool.
_FRONT_END = (
    ("/owa", "owa", "MSExchangeOWAAppPool"),
    ("/ecp", "ecp", "MSExchangeECPAppPool"),
    ("/EWS", "ews", "MSExchangeServicesAppPool"),
    ("/Autodiscover", "autodiscover", "MSExchangeAutodiscoverAppPool"),
    ("/Microsoft-Server-ActiveSync", "sync", "MSExchangeSyncAppPool"),
    ("/OAB", "oab", "MSExchangeOABAppPool"),
    ("/PowerShell", "powershell", "MSExchangePowerShellFrontEndAppPool"),
    ("/mapi", "mapi", "MSExchangeMapiFrontEndAppPool"),
    ("/Rpc", "rpc", "MSExchangeRpcProxyFrontEndAppPool"),
)
_BACK_END = (
    ("/owa", "owa", "MSExchangeOWAAppPool"),
    ("/ecp", "ecp", "MSExchangeECPAppPool"),
    ("/EWS", "exchweb\\ews", "MSExchangeServicesAppPool"),
    ("/Autodiscover", "autodiscover", "MSExchangeAutodiscoverAppPool"),
    ("/Microsoft-Server-ActiveSync", "sync", "MSExchangeSyncAppPool"),
    ("/OAB", "OAB", "MSExchangeOABAppPool"),
    ("/PowerShell", "PowerShell-Proxy", "MSExchangePowerShellAppPool"),
    ("/mapi/emsmdb", "mapi\\emsmdb", "MSExchangeMapiMailboxAppPool"),
)
SHARED = (
    f"{_HEAD}<configuration>\n    <system.web>\n"
    '        <machineKey validationKey="AutoGenerate,IsolateApps" decryptionKey="AutoGenerate,IsolateApps" />\n'
    "    </system.web>\n</configuration>\n"
)


def application_host() -> str:
    """The server's ``applicationHost.config``: pools, both sites, the native modules."""
    pools = dict.fromkeys(["DefaultAppPool", *(pool for _, _, pool in (*_FRONT_END, *_BACK_END))])
    front = _site(
        "Default Web Site", 1, "%SystemDrive%\\inetpub\\wwwroot", (80, 443), _FRONT_END, "FrontEnd\\HttpProxy"
    )
    back = _site("Exchange Back End", 2, f"{programs.INSTALL}\\ClientAccess", (81, 444), _BACK_END, "ClientAccess")
    modules = "".join(f'            <add name="{name}" image="{image}" />\n' for name, image in _MODULES)
    names = "".join(f'                <add name="{name}" />\n' for name, image in _MODULES if image.startswith(_SYSTEM))
    return (
        f"{_HEAD}<configuration>\n    <system.applicationHost>\n        <applicationPools>\n"
        + "".join(f'            <add name="{pool}" managedRuntimeVersion="v4.0" />\n' for pool in pools)
        + f"        </applicationPools>\n        <sites>\n{front}{back}        </sites>\n"
        f"    </system.applicationHost>\n    <system.webServer>\n        <globalModules>\n{modules}"
        "        </globalModules>\n    </system.webServer>\n"
        '    <location path="" overrideMode="Allow">\n        <system.webServer>\n            <modules>\n'
        f"{names}            </modules>\n        </system.webServer>\n    </location>\n</configuration>\n"
    )


def front_end(application: str) -> str:
    """``web.config`` of an application that passes requests on to the back end."""
    module = "Microsoft.Exchange.HttpProxy.ProxyModule, Microsoft.Exchange.FrontEndHttpProxy"
    return _application(f"{application}ProxyModule", f"{module}, {_SIGNED}")


def back_end(application: str) -> str:
    """``web.config`` of an application that answers requests itself."""
    module = "Microsoft.Exchange.Diagnostics.RequestDetailsModule, Microsoft.Exchange.Diagnostics"
    return _application(f"{application}DetailsModule", f"{module}, {_SIGNED}")


def default_site(start: str) -> str:
    """``web.config`` of the Default Web Site: whoever asks for its root is sent to ``start``."""
    return (
        f"{_HEAD}<configuration>\n    <system.webServer>\n"
        f'        <httpRedirect enabled="true" destination="{start}" exactDestination="true" childOnly="true" />\n'
        "    </system.webServer>\n</configuration>\n"
    )


def _application(module: str, type_name: str) -> str:
    return (
        f"{_HEAD}<configuration>\n    <system.web>\n"
        '        <compilation debug="false" defaultLanguage="c#" targetFramework="4.5" />\n'
        '        <httpRuntime maxRequestLength="2097151" requestPathInvalidCharacters="" />\n'
        "    </system.web>\n    <system.webServer>\n        <modules>\n"
        f'            <add name="{module}" type="{type_name}" />\n'
        "        </modules>\n    </system.webServer>\n</configuration>\n"
    )


def _site(
    name: str, number: int, root: str, ports: tuple[int, int], folders: tuple[tuple[str, str, str], ...], below: str
) -> str:
    plain, secure = ports
    directory = '                    <virtualDirectory path="/" physicalPath="{}" />\n'
    applications = [("/", root, "DefaultAppPool")]
    applications += [(url, f"{programs.INSTALL}\\{below}\\{folder}", pool) for url, folder, pool in folders]
    return (
        f'            <site name="{name}" id="{number}" serverAutoStart="true">\n'
        + "".join(
            f'                <application path="{url}" applicationPool="{pool}">\n'
            f"{directory.format(folder)}                </application>\n"
            for url, folder, pool in applications
        )
        + "                <bindings>\n"
        f'                    <binding protocol="http" bindingInformation="*:{plain}:" />\n'
        f'                    <binding protocol="https" bindingInformation="*:{secure}:" sslFlags="0" />\n'
        "                </bindings>\n            </site>\n"
    )
