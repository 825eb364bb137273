"""Whether a page of ASP.NET is plain: nothing in its form says anything, before it is taken apart.

Most pages of a server have a handful of values that are shown and a line of code. Taking such a page apart costs many times
what YARA costs, to find nothing. What is said here of a page is what ``web_layout`` and ``web_language`` would say of it
(tested); where this is not sure, the page is taken apart.
"""

from __future__ import annotations

from brokenseal.detections.web_language import has_long_blanks, is_page_directive, read_directives
from brokenseal.detections.web_layout import PICTURE_STARTS, may_be_settings
from brokenseal.detections.web_pieces import SCRIPT, SERVER, is_handler, server_scripts

#: What names of JScript begin with or hold.
_JSCRIPT = ("js", "javascript", "ecmascript")


def is_plain(text: str) -> bool:
    """Whether no feature of the layout is in *text*, a page of ASP.NET in ASCII whose extension is not all code."""
    if has_long_blanks(text) or may_be_settings(text) or is_handler(text) or text.lstrip().startswith(PICTURE_STARTS):
        return False
    directives = list(read_directives(text))
    if sum(is_page_directive(directive) for directive in directives) > 1:
        return False
    if any(directive.attributes.get("language", "").strip().lower().startswith(_JSCRIPT) for directive in directives):
        return False
    for found in SCRIPT.finditer(text):
        attributes = found[1].lower()
        if any(name in attributes for name in _JSCRIPT) and SERVER.search(attributes):
            return False
    lower = text.lower()
    end = lower.rfind("</html>")
    return end < 0 or (lower.find("<%", end) < 0 and lower.find("<script", end) < 0)


def rough_code(text: str) -> str:
    """All server code of such a page, with more around it than is code where a block holds the mark of another one."""
    before, *parts = text.split("<%")
    # A directive's mark inside a block that is not closed is code like the rest of it.
    blocks = [
        part.partition("%>")[0]
        for part, last in zip(parts, ["%>" + before, *parts], strict=False)
        if not part.startswith("@") or "%>" not in last
    ]
    return " ; ".join([*blocks, *(text[start:end] for start, end in server_scripts(text))])
