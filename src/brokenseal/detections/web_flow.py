"""Which names of a page's code hold data of the request, and which hold data that was decoded: a simple taint analysis.

Names are followed through assignments, loops, calls of the page's own functions and their results, and reads into buffers.
There are no scopes: a name is one name in the whole file. That errs on the side of "fed by the request", which alone makes
nothing suspicious: only a dangerous call that is given such a name does.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from brokenseal.detections.web_brackets import arguments, balanced

#: Assignments, calls and functions of one file that are followed; more is generated or hostile.
_MOST_STEPS = 20_000
_MOST_FUNCTIONS = 2_000
_RHS = 400

_IDENTIFIER = re.compile(r"\$*[^\W\d]\w*")
_LITERAL = re.compile(r'"[^"\n]*+"')
_ASSIGN = re.compile(r"(?<![=!<>])=(?![=>~])")
#: What stands before the ``=``: a name, maybe with its owner, an index, a type (VB), an operator.
_TARGET_C = re.compile(
    r"(?:([\w$]+)(?:\[[^\]\n]{0,60}\])?\s*(?:\.|->|::)\s*)?([\w$]+)(?:\s?[\[{][^\]}\n]{0,80}[\]}])?\s*(?:[-+.&*|^]|\?\?)?$"
)
_TARGET_VB = re.compile(r"(?:(\w+)\.)?(\w+)(?:\([^)\n]{0,60}\))?(?:[ \t]+as[ \t]+(?:new[ \t]+)?[\w.()]+)?[ \t]*[&+]?$")
_BEFORE_ASSIGN = 110
_LOOPS = (
    ("foreach", re.compile(r"foreach\s*\(\s*[\w.<>\[\]]+\s+(?P<name>\w+)\s+in\s+(?P<of>[^)]{0,200})")),
    ("for each", re.compile(r"for each[ \t]+(?P<name>\w+)[^\n]{0,40}?[ \t]in[ \t]+(?P<of>[^\n]{0,200})")),
    ("foreach", re.compile(r"foreach\s*\(\s*(?P<of>[^()]{0,200}?)\s+as\s+(?:\$\w+\s*=>\s*)?(?P<name>\$\w+)")),
    ("for", re.compile(r"for\s*\(\s*[\w.<>]+\s+(?P<name>\w+)\s*:\s*(?P<of>[^)]{0,200})")),
    ("parse_str", re.compile(r"parse_str\s*\((?P<of>[^;\n]{1,200}?),\s*(?P<name>\$\w+)\s*\)")),
    ("preg_match", re.compile(r"preg_match(?:_all)?\s*\((?P<of>[^;\n]{1,200}?),\s*(?P<name>\$\w+)\s*\)")),
    ("list", re.compile(r"list\s*\(\s*(?P<name>\$\w+)[^=;\n]{0,100}=(?!=)\s*(?P<of>[^;\n]{1,200})")),
)
#: ``stream.Read(buffer, …)``: what is before the dot goes into the name; ``list.Add(x)``: what is given goes into the list.
_READ_INTO = re.compile(r"\.\s*(?:read\w*|copyto|getbytes|transferto)\s*\(\s*([a-z_]\w*)\s*[,)]")
_ADDED = re.compile(r"(?:\.|->)\s*(?:append|add|put|push|write|insert|set|load)\w*\s*\(")
#: The key of an array: who chooses the key does not choose the value.
_KEY = re.compile(r"(?<=[\w\])])\[\s*\$?\w+\s*\]")
_BEFORE = 120
_LAST_NAME = re.compile(r"[\w$]+$")
_STATEMENT_START = re.compile(r"[^;\n{}]*$")
_FUNCTIONS = {
    "c": re.compile(
        r"(?:\bfunction\s+|[\w\]>]\s+)(\w+)\s*\(([^()]{0,600})\)\s*(?:throws[\w\s,.]{0,200}|:\s*[\w.\[\]]{1,60}\s*)?\{"
    ),
    "php": re.compile(r"\bfunction\s+&?\s*(\w+)\s*\(([^()]{0,600})\)"),
    "vb": re.compile(r"\b(?:sub|function)[ \t]+(\w+)[ \t]*\(([^()]{0,600})\)"),
}
_CALL = re.compile(r"([^\W\d]\w*)\s*\(")
_NEW = re.compile(r"\bnew\s+\w+\s*\(")
_RETURN = re.compile(r"\breturn\b\s*([^;\n]{1,300})")
_WEB_METHODS = (
    re.compile(
        r"\[[^\]\n]{0,40}?(?:webmethod|operationcontract|webget|webinvoke|ajaxmethod|httpget|httppost)[^\]]{0,300}\](?:\s*\[[^\]]{0,200}\])*[\w\s.<>\[\],]{1,120}?\(([^()]{1,400})\)"
    ),
    re.compile(r"<[^>\n]{0,40}?webmethod[^>]{0,300}>[\s_\w]{1,100}?\(([^()]{1,400})\)"),
    re.compile(r"webmethodattribute[^\n{}]{0,200}function\s+\w+\s*\(([^()]{1,400})\)"),
)
#: A value that was turned into a number or the like cannot carry code.
_HARMLESS = re.compile(
    r"\s*(?:\(\s*int\s*\)|!|(?:system\.)?convert\.to(?:u?int\d*|double|boolean|datetime|decimal|byte)\b|u?int(?:32|64)?\.(?:try)?parse|intval\b|c(?:int|lng|bool|dbl|date)\s*\("
    r"|(?:integer|long|boolean|double)\.(?:parse|valueof)|(?:new\s+)?guid\b|bool(?:ean)?\.|datetime\.|decimal\.|double\.|float\.|isset\b|empty\b|count\b|strlen\b|string\.isnullor|len\s*\(|is_\w+\s*\("
    r"|(?:system\.)?type\.gettype\s*\(\s*\"(?!system|microsoft)\w+\.)"
)
_COMPARED = re.compile(r"^[^?]*(?:==|!=|\.equals\s*\()[^?]*(\?)?")
_PARAMETER_WORDS = frozenset(
    ("byval", "byref", "optional", "string", "object", "final", "out", "ref", "params", "this", "array")
)


@dataclass(frozen=True, slots=True)
class _Step:
    targets: tuple[str, ...]
    names: tuple[str, ...]
    direct: bool
    posted: bool
    decoded: bool
    at: int
    expression: str


class Flow:
    """Names of *text* (plain form, lower case) that the request feeds (``request_names``), that hold an uploaded file or
    its name (``posted_names``), or that were decoded.

    ``sources`` finds an expression of the request, ``posted`` which of them are uploads, ``decoders`` one that decodes data.
    ``inputs``: names that hold request data from the start, as the controls of a form. Values are where in the text the name
    got its data.
    """

    def __init__(
        self,
        text: str,
        dialect: str,
        sources: re.Pattern[str],
        posted: re.Pattern[str],
        decoders: re.Pattern[str],
        inputs: Iterable[str] = (),
    ) -> None:
        self._sources = sources
        self._posted = posted
        self._decoders = decoders
        self._dialect = dialect
        self.functions: set[str] = set()
        steps = self._kept = list(self._steps(text))
        start = dict.fromkeys(inputs, 0)
        for name, at in web_method_parameters(text, dialect):
            start.setdefault(name, at)
        self.request_names = _spread(steps, start, "direct")
        self.posted_names = _spread(steps, {}, "posted")
        self.decoded_names = _spread(steps, {}, "decoded")

    def direct(self, expression: str) -> str | None:
        """What of the request stands in *expression* itself."""
        found = self._sources.search(expression)
        return found[0].strip() if found else None

    def request_in(self, expression: str) -> str | None:
        """What of the request is in *expression*: the expression itself or the name that holds it. No uploaded file."""
        return self._request_source(expression) or next(
            (name for name in self.names_in(expression) if name in self.request_names), None
        )

    def _request_source(self, expression: str) -> str | None:
        for found in self._sources.finditer(expression):
            if not self._posted.search(expression, max(0, found.start() - 12), found.end() + 12):
                return found[0].strip()
        return None

    def reached_by(self, pattern: re.Pattern[str]) -> set[str]:
        """Names that hold something made with what *pattern* finds."""
        start = {target: step.at for step in self._kept if pattern.search(step.expression) for target in step.targets}
        return set(_spread(self._kept, start, ""))

    def posted_in(self, expression: str) -> str | None:
        """What of an uploaded file is in *expression*."""
        found = self._posted.search(expression)
        if found:
            return found[0].strip()
        return next((name for name in self.names_in(expression) if name in self.posted_names), None)

    def decoded_in(self, expression: str) -> str | None:
        """What of decoded data is in *expression*."""
        found = self._decoders.search(expression)
        if found:
            return found[0].strip(" (")
        return next((name for name in self.names_in(expression) if name in self.decoded_names), None)

    def names_in(self, expression: str) -> list[str]:
        if self._dialect != "php":
            expression = _LITERAL.sub('""', expression)
        return _IDENTIFIER.findall(expression)

    def _step(self, targets: tuple[str, ...], expression: str, at: int) -> _Step | None:
        if _HARMLESS.match(expression):
            return None
        compared = _COMPARED.match(expression)
        if compared:
            if not compared[1]:
                return None
            expression = expression[compared.end() :]
        posted = self._posted.search(expression) is not None
        direct = self._request_source(expression) is not None
        decoded = self._decoders.search(expression) is not None
        names = tuple(dict.fromkeys(self.names_in(_KEY.sub("[]", expression))[:60]))
        return _Step(targets, names, direct, posted, decoded, at, expression)

    def _steps(self, text: str) -> Iterator[_Step]:
        count = 0
        for targets, expression, at in self._flows(text):
            step = self._step(targets, expression, at)
            if step is not None:
                yield step
                count += 1
                if count >= _MOST_STEPS:
                    return

    def _flows(self, text: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
        yield from self._assignments(text)
        for word, loop in _LOOPS:
            if word in text:
                for found in loop.finditer(text):
                    yield (found["name"],), found["of"], found.start()
        for found in _READ_INTO.finditer(text):
            before = _STATEMENT_START.search(text[max(0, found.start() - _BEFORE) : found.start()])
            if before and before[0]:
                yield (found[1],), before[0], found.start()
        for found in _ADDED.finditer(text):
            name = _LAST_NAME.search(text[max(0, found.start() - 60) : found.start()].rstrip())
            if name:
                yield (name[0],), balanced(text, found.end(), 200), found.start()
        yield from self._calls(text)

    def _assignments(self, text: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
        target = _TARGET_VB if self._dialect == "vb" else _TARGET_C
        ends = "\n" if self._dialect == "vb" else ";"
        for found in _ASSIGN.finditer(text):
            at = found.end()
            before = text[max(0, found.start() - _BEFORE_ASSIGN) : found.start()]
            named = target.search(before[_statement_start(before) :])
            if named is None:
                continue
            owner = named[1] or ""
            targets = (named[2],) if owner in ("", "this", "me", "self", "$this") else (owner, named[2])
            end = text.find(ends, at, at + _RHS)
            yield targets, text[at : end if end >= 0 else at + _RHS], found.start()

    def _calls(self, text: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
        """Arguments that become parameters, and results that become the function's name."""
        functions: dict[str, list[str]] = {}
        starts: list[int] = []
        names: list[str] = []
        for found in _FUNCTIONS[self._dialect].finditer(text):
            if len(functions) >= _MOST_FUNCTIONS:
                break
            functions[found[1]] = [_parameter(part) for part in found[2].split(",")]
            starts.append(found.start())
            names.append(found[1])
        self.functions = set(functions)
        if not functions:
            return
        for call in _CALL.finditer(text):
            parameters = functions.get(call[1])
            if parameters:
                for parameter, argument in zip(parameters, arguments(text, call.end()), strict=False):
                    if parameter:
                        yield (parameter,), argument, call.start()
        if "__construct" in functions:
            for made in _NEW.finditer(text):
                for parameter, argument in zip(functions["__construct"], arguments(text, made.end()), strict=False):
                    yield (parameter,), argument, made.start()
        for result in _RETURN.finditer(text):
            place = bisect.bisect_right(starts, result.start()) - 1
            if place >= 0:
                yield (names[place],), result[1], result.start()


def web_method_parameters(text: str, dialect: str) -> Iterator[tuple[str, int]]:
    """Parameters of methods that a request calls by name (``[WebMethod]`` and the like)."""
    if dialect == "php" or ("web" not in text and "http" not in text and "contract" not in text and "ajax" not in text):
        return
    for pattern in _WEB_METHODS:
        for found in pattern.finditer(text):
            for part in found[1].split(","):
                if name := _parameter(part):
                    yield name, found.start()


def _statement_start(before: str) -> int:
    """Where in the text before a ``=`` its statement begins, roughly: behind the last bracket, semicolon or line."""
    return max(before.rfind(";"), before.rfind("\n"), before.rfind("{ ")) + 1


def _spread(steps: list[_Step], start: dict[str, int], of: str) -> dict[str, int]:
    reached = dict(start)
    users: dict[str, list[_Step]] = defaultdict(list)
    for step in steps:
        for name in step.names:
            users[name].append(step)
        if of and getattr(step, of):
            for target in step.targets:
                reached.setdefault(target, step.at)
    queue = deque(reached)
    while queue:
        for step in users.pop(queue.popleft(), ()):
            for target in step.targets:
                if target not in reached:
                    reached[target] = step.at
                    queue.append(target)
    return reached


def _parameter(part: str) -> str:
    """The name in ``string cmd``, ``ByVal cmd As String``, ``$cmd = 'x'``, ``cmd : String``."""
    part = part.partition("=")[0].partition(" as ")[0].partition(":")[0]
    names = [name for name in _IDENTIFIER.findall(part) if name not in _PARAMETER_WORDS]
    return names[-1] if names else ""
