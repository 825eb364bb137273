"""Calls of PHP whose function is no word of the code: by a name that is text, by a function that is given as an argument."""

from __future__ import annotations

import re

from brokenseal.detections.web_brackets import arguments
from brokenseal.detections.web_view import CodeView

#: PHP code of more letters is a library, in which a name means many things.
LARGE = 12_000
#: PHP code of fewer letters is a page of its own.
SMALL = 2_500
_DANGEROUS_CALLS = frozenset(
    [
        "assert",
        "eval",
        "system",
        "exec",
        "shell_exec",
        "passthru",
        "popen",
        "proc_open",
        "pcntl_exec",
        "create_function",
    ]
)
#: What follows a name in ``$r["f"]``.
_CALLBACK_NAME = re.compile(r"\s*[\[{].*$", re.DOTALL)
#: Functions that take the data before the function to call.
_DATA_FIRST = (
    "array_filter",
    "array_walk",
    "array_reduce",
    "usort",
    "uasort",
    "uksort",
    "array_u",
    "array_diff_u",
    "array_intersect_u",
    "iterator_apply",
    "preg_replace_callback",
    "mb_ereg_replace_callback",
    "filter_var",
    "callbackfilteriterator",
)


def variable_call(view: CodeView, given: str, found: re.Match[str]) -> tuple[str, str]:
    """``$f($x)``: by a name that is text, decoded or of the request, with data of the request."""
    flow = view.flow
    target = view.lower[found.start() : found.end() - 1].strip()
    fed = flow.request_in(given)
    if target.startswith(('"', '("')):
        name = target.strip('()" ')
        return ("fed", name) if fed and name in _DANGEROUS_CALLS else ("plain", "")
    names = flow.names_in(target)
    if not names or not given.strip():
        return "plain", ""
    meaning = view.constant(names[0])
    if fed and (meaning in _DANGEROUS_CALLS or names[0] in flow.decoded_names):
        return "fed", fed
    if direct := flow.direct(given):
        sure = names[0] in flow.request_names or len(view.lower) < SMALL
        return ("fed" if sure else "named"), direct
    if names[0] in flow.request_names and fed:
        return ("fed" if len(view.lower) < SMALL else "named"), names[0]
    decoded = names[0] in flow.decoded_names or meaning in _DANGEROUS_CALLS
    return ("decoded", names[0]) if decoded else ("plain", "")


def callback(view: CodeView, given: str, found: re.Match[str]) -> tuple[str, str]:
    """Which function a call is given to call: one that the request names, or a dangerous one on data of the request."""
    flow = view.flow
    parts = arguments(given + ")", 0)
    data_first = found[0].lstrip().startswith(_DATA_FIRST)
    callbacks, data = (parts[1:], parts[:1]) if data_first else (parts[:1], parts[1:])
    for part in callbacks:
        if direct := flow.direct(part):
            return "fed", direct
        large = len(view.lower) > LARGE
        if flow.decoded_in(part) and (what := flow.request_in(part)):
            return ("named" if large else "fed"), what
        name = _CALLBACK_NAME.sub("", part.strip()).strip('"')
        meaning = name if part.strip().startswith('"') else view.constant(name)
        if meaning in _DANGEROUS_CALLS or (name in flow.decoded_names):
            fed = next((what for item in data if (what := flow.request_in(item))), None)
            if meaning in _DANGEROUS_CALLS and (fed or not data or meaning in ("assert", "create_function")):
                return "fed", fed or str(meaning)
            if fed:
                return ("named" if large else "fed"), fed
        if name in flow.request_names:
            return ("fed" if len(view.lower) < SMALL else "named"), name
    return "plain", ""
