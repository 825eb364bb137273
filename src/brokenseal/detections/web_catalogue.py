"""All features that a web file can have, as rows for ``docs/webshells.md``: name, languages, weight, what it means.

``python -m brokenseal.detections.web_catalogue`` prints the table; a test holds the page against it.
"""

from __future__ import annotations

import sys

from brokenseal.detections.web_model import Model, Sink, stored_model

#: Features of form, which are code in :mod:`web_layout`, :mod:`web_features` and :mod:`web_program`: weight, what they mean.
FORM = {
    "odd_code_page": ("60", "the page is written in a code page that no honest page needs"),
    "code_in_picture": ("50", "a file that begins as a picture or document holds server code"),
    "jscript_page": ("25", "the server code of an ASP.NET page is JScript"),
    "second_directive": ("30", "a second page directive: another page was put behind the first"),
    "code_after_end": ("3-12", "server code behind the end of the page"),
    "pushed_out_of_sight": ("12", "a long run of blanks or empty lines before more of the page"),
    "code_in_microsoft_page": ("40", "a page of Exchange's own holds a dangerous call"),
    "settings_with_script": ("90-95", "settings of a virtual directory with code in a URL or among them"),
    "settings_as_page": ("60", "settings of a virtual directory were written to a page"),
    "escaped_names": ("45", "names are written with character escapes"),
    "invisible_letters": ("45", "letters that nobody sees stand inside the code"),
    "comments_in_names": ("10-25", "comments cut calls into pieces"),
    "escaped_texts": ("20-35", "letters of texts are written as escapes"),
    "letters_as_numbers": ("30", "letters are written as numbers"),
    "word_in_pieces": ("45", "a telling word is put together from pieces"),
    "word_decoded": ("45", "a telling word is decoded"),
    "word_in_encoded_text": ("45", "an encoded text holds a telling word"),
    "word_backwards": ("40", "a telling word is written backwards"),
    "program_inside": ("50", "a program is held as text"),
    "entropy": ("15-25", "the server code looks random"),
    "long_encoded_text": ("15-22", "a long encoded text in the server code"),
    "one_line": ("10", "much server code in few lines"),
    "few_letters": ("45", "hardly any letters or digits in the server code"),
    "tiny_page": ("8", "nothing but a little code that takes data from the request"),
    "many_abilities": ("15-35", "one page can do three, four, five different things that shells do"),
    "unsigned_module": ("8", "a library that hooks into the web server, or a compiled page, without any signature"),
    "names_…": ("1-60", "the library names something dangerous; the list is in the model under programs"),
}
_HOW = ("fed", "named", "posted", "whole", "both", "decoded", "dynamic", "plain")


def catalogue(model: Model) -> list[tuple[str, str, str, str]]:
    """(name, languages, weight, meaning) of every feature, sorted; what the model has twice is two rows."""
    rows = [(name, "all", weight, says) for name, (weight, says) in FORM.items()]
    rows += [(sink.name, _languages(sink.families), _span(sink), sink.says) for sink in model.sinks]
    rows += [(tell.name, _languages(tell.families), str(tell.weight), tell.says) for tell in model.tells]
    rows += [(each.name, _languages(each.families), str(each.weight), each.says) for each in model.combinations]
    return sorted(rows)


def table(model: Model) -> str:
    """The catalogue as a table of Markdown."""
    lines = ["| feature | languages | weight | what it means |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {languages} | {weight} | {says} |" for name, languages, weight, says in catalogue(model)]
    return "\n".join(lines) + "\n"


def _languages(families: frozenset[str]) -> str:
    return ", ".join(sorted(families))


def _span(sink: Sink) -> str:
    """The least and the most that a call counts, by what it is given."""
    weights = [weight for how in _HOW if (weight := sink.weights[how])]
    low, high = min(weights, default=0), max(weights, default=0) + sink.weights["own"]
    return str(low) if low == high else f"{low}-{high}"


if __name__ == "__main__":
    sys.stdout.write(table(stored_model()))
