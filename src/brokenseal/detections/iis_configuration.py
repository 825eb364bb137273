"""What ``web.config`` and ``applicationHost.config`` say: sites, folders, handlers, modules, rewrite rules.

Only read here; what is odd in it is judged by :mod:`brokenseal.detections.iis_oddities`.

References:
    https://learn.microsoft.com/en-us/iis/configuration/
    https://learn.microsoft.com/en-us/iis/extensions/url-rewrite-module/url-rewrite-module-configuration-reference
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from brokenseal.detections.plain_xml import Element, XmlProblem, read_xml
from brokenseal.detections.web_folder_data import WebFolder

#: Names of Exchange's web sites → how the tables of web folders call them.
SITE_NAMES = {"default web site": "front end", "exchange back end": "back end"}


class Place(NamedTuple):
    """Where something stands: line from 1, and the location (site and path) that it is for ('' for all)."""

    line: int
    location: str


class VirtualDirectory(NamedTuple):
    """A folder that a site offers: URL (``/owa``), folder as written, application pool."""

    site: str
    url: str
    folder: str
    pool: str | None
    place: Place


class NativeModule(NamedTuple):
    """A library that IIS loads into every worker process."""

    name: str
    image: str
    place: Place


class Module(NamedTuple):
    """A module of a site or application; ``type_name`` is empty for a native one that is named only."""

    name: str
    type_name: str
    place: Place


class Handler(NamedTuple):
    """Who answers for a path: .NET type, or ``processor`` (the library or program of a native one)."""

    name: str
    path: str
    verb: str
    type_name: str
    modules: str
    processor: str
    place: Place


class RewriteRule(NamedTuple):
    """A rule of the URL Rewrite module. ``looks_for``: input and pattern of the match and of each condition."""

    direction: str
    name: str
    looks_for: tuple[tuple[str, str], ...]
    action: str
    target: str
    enabled: bool
    place: Place


class BuildProvider(NamedTuple):
    """What compiles files of an extension."""

    extension: str
    type_name: str
    place: Place


class Removed(NamedTuple):
    """A protection that was taken away: which section, and of what."""

    section: str
    what: str
    place: Place


class CodeInside(NamedTuple):
    """Text in the file that looks like code of a page: line, and how it begins (at most 80 characters)."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration file. ``problem``: why it could not be read (the rest is empty then, but for ``code``)."""

    source: str
    problem: str | None = None
    directories: tuple[VirtualDirectory, ...] = ()
    native_modules: tuple[NativeModule, ...] = ()
    modules: tuple[Module, ...] = ()
    handlers: tuple[Handler, ...] = ()
    rules: tuple[RewriteRule, ...] = ()
    build_providers: tuple[BuildProvider, ...] = ()
    removed: tuple[Removed, ...] = ()
    debug: tuple[Place, ...] = ()
    code: tuple[CodeInside, ...] = ()

    def web_folders(self, variables: dict[str, str] | None = None) -> tuple[WebFolder, ...]:
        """The folders of its sites, with their whole paths; *variables*: ``systemdrive`` and others, in lower case."""
        known = {"systemdrive": "C:", "systemroot": "C:\\Windows", "windir": "C:\\Windows"} | (variables or {})
        found = []
        for each in self.directories:
            folder = re.sub(r"%(\w+)%", lambda match: known.get(match[1].lower(), match[0]), each.folder)
            site = SITE_NAMES.get(each.site.lower(), each.site)
            found.append(WebFolder(folder.replace("/", "\\").rstrip("\\"), site, "pages", each.url))
        return tuple(found)


#: What begins code in a page; in a configuration file it has no place.
_CODE = re.compile(rb"<%|<script\b|<\?php", re.IGNORECASE)
_MOST_CODE = 20


def read_configuration(data: bytes, source: str) -> Configuration:
    """The configuration file *source* (its path); what cannot be read is said, never raised."""
    code = _code_inside(data)
    try:
        root = read_xml(data).root
    except XmlProblem as problem:
        return Configuration(source, str(problem), code=code)
    if root.name.lower() != "configuration":
        return Configuration(source, f"its root is '{root.name[:40]}', not 'configuration'", code=code)
    sections = list(_sections(root, ""))
    return Configuration(
        source,
        directories=tuple(_directories(root)),
        native_modules=tuple(
            NativeModule(each.get("name") or "", each.get("image") or "", Place(each.line, location))
            for location, section in sections
            for each in section.all("system.webServer", "globalModules", "add")
        ),
        modules=tuple(each for location, section in sections for each in _modules(section, location)),
        handlers=tuple(each for location, section in sections for each in _handlers(section, location)),
        rules=tuple(each for location, section in sections for each in _rules(section, location)),
        build_providers=tuple(
            BuildProvider(each.get("extension") or "", each.get("type") or "", Place(each.line, location))
            for location, section in sections
            for each in section.all("system.web", "compilation", "buildProviders", "add")
        ),
        removed=tuple(each for location, section in sections for each in _removed(section, location)),
        debug=tuple(
            Place(each.line, location)
            for location, section in sections
            for each in section.all("system.web", "compilation")
            if (each.get("debug") or "").lower() == "true"
        ),
        code=code,
    )


def _sections(element: Element, location: str) -> Iterator[tuple[str, Element]]:
    """The root and each ``<location>`` below it, with the location's path."""
    yield location, element
    for child in element.children:
        if child.name.lower() == "location":
            yield from _sections(child, child.get("path") or location)


def _directories(root: Element) -> Iterator[VirtualDirectory]:
    for site in root.all("system.applicationHost", "sites", "site"):
        name = site.get("name") or ""
        for application in site.all("application"):
            above = (application.get("path") or "/").rstrip("/")
            for directory in application.all("virtualDirectory"):
                below = (directory.get("path") or "/").strip("/")
                url = f"{above}/{below}" if below else above or "/"
                folder, pool = directory.get("physicalPath") or "", application.get("applicationPool")
                yield VirtualDirectory(name, url, folder, pool, Place(directory.line, name))


def _modules(section: Element, location: str) -> Iterator[Module]:
    for path in (("system.webServer", "modules", "add"), ("system.web", "httpModules", "add")):
        for each in section.all(*path):
            yield Module(each.get("name") or "", each.get("type") or "", Place(each.line, location))


def _handlers(section: Element, location: str) -> Iterator[Handler]:
    for path in (("system.webServer", "handlers", "add"), ("system.web", "httpHandlers", "add")):
        for each in section.all(*path):
            yield Handler(
                each.get("name") or "",
                each.get("path") or "",
                each.get("verb") or "",
                each.get("type") or "",
                each.get("modules") or "",
                each.get("scriptProcessor") or "",
                Place(each.line, location),
            )


def _rules(section: Element, location: str) -> Iterator[RewriteRule]:
    kinds = (("inbound", "rules"), ("global", "globalRules"), ("outbound", "outboundRules"))
    for direction, group in kinds:
        for each in section.all("system.webServer", "rewrite", group, "rule"):
            looks_for = [
                (match.get("serverVariable") or "{URL}", match.get("url") or match.get("pattern") or "")
                for match in each.all("match")
            ]
            looks_for += [
                (condition.get("input") or "", condition.get("pattern") or "")
                for condition in each.all("conditions", "add")
            ]
            action = (each.all("action") or [Element("", {}, 0)])[0]
            yield RewriteRule(
                direction,
                each.get("name") or "",
                tuple(looks_for),
                action.get("type") or "None",
                action.get("url") or action.get("value") or "",
                (each.get("enabled") or "true").lower() != "false",
                Place(each.line, location),
            )


def _removed(section: Element, location: str) -> Iterator[Removed]:
    filtering = ("system.webServer", "security", "requestFiltering")
    for part, key in (("hiddenSegments", "segment"), ("fileExtensions", "fileExtension")):
        for each in section.all(*filtering, part, "remove"):
            yield Removed(part, each.get(key) or "", Place(each.line, location))
        for each in section.all(*filtering, part, "clear"):
            yield Removed(part, "everything", Place(each.line, location))
        for each in section.all(*filtering, part, "add"):
            if (each.get("allowed") or "").lower() == "true":
                yield Removed(part, each.get(key) or "", Place(each.line, location))


def _code_inside(data: bytes) -> tuple[CodeInside, ...]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    found = []
    for match in _CODE.finditer(data):
        line = data.count(b"\n", 0, match.start()) + 1
        text = data[match.start() : match.start() + 80].decode("utf-8", "replace")
        found.append(CodeInside(line, " ".join(text.split())))
        if len(found) == _MOST_CODE:
            break
    return tuple(found)
