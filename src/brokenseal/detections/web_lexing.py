"""Server code in one plain form: comments gone, escapes read, every text literal in double quotes.

What a shell does to hide a word (comments inside names, ``\\u0065`` escapes, invisible letters, ``Chr`` chains) is undone
here and counted. Line breaks keep their number: a ``\\v`` stands for one that is inside a literal or a joined line, so that
a line number in the result is one of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: A literal in the plain form.
LITERAL = r'"[^"\n]*+"'

_C = re.compile(
    r"(?P<verbatim>(?:@\$?|\$@)\"(?:[^\"]++|\"\")*+\"?)"
    r"|(?P<text>\"(?:[^\"\\\n]++|\\.)*+\"?|'(?:[^'\\\n]++|\\.)*+'?)"
    r"|(?P<comment>//[^\n]*+)|(?P<block>/\*)"
    r"|(?P<char>(?i:string\s*\.\s*fromcharcode|\(\s*char\s*\)\s*\(?|convert\s*\.\s*tochar\s*\()\s*+[(\s]*+[\d\sxa-f,]{1,4000}\)?)",
    re.DOTALL,
)
_PHP = re.compile(
    r"(?P<text>\"(?:[^\"\\]++|\\.)*+\"?|'(?:[^'\\]++|\\.)*+'?)"
    r"|(?P<comment>(?:\#(?!\[)|//)[^\n]*+)|(?P<block>/\*)"
    r"|(?P<heredoc><<<[ \t]*+[\"']?\w++[\"']?)"
    r"|(?P<tick>`[^`]{0,4000}`)"
    r"|(?P<char>(?i:\bchr)\s*\(\s*[\d\sxa-fA-F^+-]{1,24}\))",
    re.DOTALL,
)
_VB = re.compile(
    r"(?P<text>\"(?:[^\"\n]++|\"\")*+\"?)(?:[cC]\b)?"
    r"|(?P<comment>'[^\n]*+|(?i:(?<=[\n:])[ \t]*+rem[ \t][^\n]*+))"
    r"|(?P<joined>[ \t]_[ \t]*\r?\n)"
    r"|(?P<char>(?i:\bchr[bw]?)\$?\s*\(\s*[\d\s&hHxa-fA-F^+*/-]{1,24}\))",
    re.DOTALL,
)
_LEXERS = {"c": _C, "php": _PHP, "vb": _VB}
#: Names of heredocs without an end that are looked for: each search goes through the whole file.
_MOST_UNCLOSED = 50
_ESCAPE = re.compile(
    r"\\(?:u\{?([0-9a-fA-F]{4,6})\}?|U([0-9a-fA-F]{8})|x\{?([0-9a-fA-F]{1,4})\}?|([0-7]{1,3})|(.))", re.DOTALL
)
_PHP_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(U)(?!)|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\v", "r": " ", "t": "\t", "0": "\0"}
_NAME_ESCAPE = re.compile(r"(?<!\\)\\{1,64}+u{1,16}+00([2-7][0-9a-fA-F])|\\U000000([2-7][0-9a-fA-F])")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]+")
_NUMBER = re.compile(r"(&[hH]|0x)?([0-9a-fA-F]+)")
_SPACES = re.compile(r"[ \t]{2,}")


@dataclass(slots=True)
class Lexed:
    """``text``: the plain form. Counts of what was undone; each a way to hide words."""

    text: str = ""
    comments_in_names: int = 0
    name_escapes: int = 0
    letter_escapes: int = 0
    invisible: int = 0
    characters: int = 0
    longest_literal: int = 0
    literals: int = 0
    notes: list[str] = field(default_factory=list)


def lex(code: str, dialect: str, *, java: bool = False) -> Lexed:
    """*code* in the plain form. ``dialect``: c, php or vb; ``java`` reads ``\\u0022`` before anything else, as Java does."""
    result = Lexed()
    if java and "\\u" in code:
        code, result.name_escapes = _NAME_ESCAPE.subn(lambda found: chr(int(found[1] or found[2], 16)), code)
    out: list[str] = []
    at = 0
    for found in _tokens(code, _LEXERS[dialect]):
        start, end, kind, token = found
        out.append(_between(code[at:start], result))
        out.append(_plain(token, kind, dialect, result, code, start, end))
        at = end
    out.append(_between(code[at:], result))
    result.text = "".join(out)
    return result


def _tokens(code: str, lexer: re.Pattern[str]) -> list[tuple[int, int, str, str]]:
    """(start, end, kind, token) of all that is not plain code."""
    found: list[tuple[int, int, str, str]] = []
    unclosed: set[str] = set()
    at = 0
    while (token := lexer.search(code, at)) is not None:
        kind = token.lastgroup or ""
        end = token.end()
        if kind == "block":
            closed = code.find("*/", end)
            end = closed + 2 if closed >= 0 else len(code)
        elif kind == "heredoc":
            end = _heredoc_end(code, token[0], end, unclosed)
        found.append((token.start(), end, kind, code[token.start() : end]))
        at = max(end, token.start() + 1)
    return found


def _heredoc_end(code: str, opening: str, at: int, unclosed: set[str]) -> int:
    """Behind the closing name of a heredoc; *at* itself if it is never closed (a name found so is in *unclosed*)."""
    name = opening.lstrip("<").strip(" \t\"'")
    closed = code.find("\n" + name, at) if name not in unclosed and len(unclosed) < _MOST_UNCLOSED else -1
    if closed < 0:
        unclosed.add(name)
        return at
    return closed + 1 + len(name)


def _between(code: str, result: Lexed) -> str:
    """Plain code: escapes in names read, letters that nobody sees taken out."""
    if not code.isascii():
        code, count = _INVISIBLE.subn("", code)
        result.invisible += count
    if "\\" in code:
        code, count = _NAME_ESCAPE.subn(lambda found: chr(int(found[1] or found[2], 16)), code)
        result.name_escapes += count
    return _SPACES.sub(" ", code)


def _plain(token: str, kind: str, dialect: str, result: Lexed, code: str, start: int, end: int) -> str:
    breaks = "\v" * token.count("\n")
    if kind in ("comment", "block"):
        if kind == "block" and _inside_a_name(code, start, end):
            result.comments_in_names += 1
        return " " + breaks if kind == "block" else ""
    if kind == "joined":
        return " " + breaks
    if kind == "char":
        value = _characters(token)
        if value is None:
            return token
        result.characters += value.isascii() and value.isalnum()
        return f'"{value}"' + breaks
    if kind == "tick":
        return f'shell_exec("{_literal(token[1:-1])}")' + breaks
    result.literals += 1
    result.longest_literal = max(result.longest_literal, len(token))
    if kind == "verbatim":
        value = token[token.index('"') + 1 :].removesuffix('"').replace('""', "'")
    elif kind == "heredoc":
        value = token.partition("\n")[2].rpartition("\n")[0]
        if not value:
            return token
    elif dialect == "vb":
        value = token[1:].removesuffix('"').replace('""', "'")
    else:
        value = _unescaped(token, dialect, result)
    return f'"{_literal(value)}"' + breaks


def _literal(value: str) -> str:
    return value.replace('"', "'").replace("\r", " ").replace("\n", " ")


def _inside_a_name(code: str, start: int, end: int) -> bool:
    """A comment between a name and what belongs to it: ``eval/**/(``, ``Request/**/.Item``."""
    before, after = code[start - 1 : start], code[end : end + 1]
    return (
        (before.isalnum() or before in ("_", "."))
        and (after in ("(", ".", "[") or after.isalpha())
        and end - start <= 200
    )


def _unescaped(token: str, dialect: str, result: Lexed) -> str:
    quote = token[0]
    value = token[1:]
    if value.endswith(quote) and not value.endswith("\\" + quote):
        value = value[:-1]
    elif value.endswith(quote):
        value = value[:-1] if (len(value) - len(value[:-1].rstrip("\\"))) % 2 else value
    if "\\" not in value:
        return value
    if dialect == "php" and quote == "'":
        return value.replace("\\'", "'").replace("\\\\", "\\")

    def read(found: re.Match[str]) -> str:
        hexadecimal = found[1] or found[2] or found[3]
        if hexadecimal:
            number = int(hexadecimal, 16)
        elif found[4]:
            number = int(found[4], 8)
        else:
            return _PLAIN_ESCAPES.get(found[5], found[5])
        if 0x41 <= number <= 0x7A or 0x30 <= number <= 0x39:
            result.letter_escapes += 1
        return chr(number) if number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else " "

    return (_PHP_ESCAPE if dialect == "php" else _ESCAPE).sub(read, value)


def _characters(token: str) -> str | None:
    """The text of ``Chr(101)``, ``chr(0x65^5)``, ``(char)101``, ``String.fromCharCode(101, 118)``."""
    inside = token[token.index("(") :] if not token.startswith("(") else token[token.index(")") :]
    inside = inside[inside.rfind("(") + 1 :] if "(" in inside else inside
    out: list[str] = []
    for part in inside.strip("() \t\r\n").split(","):
        number = _small_number(part)
        if number is None or not 0 < number < 0x110000 or 0xD800 <= number < 0xE000:
            return None
        out.append(chr(number))
    return _literal("".join(out)) if out else None


def _small_number(part: str) -> int | None:
    pieces = re.split(r"([-+^*/])", part.strip())
    total: int | None = None
    operator = ""
    for piece in pieces:
        if piece in ("+", "-", "^", "*", "/") and total is not None:
            operator = piece
            continue
        found = _NUMBER.fullmatch(piece.strip())
        if found is None or len(found[2]) > 8:
            return None
        try:
            number = int(found[2], 16 if found[1] else 10)
        except ValueError:
            return None
        if total is None:
            total = number
        elif operator == "/":
            total = total // number if number else None
        else:
            total = {"+": total + number, "-": total - number, "*": total * number}.get(operator, total ^ number)
        if total is None or abs(total) > 1 << 40:
            return None
    return total
