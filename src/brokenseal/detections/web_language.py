"""What language a web file is in, and where in it the code stands that the server runs.

The rest of a page (HTML, script for the browser) is not looked at for what code does: ``eval`` in a browser's script says
nothing about the server.

References:
    https://learn.microsoft.com/en-us/previous-versions/aspnet/fy30at8h(v=vs.100)  (ASP.NET page syntax)
    https://www.php.net/manual/en/language.basic-syntax.phptags.php
    https://jakarta.ee/specifications/pages/  (JSP elements)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from brokenseal.detections.web_pieces import ASP, DIRECTIVE, JSP, NET, PHP, SCRIPT, SERVER, code_pieces, unescaped_xml

_EXTENSIONS = {
    "aspx": "aspx ascx master cshtml vbhtml asax skin browser aspx1",
    "ashx": "ashx axd",
    "asmx": "asmx svc soap rem",
    "asp": "asp asa cer cdx stm htr idc inc.asp",
    "php": "php php3 php4 php5 php6 php7 php8 pht phtml phar phps phpt inc module",
    "jsp": "jsp jspx jspf jspa jsw jsv jtml jhtml tag tagx",
    "config": "config htaccess ini",
}
LANGUAGE_OF = {extension: language for language, all_ in _EXTENSIONS.items() for extension in all_.split()}
FAMILY_OF = {"aspx": NET, "ashx": NET, "asmx": NET, "asp": ASP, "php": PHP, "jsp": JSP}

_DIRECTIVE_NAME = re.compile(r"\s*([a-z]\w*)(?!\s*=)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_LANGUAGE = re.compile(r"(?:language|type)\s*=\s*[\"']?\s*([\w#./]+)", re.IGNORECASE)
_CONTENT_TELLS = (
    (re.compile(r"<%@\s*webhandler\b", re.IGNORECASE), "ashx"),
    (re.compile(r"<%@\s*(?:webservice|servicehost)\b", re.IGNORECASE), "asmx"),
    (re.compile(r"<\?php\b|<script[^>]{1,40}language\s*=\s*[\"']?php", re.IGNORECASE), "php"),
    (
        re.compile(
            r"<%@\s*page\b[^>]{0,200}?\b(?:import|contenttype|pageencoding)\s*=|<jsp:|<%@\s*taglib\b", re.IGNORECASE
        ),
        "jsp",
    ),
    (re.compile(r"<%@\s*(?:page|control|master|assembly|import|register)\b", re.IGNORECASE), "aspx"),
    (re.compile(r"<%@?\s*(?:language|codepage)\s*=\s*[\"']?\s*(?:c#|c\b)", re.IGNORECASE), "aspx"),
    (re.compile(r"<%@?\s*(?:language|codepage)\b", re.IGNORECASE), "asp"),
    (re.compile(r"<script[^>]{0,200}runat\s*=\s*[\"']?server", re.IGNORECASE), "aspx"),
)


@dataclass(frozen=True, slots=True)
class Directive:
    """``<%@ Name attribute="…" %>``: lower-case name and attributes, and where it stands."""

    name: str
    attributes: dict[str, str]
    offset: int


@dataclass(frozen=True, slots=True)
class Blanks:
    """A run of blanks that was made short: on which line of the short text, how many lines went, how long it was."""

    line: int
    lines: int
    length: int


@dataclass(frozen=True, slots=True)
class Page:
    """A web file taken apart.

    ``served``: the server runs a file of this name. ``dialect``: how its code is written (c, vb, php). ``jscript``: the
    server code is JScript. ``code`` has all server code, with the line numbers of the file. ``markup`` is the file without
    it. ``regions``: how many pieces of server code; ``after_end``: server code behind the end of the HTML. ``blanks``: long
    runs of blanks and empty lines, which all of these texts have short; :meth:`file_line` gives the file's own line.
    """

    language: str
    family: str | None
    served: bool
    dialect: str
    jscript: bool
    text: str
    code: str
    markup: str
    regions: int
    after_end: tuple[int, str] | None
    directives: tuple[Directive, ...]
    blanks: tuple[Blanks, ...] = ()

    def file_line(self, line: int) -> int:
        """The file's line number of *line* of these texts."""
        return line + sum(run.lines for run in self.blanks if run.line < line)


def extension_of(windows_path: str) -> str:
    name = windows_path.replace("/", "\\").rpartition("\\")[2].lower().split(":")[0].rstrip(". ")
    return name.rpartition(".")[2] if "." in name else ""


def language_by_name(windows_path: str) -> str:
    return LANGUAGE_OF.get(extension_of(windows_path), "other")


def language_by_content(text: str) -> str:
    """The language that a file's own directives tell of, else ``other``."""
    for pattern, language in _CONTENT_TELLS:
        if pattern.search(text):
            return language
    return "other"


def take_apart(windows_path: str, text: str) -> Page:
    """*text* as a page: language by the name, by its content where the name says nothing."""
    language = language_by_name(windows_path)
    served = language in FAMILY_OF
    text, blanks = _without_long_blanks(text)
    if not served:
        language_inside = language_by_content(text)
        language = language_inside if language_inside != "other" else language
    family = FAMILY_OF.get(language)
    if family is None:
        return Page(language, None, False, "c", False, text, "", text, 0, None, (), blanks)
    directives = tuple(read_directives(text)) if family != PHP else ()
    if family == JSP and "<jsp:" in text[:65536].lower():
        text = unescaped_xml(text)
    pieces = list(code_pieces(family, extension_of(windows_path), text))
    languages = _said_languages(directives, text) if family in (NET, ASP) else []
    jscript = any(said.startswith(("js", "jscript", "javascript", "ecmascript")) for said in languages)
    dialect = _dialect(family, languages, jscript, text, pieces)
    code, markup = _separated(text, pieces)
    return Page(
        language,
        family,
        served,
        dialect,
        jscript,
        text,
        code,
        markup,
        len(pieces),
        _after_end(text, pieces),
        directives,
        blanks,
    )


_LONG_BLANKS = re.compile(r"[ \t\r\n\f\v\xa0]{50,}+")
#: What every tenth letter of a text shows that has such a run.
_OF_LONG_BLANKS = re.compile(r"[ \t\r\n\f\v\xa0]{5}")


def has_long_blanks(text: str) -> bool:
    """Whether there may be a long run of blanks and empty lines."""
    return _OF_LONG_BLANKS.search(text[::10]) is not None


def _without_long_blanks(text: str) -> tuple[str, tuple[Blanks, ...]]:
    """*text* with each long run of blanks and empty lines as one: they hide code from readers and slow every search."""
    if not has_long_blanks(text):
        return text, ()
    out: list[str] = []
    runs: list[Blanks] = []
    at, line = 0, 1
    for found in _LONG_BLANKS.finditer(text):
        lines = found[0].count("\n")
        kept = "\n" if lines else " "
        line += text.count("\n", at, found.start())
        runs.append(Blanks(line, lines - 1 if lines else 0, len(found[0]) if found.end() < len(text) else 0))
        out += (text[at : found.start()], kept)
        at, line = found.end(), line + (1 if lines else 0)
    out.append(text[at:])
    return ("".join(out), tuple(runs)) if runs else (text, ())


def is_page_directive(directive: Directive) -> bool:
    """Whether it says what the whole file is, of which a file has one."""
    return directive.name in ("page", "control", "master", "webhandler", "webservice")


def read_directives(text: str) -> Iterator[Directive]:
    """The directives of a page, in order."""
    for found in DIRECTIVE.finditer(text):
        name = _DIRECTIVE_NAME.match(found[1])
        attributes = {
            item[1].lower(): next(value for value in item.groups()[1:] if value is not None)
            for item in _ATTRIBUTE.finditer(found[1])
        }
        yield Directive(name[1].lower() if name else "", attributes, found.start())


def _said_languages(directives: tuple[Directive, ...], text: str) -> list[str]:
    said = [d.attributes["language"].strip().lower() for d in directives if "language" in d.attributes]
    for found in SCRIPT.finditer(text):
        if SERVER.search(found[1]) and (named := _LANGUAGE.search(found[1])):
            said.append(named[1].lower().removeprefix("text/"))
    return said


def _dialect(family: str, languages: list[str], jscript: bool, text: str, pieces: list[tuple[int, int]]) -> str:
    if family == PHP:
        return "php"
    if family == JSP:
        return "c"
    if any(said.startswith("vb") for said in languages):
        return "vb"
    if jscript or any(said.startswith(("c", "j")) for said in languages):
        return "c"
    if family == ASP:
        return "vb"
    # Nothing said: ASP.NET's own default is VB, but handlers and fragments are mostly C#.
    sample = "".join(text[start:end] for start, end in pieces)[:20000]
    lines = sample.count(";")
    lower = sample.lower()
    if lower.count("end ") + lower.count("dim ") + lower.count("imports ") <= lines:
        return "c"
    visual_basic = len(re.findall(r"\b(?:end (?:sub|if|function|class)|dim \w+|imports \w)", sample, re.IGNORECASE))
    return "vb" if visual_basic > lines else "c"


def _separated(text: str, pieces: list[tuple[int, int]]) -> tuple[str, str]:
    """(server code with the file's line numbers, everything else)."""
    code: list[str] = []
    markup: list[str] = []
    at = 0
    for start, end in pieces:
        between = text[at:start]
        markup.append(between)
        if code:
            code.append(" ; ")
        code.append("\n" * between.count("\n"))
        code.append(text[start:end])
        at = end
    markup.append(text[at:])
    return "".join(code), "".join(markup)


def _after_end(text: str, pieces: list[tuple[int, int]]) -> tuple[int, str] | None:
    """(offset, code) of the first server code behind ``</html>``."""
    end = text.lower().rfind("</html>") if pieces else -1
    if end < 0:
        return None
    for start, stop in pieces:
        if start > end and re.search(r"\w\s*[(\[]", text[start:stop]):
            return start, text[start:stop]
    return None
