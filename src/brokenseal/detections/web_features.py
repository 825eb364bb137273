"""What in a page speaks for a web shell: dangerous calls, what feeds them, what hides them; weights and sentences.

The features are data (:mod:`web_model`); here they are looked for in the plain form of a page's server code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from brokenseal.detections.web_brackets import arguments, balanced, statement
from brokenseal.detections.web_model import Sink, Tell
from brokenseal.detections.web_php_calls import LARGE, SMALL, callback, variable_call
from brokenseal.detections.web_pieces import PHP
from brokenseal.detections.web_view import EXCERPT, CodeView, lowered

#: Places of one call that are looked at.
_MOST_PLACES = 60
#: Server code of fewer letters is a tiny page.
TINY = 1800

_CONSTANT_WORDS = re.compile(
    r"(?:true|false|null|nothing|new|string|int|object|void|this|me|self|array|byte|char|bool|var|dim|set|as|of|and|or|not"
    r"|server|mappath|page|context|httpcontext|current|system|io|path|combine)\b"
)
#: ``eval("(" + text + ")")``: how JSON was read before there was a parser.
_JSON_EVAL = re.compile(r'\s*\(?\s*"[\w\s=]*\("\s*[+&]\s*[\w.$]+(?:\(\))?\s*[+&]\s*"\);?"')
#: An address whose server is fixed, a type whose namespace is (one of the page's own, not of the platform).
_FIXED_SERVER = re.compile(r'\s*(?:new uri\s*\()?\s*"https?://[^"/]+/')
_OWN_NAMESPACE = re.compile(r'\s*"(?!system|microsoft|java|sun\.|com\.sun)\w+\.[\w.]*"\s*[+&]')
_OWN_FOLDER = re.compile(
    r'mappath\s*\(\s*"(?:\.?/?|~/?|\./|\.\./)"\s*\)|physicalapplicationpath|physicalpath|appdomainapppath|path_translated'
    r"|appl_physical_path"
    r'|"[a-z]:(?:\\+|/)(?:windows|program files|wwwroot|web\b)|inetpub|wwwroot|\.\s*localpath\b'
    r'|pathtranslated|getrealpath\s*\(\s*"/?"\s*\)'
    r"|\bmappath\s*\(\s*request"
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that speaks for (or of) a web shell: its weight, its ``kind``, and a plain sentence with the evidence."""

    name: str
    weight: int
    sentence: str
    kind: str


def code_features(view: CodeView) -> list[Feature]:
    """Features of the code that *view* shows, in the order of the model."""
    search = _Search(view)
    return search.features()


class _Search:
    def __init__(self, view: CodeView) -> None:
        self.view = view
        self.family = view.page.family or "config"
        self.found: list[Feature] = []
        self.seen: set[str] = set()
        self.kinds: set[str] = set()
        self.raw = lowered(view.page.text)
        self.markup = view.page.markup.lower()

    def features(self) -> list[Feature]:
        view, model = self.view, self.view.model
        if view.has_source:
            self.seen.add("_source")
        for fact in model.facts:
            if (
                self.family in fact.families
                and fact.pattern.worth_a_look(view.lower)
                and fact.pattern.expression.search(view.lower)
            ):
                self.seen.add("_" + fact.name)
        for sink in model.sinks:
            if self.family in sink.families and (sink.only != "jscript" or view.page.jscript):
                self._sink(sink)
        for tell in model.tells:
            if self.family in tell.families:
                self._tell(tell)
        for combination in model.combinations:
            if (
                self.family in combination.families
                and self.seen.issuperset(combination.all_of)
                and (not combination.any_of or self.seen.intersection(combination.any_of))
                and not self.seen.intersection(combination.none_of)
                and (not combination.tiny or len(view.lexed.text.strip()) <= TINY)
            ):
                self._add(combination.name, combination.weight, combination.says, combination.kind)
        breadth = {feature.kind for feature in self.found if feature.weight >= 10} & model.breadth_kinds
        weight = max((value for count, value in model.breadth.items() if len(breadth) >= count), default=0)
        if weight:
            self._add(
                "many_abilities", weight, f"one page can do {len(breadth)} different things that shells do", "shell"
            )
        return self.found

    def _add(self, name: str, weight: int, sentence: str, kind: str) -> None:
        self.found.append(Feature(name, weight, sentence, kind))

    def _text_of(self, on: str) -> str:
        if on == "raw":
            return self.raw
        if on == "markup":
            return self.markup
        if on == "bare":
            return self.view.bare
        return self.view.lower

    def _sink(self, sink: Sink) -> None:
        text = self._text_of(sink.on)
        if (
            sink.needs and not any(word in self.raw or word in text for word in sink.needs)
        ) or not sink.pattern.worth_a_look(text):
            return
        best: tuple[int, str, int, int, str] | None = None
        for number, found in enumerate(sink.pattern.expression.finditer(text)):
            if number >= _MOST_PLACES:
                break
            if sink.only == "lower" and found[0] != self.view.text[found.start() : found.end()]:
                continue  # Eval in ASP.NET binds data; eval is JScript's
            self.seen.add(sink.name)
            self.kinds.add(sink.kind)
            given = _given(sink.arg, text, found)
            how, what = self._feeding(sink, given, found)
            weight = sink.weights[how]
            if how in ("named", "decoded") and self.family == PHP and len(text) > LARGE:
                weight //= 2  # names are not told apart by function, which goes wrong in large files
            if weight and sink.weights["own"] and self._own_folder(given):
                weight += sink.weights["own"]
                what += " into the folder of the pages"
            if best is None or weight > best[0]:
                best = (weight, how, found.start(), found.end() + len(given) + 1, what)
        if best is None:
            return
        weight, how, start, end, what = best
        excused = [name for name in sink.excuses if "_" + name in self.seen]
        weight = max(0, weight - sum(sink.excuses[name] for name in excused))
        if weight:
            self._add(sink.name, weight, self._sentence(sink, how, what, start, end, excused), sink.kind)

    def _feeding(self, sink: Sink, given: str, found: re.Match[str]) -> tuple[str, str]:
        """(which weight counts, what feeds the call)."""
        flow = self.view.flow
        if sink.arg == "none":
            return "plain", ""
        if sink.arg == "variable_call":
            return variable_call(self.view, given, found)
        if sink.arg == "callback":
            return callback(self.view, given, found)
        if sink.weights["both"]:
            parts = arguments(given + ")", 0)
            if len(parts) > 1 and (first := flow.request_in(parts[0])) and (second := flow.request_in(parts[1])):
                direct = flow.direct(parts[0]) or flow.direct(parts[1]) or len(self.view.lower) < SMALL
                return ("both", first) if direct else ("named", second)
        if (sink.kind in ("tunnel", "upload") and _FIXED_SERVER.match(given)) or (
            sink.kind == "load" and _OWN_NAMESPACE.match(given)
        ):
            return "plain", ""
        if sink.kind == "eval" and _JSON_EVAL.match(given) and not flow.direct(given):
            return "plain", ""
        request = flow.request_in(given)
        if sink.weights["whole"]:
            whole = request and not re.search(r'"[^"\n]', re.sub(r'[\[(]\s*"[^"\n]*"\s*[\])]', "", given))
            return ("whole", str(request)) if whole else ("plain", "")
        if request:
            return ("fed" if flow.direct(given) else "named"), request
        if posted := flow.posted_in(given):
            return "posted", posted
        if decoded := flow.decoded_in(given):
            return "decoded", decoded
        names = [name for name in flow.names_in(given) if not _CONSTANT_WORDS.fullmatch(name)]
        return ("dynamic", names[0]) if names else ("plain", "")

    def _own_folder(self, expression: str) -> bool:
        """Whether a path leads straight into the folder of the pages, or to a fixed place on a drive."""
        if _OWN_FOLDER.search(expression):
            return True
        names = self.view.flow.reached_by(_OWN_FOLDER)
        return any(name in names for name in self.view.flow.names_in(expression))

    def _sentence(self, sink: Sink, how: str, what: str, start: int, end: int, excused: list[str]) -> str:
        if sink.on in ("code", "bare"):
            place, excerpt = self.view.place(start), self.view.excerpt(start, end)
        else:
            place, excerpt = (
                f"line {self.view.page.file_line(1 + self.raw.count(chr(10), 0, start))}",
                self.view.page.text[start:end][:EXCERPT],
            )
        given = {
            "fed": f", with data of the request ({_short(what)})",
            "named": f", with data of the request ({_short(what)})",
            "both": f", with data of the request ({_short(what)})",
            "whole": f", given whole by the request ({_short(what)})",
            "posted": f", from an upload ({_short(what)})",
            "decoded": f", with decoded data ({_short(what)})",
        }.get(how, "")
        less = (
            f"; counts less for its {' and '.join(name.replace('_', ' ') for name in sorted(excused))}"
            if excused
            else ""
        )
        return f"{sink.says}{given}: {place}: {excerpt}{less}"

    def _tell(self, tell: Tell) -> None:
        text = self._text_of(tell.on) if tell.on != "all" else self.raw
        if (tell.needs_source and "_source" not in self.seen) or (
            tell.needs_sink and tell.needs_sink not in self.kinds
        ):
            return
        if (tell.unless and "_" + tell.unless in self.seen) or not tell.pattern.worth_a_look(text):
            return
        places: dict[str, re.Match[str]] = {}
        count = 0
        for found in tell.pattern.expression.finditer(text):
            count += 1
            places.setdefault(found[0] if tell.distinct else "", found)
            if (len(places) if tell.distinct else count) >= tell.least:
                break
        if (len(places) if tell.distinct else count) < tell.least:
            return
        first = next(iter(places.values()))
        self.seen.add(tell.name)
        if tell.on in ("code", "bare"):
            where = f"{self.view.place(first.start())}: {self.view.excerpt(first.start(), first.end())}"
        else:
            line = self.view.page.file_line(1 + text.count("\n", 0, first.start()))
            where = f"{'line ' + str(line) + ': ' if tell.on != 'markup' else ''}{' '.join(first[0].split())[:EXCERPT]}"
        self._add(tell.name, tell.weight, f"{tell.says}: {where}", tell.kind)


def _given(arg: str, text: str, found: re.Match[str]) -> str:
    """The text that a call is given."""
    if arg == "none":
        return ""
    if arg in ("call", "callback", "variable_call"):
        return balanced(text, found.end())
    if arg == "first":
        if not found[0].rstrip().endswith("("):
            return statement(text, found.end())
        return arguments(text, found.end())[0]
    return statement(text, found.end())


def _short(what: str) -> str:
    what = re.sub(r"\s+", " ", what).strip()
    return what if len(what) <= 40 else what[:39] + "…"
