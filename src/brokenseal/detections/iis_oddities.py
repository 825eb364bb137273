"""What is odd in the configuration of IIS on an Exchange server, and which of its rewrite rules are Microsoft's mitigations.

An oddity is a fact with its line, to be looked at; what it weighs beside others is for the caller to say.

References:
    https://learn.microsoft.com/en-us/iis/get-started/introduction-to-iis/iis-modules-overview
    https://attack.mitre.org/techniques/T1505/004/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from brokenseal.detections.iis_configuration import SITE_NAMES, Configuration, Handler, RewriteRule
from brokenseal.detections.web_folder_data import Mitigation, mitigations, native_modules, tables
from brokenseal.detections.web_folders import SCRIPTS

#: How sure it is that an oddity is someone's work and not a setting of an administrator.
GRAVE, ODD, NOTE = "grave", "odd", "note"

_MICROSOFT_TYPES = re.compile(r"(?:System|Microsoft)\.", re.IGNORECASE)
#: Public keys of Microsoft's own libraries (as published in their names).
_MICROSOFT_KEYS = frozenset({"31bf3856ad364e35", "b03f5f7f11d50a3a", "b77a5c561934e089", "89845dcd8080cc91"})
_KEY = re.compile(r"PublicKeyToken\s*=\s*([0-9a-f]{16}|null)", re.IGNORECASE)
#: What runs a file as code, by the last part of its type or file name (lower case).
_RUNS_CODE = (
    "system.web.ui.pagehandlerfactory",
    "system.web.ui.simplehandlerfactory",
    "system.web.script.services.scripthandlerfactory",
    "system.web.services.protocols.webservicehandlerfactory",
    "system.web.compilation.pagebuildprovider",
    "system.web.compilation.webhandlerbuildprovider",
    "system.web.compilation.webservicebuildprovider",
    "system.web.compilation.usercontrolbuildprovider",
)
_PROCESSORS = ("asp.dll", "aspnet_isapi.dll", "php-cgi.exe", "php.exe", "cmd.exe", "powershell.exe", "cscript.exe")
#: Further extensions that IIS has run by ASP.NET from the start ('' is a URL without one).
_USUAL = SCRIPTS | frozenset(("", "axd", "aspq", "cshtm", "vbhtm", "xoml", "xamlx", "rules"))
_STATIC_NAMES = (
    "config css js map json txt xml htm html gif jpg jpeg png bmp ico svg webp ttf eot woff woff2 otf pdf zip rar 7z log "
    "dat bak tmp md csv doc docx xls xlsx mp3 mp4 flt swf"
)
_STATIC = frozenset(_STATIC_NAMES.split())
_STRANGE_FOLDER = re.compile(
    r"(?:^|\\)(?:programdata|users\\public|windows\\temp|perflogs|recycler|\$recycle\.bin|temp|tmp"
    r"|(?:com|lpt)[1-9]|aux|con|prn|nul)(?:\\|$)",
    re.IGNORECASE,
)


class Oddity(NamedTuple):
    """Something odd: what kind, how sure (:data:`GRAVE`, :data:`ODD`, :data:`NOTE`), a plain sentence, line and location."""

    kind: str
    weight: str
    sentence: str
    line: int
    location: str


class MitigationFound(NamedTuple):
    """A rewrite rule that is one of Microsoft's mitigations: for which flaw, and whether it works."""

    cve: str
    rule: str
    active: bool
    superseded: bool
    line: int
    location: str


def mitigations_in(configuration: Configuration) -> list[MitigationFound]:
    """The rules that are Microsoft's mitigations, by what they look for, whatever their name."""
    found = []
    for rule in configuration.rules:
        known = _mitigation(rule)
        if known is not None:
            active = rule.enabled and _stops(rule)
            found.append(MitigationFound(known.cve, rule.name, active, known.superseded, *rule.place))
    return found


def oddities(configuration: Configuration) -> list[Oddity]:
    """What is odd in the file, by line."""
    parts = (_folders, _native_modules, _modules, _handlers, _build_providers, _rules, _removed, _code, _debug)
    found = [oddity for part in parts for oddity in part(configuration)]
    return sorted(found, key=lambda each: (each.line, each.kind, each.sentence))


def _folders(configuration: Configuration) -> Iterator[Oddity]:
    expected = _expected_folders()
    for each in configuration.directories:
        folder = each.folder.replace("/", "\\").rstrip("\\")
        site = SITE_NAMES.get(each.site.lower())
        right = expected.get((site or "", each.url.lower()))
        if _STRANGE_FOLDER.search(folder):
            text = (
                f"'{each.url}' of the site '{each.site}' serves files from '{folder}', where no web site has its pages"
            )
            yield Oddity("folder elsewhere", GRAVE, text, *each.place)
        elif right is not None and not folder.lower().endswith(right):
            text = (
                f"'{each.url}' of the site '{each.site}' serves files from '{folder}', not from Exchange's own folder"
            )
            yield Oddity("folder elsewhere", ODD, text, *each.place)
        elif site is not None and each.url != "/" and right is None and not _in_exchange(folder):
            text = (
                f"'{each.url}' of the site '{each.site}' serves files from '{folder}', which Exchange does not set up"
            )
            yield Oddity("added folder", ODD, text, *each.place)


@cache
def _expected_folders() -> dict[tuple[str, str], str]:
    known = {(f.site, f.url.lower()): f.path.lower() for f in tables().folders if f.url and f.holds == "exchange"}
    return known | {("back end", "/rpcwithcert"): known["back end", "/rpc"]}


def _in_exchange(folder: str) -> bool:
    return bool(re.search(r"\\(?:frontend|clientaccess|rpcproxy|inetpub\\wwwroot)(?:\\|$)", folder, re.IGNORECASE))


def _native_modules(configuration: Configuration) -> Iterator[Oddity]:
    known = native_modules()
    images = {image for each in known.values() for image in each}
    for module in configuration.native_modules:
        image = module.image.replace("/", "\\").lower()
        own = known.get(module.name.lower())
        if own is not None and any(image.endswith("\\" + each) for each in own):
            continue
        if own is not None:
            text = (
                f"the module '{module.name}' has the name of one of IIS or Exchange and is loaded from '{module.image}'"
            )
            yield Oddity("module of another file", GRAVE, text, *module.place)
        elif any(image.endswith("\\" + each) for each in images):
            text = f"the file '{module.image}' of IIS is loaded under the unknown name '{module.name}'"
            yield Oddity("module of another name", NOTE, text, *module.place)
        else:
            text = f"the module '{module.name}' is loaded from '{module.image}', which is none of IIS or Exchange"
            yield Oddity("unknown module", ODD, text, *module.place)


def _modules(configuration: Configuration) -> Iterator[Oddity]:
    for module in configuration.modules:
        if module.type_name and not _is_microsoft(module.type_name):
            text = f"the module '{module.name}' is of the type '{module.type_name}', which is none of Microsoft"
            yield Oddity("unknown module", ODD, text, *module.place)


def _handlers(configuration: Configuration) -> Iterator[Oddity]:
    for handler in configuration.handlers:
        runs = _runs_code(handler)
        extensions = _extensions(handler.path)
        if runs and extensions & _STATIC:
            text = f"the handler '{handler.name}' has '{handler.path}' run as code by {runs}"
            yield Oddity("static file run as code", GRAVE, text, *handler.place)
        elif runs and not extensions <= _USUAL:
            text = f"the handler '{handler.name}' has '{handler.path}' run as code by {runs}"
            yield Oddity("unusual extension run as code", ODD, text, *handler.place)
        elif handler.type_name and not _is_microsoft(handler.type_name):
            text = f"'{handler.path}' is answered by the type '{handler.type_name}', which is none of Microsoft"
            yield Oddity("unknown handler", ODD, text, *handler.place)


def _build_providers(configuration: Configuration) -> Iterator[Oddity]:
    for each in configuration.build_providers:
        extension = each.extension.lower().lstrip(".")
        if each.type_name.lower().partition(",")[0].strip() in _RUNS_CODE and extension not in _USUAL:
            text = f"files with the extension '.{extension}' are compiled as pages by '{each.type_name}'"
            yield Oddity("unusual extension run as code", GRAVE if extension in _STATIC else ODD, text, *each.place)
        elif each.type_name and not _is_microsoft(each.type_name):
            text = f"files with the extension '.{extension}' are compiled by '{each.type_name}', which is none of Microsoft"
            yield Oddity("unknown handler", ODD, text, *each.place)


def _rules(configuration: Configuration) -> Iterator[Oddity]:
    for rule in configuration.rules:
        known = _mitigation(rule)
        named = _mitigation_of_name(rule.name)
        if known is None and named is not None:
            text = (
                f"the rule '{rule.name}' is named as Microsoft's mitigation of {named.cve} and looks for something else"
            )
            yield Oddity("mitigation changed", ODD, text, *rule.place)
        elif known is not None and not (rule.enabled and _stops(rule)):
            text = f"the rule '{rule.name}', Microsoft's mitigation of {known.cve}, is switched off or stops nothing"
            yield Oddity("mitigation switched off", ODD, text, *rule.place)
        elif (
            known is None
            and rule.action.lower() in ("rewrite", "redirect")
            and re.match(r"https?://", rule.target, re.I)
        ):
            text = f"the rule '{rule.name}' sends requests on to '{rule.target}'"
            yield Oddity("requests sent elsewhere", NOTE, text, *rule.place)


def _removed(configuration: Configuration) -> Iterator[Oddity]:
    for each in configuration.removed:
        what = each.what.lower().lstrip(".")
        if each.section == "hiddenSegments" and what in ("web.config", "bin", "app_code", "everything"):
            text = f"requests for '{each.what}' are no more refused"
            yield Oddity("protection removed", ODD, text, *each.place)
        elif each.section == "fileExtensions" and what in ("config", "asax", "cs", "everything"):
            text = f"requests for files '{each.what}' are no more refused"
            yield Oddity("protection removed", ODD, text, *each.place)


def _code(configuration: Configuration) -> Iterator[Oddity]:
    for each in configuration.code:
        yield Oddity(
            "code in a configuration file", GRAVE, f"code of a page stands in it: '{each.text}'", each.line, ""
        )


def _debug(configuration: Configuration) -> Iterator[Oddity]:
    for place in configuration.debug:
        yield Oddity("pages compiled with debug", NOTE, "pages are compiled with information for debugging", *place)


def _mitigation(rule: RewriteRule) -> Mitigation | None:
    for each in mitigations():
        if (each.direction == "outbound") != (rule.direction == "outbound"):
            continue
        if each.direction == "outbound":
            if any(name == each.input for name, _ in rule.looks_for) and rule.target == each.pattern:
                return each
        elif any(pattern.lower() == each.pattern.lower() for _, pattern in rule.looks_for):
            return each
    return None


def _mitigation_of_name(name: str) -> Mitigation | None:
    return next((each for each in mitigations() if name.lower() in {known.lower() for known in each.names}), None)


def _stops(rule: RewriteRule) -> bool:
    """Whether a rule does what Microsoft's do: end the request, or add the header."""
    if rule.direction == "outbound":
        return rule.action.lower() == "rewrite"
    return rule.action.lower() in ("abortrequest", "customresponse")


def _runs_code(handler: Handler) -> str:
    """By what the handler's files are run as code, if they are."""
    type_name = handler.type_name.partition(",")[0].strip().lower()
    processor = handler.processor.replace("/", "\\").lower().split("|")[0]
    if type_name in _RUNS_CODE:
        return f"'{handler.type_name}'"
    if processor.strip('"').endswith(_PROCESSORS):
        return f"'{handler.processor}'"
    return ""


def _extensions(path: str) -> frozenset[str]:
    parts = (part.strip().rpartition(".") for part in path.lower().split(","))
    return frozenset(extension for _, dot, extension in parts if dot)


def _is_microsoft(type_name: str) -> bool:
    """Whether a type's name and key are those of .NET or of Microsoft (of which anyone can write the name)."""
    key = _KEY.search(type_name)
    return bool(_MICROSOFT_TYPES.match(type_name.strip())) and (key is None or key[1].lower() in _MICROSOFT_KEYS)
