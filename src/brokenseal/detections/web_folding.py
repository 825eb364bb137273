"""Constant texts put together as the server would: joined literals, names that hold one literal, calls on literals.

``"ev" & "al"``, ``a = "ev": b = "al": execute(a & b)``, ``Replace("eXvXaXl", "X", "")``, ``StrReverse("lave")``,
``base64_decode("ZXZhbA==")`` all become the literal that they mean. Works on the plain form of :mod:`web_lexing`, in passes
over the whole text; what cannot be worked out stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from brokenseal.detections.web_codecs import DECODERS, LONGEST, decode_call

#: Rounds of folding: a name that is made of names that are made of literals.
_ROUNDS = 3
#: Constants of a file that are kept.
_MOST_NAMES = 4000

_OPERATORS = {"c": r"\+", "php": r"\.", "vb": r"[&+]"}
_NAME = {"c": r"(?<![\w.$\"])[a-zA-Z_]\w*", "php": r"\$\w+", "vb": r"(?<![\w.\"])[a-zA-Z_]\w*"}
_LIT = r'"[^"\n]*+"'
_ASSIGNED = re.compile(r"([.+&]?)(?<![=!<>])=(?![=>~])\s*+(\"[^\"\n]*+\"(?=\s*(?:[;,:)}\n]|$)))?")
_TARGET = re.compile(r"(?<![\w.$>])\$?[^\W\d]\w*\s*(?:\[\s*\]\s*)?(?:\s+as\s+string\s*)?$", re.IGNORECASE)


@dataclass(slots=True)
class Folded:
    """``text`` in the plain form. ``joined``: (offset, whole, pieces) of literals that were put together."""

    text: str
    joined: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)
    decoded: list[tuple[int, str, str]] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)


def fold(text: str, dialect: str) -> Folded:
    """Fold *text* (plain form); see the module."""
    result = Folded(text)
    budget = 4 * len(text) + LONGEST
    for _ in range(_ROUNDS):
        before = result.text
        constants = _constants(before, dialect)
        changed = _calls(before, result)
        changed = _chains(changed, dialect, constants, result)
        if constants:
            changed = _indexed(changed, dialect, constants)
        if len(changed) > budget:
            break
        result.text = changed
        if changed == before:
            break
    result.constants = _constants(result.text, dialect)
    return result


def _constants(text: str, dialect: str) -> dict[str, str]:
    """Names that are given one literal and nothing else in the whole text."""
    values: dict[str, str | None] = {}
    for found in _ASSIGNED.finditer(text):
        target = _TARGET.search(text[max(0, found.start() - 50) : found.start()])
        if target is None:
            continue
        name = target[0].rstrip("[] \t\n\v")
        if dialect == "vb":
            name = name.lower().partition(" as ")[0]
        known = found[2] is not None and not found[1] and name not in values and len(values) < _MOST_NAMES
        values[name] = found[2][1:-1] if known else None
    return {name: value for name, value in values.items() if value is not None and len(value) <= 65536}


def _chains(text: str, dialect: str, constants: dict[str, str], result: Folded) -> str:
    operator = _OPERATORS[dialect]
    unlike = r"(?![\w(\[{]|->|::)" if dialect == "php" else r"(?![\w(\[.])"
    atom = f"(?:{_LIT}|{_NAME[dialect]}{unlike})" if constants else f"(?:{_LIT})"
    chain = re.compile(rf"{atom}(?:\s*+{operator}\s*+{atom})++")
    pieces = re.compile(rf"({_LIT})|({_NAME[dialect]})|([\v\n])")

    def join(found: re.Match[str]) -> str:
        parts: list[str | None] = []
        names: list[str] = []
        breaks = 0
        for piece in pieces.finditer(found[0]):
            if piece[3]:
                breaks += 1
            elif piece[1] is not None:
                parts.append(piece[1][1:-1])
                names.append(piece[1])
            else:
                parts.append(constants.get(piece[2] if dialect != "vb" else piece[2].lower()))
                names.append(piece[2])
        return _merged(parts, names, found.start(), result, operator) + "\v" * breaks

    return chain.sub(join, text)


def _merged(parts: list[str | None], names: list[str], offset: int, result: Folded, operator: str) -> str:
    """Known neighbours as one literal, unknown ones as they are."""
    sign = {r"\+": " + ", r"\.": " . "}.get(operator, " & ")
    out: list[str] = []
    run: list[str] = []
    for part, name in zip([*parts, None], [*names, ""], strict=True):
        if part is not None:
            run.append(part)
            continue
        if run:
            whole = "".join(run)
            if len(run) > 1 and len(result.joined) < 5000:
                result.joined.append((offset, whole, tuple(run)))
            out.append(f'"{whole}"')
            run = []
        if name:
            out.append(name)
    return sign.join(out)


def _indexed(text: str, dialect: str, constants: dict[str, str]) -> str:
    """``a[3]``, ``a.charAt(3)``, ``$a{3}``, ``Mid(a, 4, 1)`` of a constant as the letter that it is."""

    def letter(found: re.Match[str]) -> str:
        name, number = found[1], int(found[2])
        value = constants.get(name if dialect != "vb" else name.lower())
        if value is None or not 0 <= number < len(value):
            return found[0]
        return f'"{value[number]}"'

    text = _INDEX.sub(letter, text)
    if dialect == "vb":
        text = _MID.sub(
            lambda found: (
                f'"{value[int(found[2]) - 1 : int(found[2]) - 1 + int(found[3])]}"'
                if (value := constants.get(found[1].lower())) and int(found[2])
                else found[0]
            ),
            text,
        )
    return text


_INDEX = re.compile(
    r"((?<![\w$>])\$[^\W\d]\w*|(?<![\w.$>])[^\W\d]\w*)(?:\s*[\[{]\s*(?=\d)|\s*\.\s*(?i:charat|chars|substring)\s*\(\s*(?=\d{1,6}\s*(?:,\s*1\s*)?\))|\s*\(\s*(?=\d{1,4}\s*\)\s*[+&]))"
    r"(\d{1,6})\s*(?:,\s*1\s*)?[\]})]"
)
_MID = re.compile(r"(?i:\bmid)\$?\s*\(\s*([a-zA-Z_]\w*)\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*\)")


def _calls(text: str, result: Folded) -> str:
    """Calls whose arguments are literals."""
    lower = text.lower()
    if "replace" in lower:
        text = _REPLACE.sub(lambda found: _replaced(found, result), text)
        text = _REPLACE_PHP.sub(lambda found: _replaced(found, result, whole=3, old=1, new=2), text)
        text = _REPLACE_METHOD.sub(lambda found: _replaced(found, result), text)

    def decoded(found: re.Match[str]) -> str:
        calls = _CALL_NAME.findall(found[1])
        closing = found[3].count(")")
        value = found[2]
        applied = 0
        for name in reversed(calls[-closing:]):
            following = decode_call(name.lower(), value)
            if following is None or len(following) > LONGEST:
                break
            value, applied = following, applied + 1
        if not applied:
            return found[0]
        value = plain_literal(value)
        if len(result.decoded) < 500:
            result.decoded.append((found.start(), ", ".join(calls[-applied:]), value))
        outer = "".join(f"{name}(" for name in calls[: len(calls) - applied])
        return f'{outer}"{value}"' + ")" * (closing - applied)

    if any(name in lower for name in DECODERS if name not in _EASY):
        text = _UNARY.sub(decoded, text)
    if "join" in lower or "implode" in lower or "concat" in lower:
        text = _ARRAY.sub(_listed, text)
    return text


def _listed(found: re.Match[str]) -> str:
    """``implode("", ["a", "b"])`` as ``"ab"``; its line breaks stay."""
    pieces = re.findall(r'"([^"\n]*+)"', found[1] or found[2])
    return f'"{"".join(pieces)}"' + "\v" * found[0].count("\n")


def _replaced(found: re.Match[str], result: Folded, *, whole: int = 1, old: int = 2, new: int = 3) -> str:
    if not found[old] or len(found[new]) > 100:
        return found[0]
    value = found[whole].replace(found[old], found[new])
    if len(result.decoded) < 500:
        result.decoded.append((found.start(), "replacing", value))
    return f'"{value}"'


_REPLACE = re.compile(r'(?i:(?<![\w.])replace)\s*\(\s*"([^"\n]*+)"\s*,\s*"([^"\n]*+)"\s*,\s*"([^"\n]*+)"\s*\)')
_REPLACE_PHP = re.compile(r'(?i:str_i?replace)\s*\(\s*"([^"\n]*+)"\s*,\s*"([^"\n]*+)"\s*,\s*"([^"\n]*+)"\s*\)')
_REPLACE_METHOD = re.compile(r'"([^"\n]*+)"\s*\.\s*(?i:replace)\s*\(\s*"([^"\n]*+)"\s*,\s*"([^"\n]*+)"\s*\)')
_DECODER_NAMES = (
    r"(?i:strrev|strreverse|base64_decode|str_rot13|hex2bin|urldecode|rawurldecode|unescape|decodeuricomponent"
    r"|gzinflate|gzuncompress|gzdecode|frombase64string|atob|trim|strtolower|lcase)"
)
_UNARY = re.compile(
    rf"((?:(?:(?i:system\s*\.\s*)?(?i:convert\s*\.\s*))?(?<![\w$>]){_DECODER_NAMES}\s*\(\s*){{1,12}})\"([^\"\n]*+)\"((?:\s*+\))+)"
)
_CALL_NAME = re.compile(_DECODER_NAMES + r"(?=\s*\()")
#: ``implode("", ["a", "b"])``, ``String.Concat("a", "b")``, ``join("", …)``.
_LITERALS = r'("[^"\n]*+"(?:\s*+,\s*+"[^"\n]*+")++)'
_ARRAY = re.compile(
    r'(?i:(?<![\w>$])(?:string\s*\.\s*)?(?:implode|join|concat)\s*\(\s*(?:""\s*,\s*)?)'
    rf"(?:(?i:array\s*\(|\[|new\s*(?:string)?\s*\[\s*\]\s*\{{)\s*{_LITERALS}\s*[)\]}}]\s*\)|{_LITERALS}\s*\))"
)


#: What honest code does all the time: taken off only together with something else.
_EASY = frozenset({"trim", "strtolower", "lcase"})


def plain_literal(value: str) -> str:
    return value.replace('"', "'").replace("\r", " ").replace("\n", "\v")
