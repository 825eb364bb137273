"""Where in a web file the code stands that the server runs: blocks, server scripts, elements of JSP, PHP between its tags.

References:
    https://learn.microsoft.com/en-us/previous-versions/aspnet/fy30at8h(v=vs.100)  (ASP.NET page syntax)
    https://www.php.net/manual/en/language.basic-syntax.phptags.php
    https://jakarta.ee/specifications/pages/  (JSP elements)
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

#: Names of a family of languages that share features.
NET, ASP, PHP, JSP = "net", "asp", "php", "jsp"
#: Extensions that are all code after the directive, when no ``<% %>`` follows.
ALL_CODE = frozenset({"ashx", "asmx", "svc", "soap", "rem", "axd"})
RAZOR = frozenset({"cshtml", "vbhtml"})
DIRECTIVE = re.compile(r"<%@((?:[^%<]++|%(?!>)|<(?!%))*+)%>")
SCRIPT = re.compile(r"<script\b([^>]{0,500})>", re.IGNORECASE)
SERVER = re.compile(r"runat\s*=\s*[\"']?\s*server", re.IGNORECASE)


def code_pieces(family: str, extension: str, text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each piece of server code, in order."""
    if family == PHP:
        yield from _php_pieces(text)
        return
    found = sorted([*_blocks(text), *server_scripts(text), *(_jsp_elements(text) if family == JSP else ())])
    directives = [item.end() for item in DIRECTIVE.finditer(text)]
    if family == NET and (extension in ALL_CODE or is_handler(text)) and directives:
        yield directives[0], len(text)
        return
    if family == NET and extension in RAZOR:
        yield 0, len(text)
        return
    end = 0
    for start, stop in found:
        if stop > end:
            yield max(start, end), stop
            end = stop


def is_handler(text: str) -> bool:
    """Whether the page says of itself that it is a handler or service: all code after the directive."""
    return re.match(r"\s*<%@\s*(?:webhandler|webservice|servicehost)\b", text[:2000], re.IGNORECASE) is not None


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """``<% %>``, ``<%= %>``, ``<%! %>``, ``<%# %>``: not directives, not server-side comments."""
    at = text.find("<%")
    while at >= 0:
        following = text[at + 2 : at + 4]
        if following.startswith("--"):
            end = text.find("--%>", at)
        else:
            end = text.find("%>", at + 2)
            if not following.startswith("@"):
                start = at + 2 + (following[:1] in ("=", "!", "#", ":", "$"))
                yield start, end if end >= 0 else len(text)
        if end < 0:
            return
        at = text.find("<%", end)


def server_scripts(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the code of each script element that the server runs."""
    closing = re.compile("</script", re.IGNORECASE)
    for found in SCRIPT.finditer(text):
        if not SERVER.search(found[1]):
            continue
        end = closing.search(text, found.end())
        yield found.end(), end.start() if end else len(text)
        if not end:
            return


def _jsp_elements(text: str) -> Iterator[tuple[int, int]]:
    for found in re.finditer(r"<jsp:(scriptlet|declaration|expression)\s*>", text, re.IGNORECASE):
        end = text.find("</jsp:", found.end())
        yield found.end(), end if end >= 0 else len(text)
        if end < 0:
            return
    for found in re.finditer(r"[$#]\{([^{}\n]{3,2000})\}", text):
        if "(" in found[1]:
            yield found.start(1), found.end(1)


def unescaped_xml(text: str) -> str:
    """*text* of a JSP document with its sections and entities read."""
    text = re.sub(r"<!\[CDATA\[|\]\]>", " ", text)
    return html.unescape(text) if "&" in text else text


_PHP_OPEN = re.compile(
    r"<\?(?:php\b|=|(?!xml|import|mso))|<script[^>]{1,60}language\s*=\s*[\"']?php[\"']?[^>]{0,40}>", re.IGNORECASE
)
_PHP_TOKEN = re.compile(
    r"\"(?:[^\"\\]++|\\.)*+\"?|'(?:[^'\\]++|\\.)*+'?|(?:\#(?!\[)|//)(?:[^\n?]++|\?(?!>))*+"
    r"|/\*|\?>|<<<[ \t]*+[\"']?\w++[\"']?|</script",
    re.DOTALL | re.IGNORECASE,
)
#: Names of heredocs without an end that are looked for: each search goes through the whole file.
_MOST_UNCLOSED = 50
_HEREDOC = re.compile(r"<<<[ \t]*+[\"']?(\w++)")


def _php_pieces(text: str) -> Iterator[tuple[int, int]]:
    opened = _PHP_OPEN.search(text)
    if opened is None and "<%" in text:  # asp_tags
        yield from _blocks(text)
        return
    unclosed: set[str] = set()
    while opened is not None:
        start = at = opened.end()
        end = len(text)
        while (token := _PHP_TOKEN.search(text, at)) is not None:
            at = token.end()
            first = token[0][:2]
            if first == "?>" or (first == "</" and opened[0][:2] == "<s"):
                end = token.start()
                break
            if first == "/*":
                closed = text.find("*/", at)
                at = closed + 2 if closed >= 0 else len(text)
            elif first == "<<":
                at = _heredoc_end(text, token[0], at, unclosed)
        yield start, end
        opened = _PHP_OPEN.search(text, end)


def _heredoc_end(text: str, opening: str, at: int, unclosed: set[str]) -> int:
    """Behind the closing name of a heredoc; *at* itself if it is never closed (a name found so is in *unclosed*)."""
    named = _HEREDOC.match(opening)
    closed = (
        text.find("\n" + named[1], at) if named and named[1] not in unclosed and len(unclosed) < _MOST_UNCLOSED else -1
    )
    if named is None or closed < 0:
        unclosed.update(named.groups() if named else ())
        return at
    return closed + 1 + len(named[1])
