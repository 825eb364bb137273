"""What of a page's form speaks for a web shell: where code stands, how it is hidden, what it looks like as a whole."""

from __future__ import annotations

import math
import re
from collections import Counter

from brokenseal.detections.web_decoding import DecodedText
from brokenseal.detections.web_features import Feature
from brokenseal.detections.web_language import Page, is_page_directive
from brokenseal.detections.web_pieces import ASP, NET, PHP
from brokenseal.detections.web_view import CodeView

PICTURE_STARTS = ("GIF8", "\x89PNG", "\ufffdPNG", "ÿØÿ", "BM", "\x00\x00\x01\x00", "%PDF", "RIFF")
_PROPERTY = re.compile(r"^[ \t]*[A-Za-z][\w ]{1,60}[ \t]*:(?: |[ \t]*$)", re.MULTILINE)
_DIRECTORY_PROPERTIES = re.compile(
    r"\b(?:PollInterval|OfflineAddressBooks|InternalUrl|ExternalUrl|MetabasePath|BasicAuthentication|WindowsAuthentication|"
    r"ExtendedProtectionTokenChecking|AdminDisplayVersion|InternalAuthenticationMethods|RequireSSL|OriginatingServer|ObjectCategory)\b",
    re.IGNORECASE,
)
_URL_WITH_CODE = re.compile(r"(?:internal|external)url\s*:\s*[^\n]{0,300}?<[^\n]{0,600}", re.IGNORECASE)
_MICROSOFT = re.compile(
    r"(?:inherits|assembly name|namespace|src)\s*=\s*[\"']?(?:~/)?microsoft\.exchange", re.IGNORECASE
)
_NO_LETTER = re.compile(r"[\W_]+")
_ENTROPY_SAMPLE = 64 << 10
_CLASSIC = re.compile(r"<html|<!doctype|<head|<body|<form|<asp:|<div|<table", re.IGNORECASE)


def layout_features(page: Page, decoded: DecodedText) -> list[Feature]:
    """Features of the whole file: an odd code page, settings dumps, code where none belongs."""
    found: list[Feature] = []
    if decoded.odd:
        found.append(
            Feature("odd_code_page", 60, f"the page is written in {decoded.odd}, which no honest page needs", "hidden")
        )
    found += _settings_dump(page)
    if page.family is None:
        return found
    if page.regions and page.text.lstrip().startswith(PICTURE_STARTS):
        found.append(
            Feature("code_in_picture", 50, "a file that begins as a picture or document holds server code", "hidden")
        )
    if page.jscript and page.family == NET:
        found.append(
            Feature(
                "jscript_page",
                25,
                "the server code is JScript, which ordinary ASP.NET pages are not written in",
                "eval",
            )
        )
    pages = [directive for directive in page.directives if is_page_directive(directive)]
    if page.family == NET and len(pages) > 1:
        line = page.file_line(1 + page.text.count("\n", 0, pages[1].offset))
        found.append(
            Feature(
                "second_directive",
                30,
                f"a second page directive at line {line}: another page was put behind the first",
                "appended",
            )
        )
    if page.after_end:
        line = page.file_line(1 + page.text.count("\n", 0, page.after_end[0]))
        weight = 12 if page.family == NET else 3
        found.append(
            Feature(
                "code_after_end",
                weight,
                f"server code behind the end of the page, at line {line}: {_short(page.after_end[1])}",
                "appended",
            )
        )
    hidden = [run for run in page.blanks if run.lines >= 60 or (run.lines == 0 and run.length >= 200)]
    if hidden and page.regions and page.family in (NET, ASP, PHP) and len(page.code) < 8000:
        line = page.file_line(hidden[0].line)
        sentence = f"a run of {hidden[0].length:,} blanks or empty lines before more of the page, at line {line}"
        found.append(Feature("pushed_out_of_sight", 12, sentence, "hidden"))
    return found


def appended_features(page: Page, strongest: int) -> list[Feature]:
    """A page of Exchange that holds a dangerous call: Microsoft's own pages have theirs in a library."""
    if page.family != NET or strongest < 15 or not _MICROSOFT.search(page.text):
        return []
    return [
        Feature(
            "code_in_microsoft_page",
            40,
            "a page that is made as one of Microsoft Exchange's holds a dangerous call of its own",
            "appended",
        )
    ]


def may_be_settings(text: str) -> bool:
    """Whether a text begins with lines as a list of properties has them."""
    return len(_PROPERTY.findall(text[:3000])) >= 4


def _settings_dump(page: Page) -> list[Feature]:
    """Settings of a virtual directory that were written to a page: how Exchange's reset of a directory makes a file."""
    if not may_be_settings(page.text):
        return []
    properties = {name.lower() for name in _DIRECTORY_PROPERTIES.findall(page.text[:20000])}
    if len(properties) < 3:
        return []
    shown = ", ".join(sorted(properties)[:4])
    found: list[Feature] = []
    code = _URL_WITH_CODE.search(page.text[:40000])
    if code:
        line = page.file_line(1 + page.text.count("\n", 0, code.start()))
        found.append(
            Feature(
                "settings_with_script",
                95,
                f"settings of a virtual directory ({shown}) with code in a URL, line {line}: {_short(code[0])}",
                "oab",
            )
        )
    elif page.regions:
        found.append(
            Feature(
                "settings_with_script",
                90,
                f"settings of a virtual directory ({shown}) with server code among them",
                "oab",
            )
        )
    elif page.served:
        found.append(
            Feature("settings_as_page", 60, f"settings of a virtual directory ({shown}) were written to a page", "oab")
        )
    return found


def hiding_features(view: CodeView) -> list[Feature]:
    """How the code hides what it says: escapes, pieces, encoded texts, letters that are numbers."""
    page, lexed = view.page, view.lexed
    found: list[Feature] = []

    def add(name: str, weight: int, sentence: str) -> None:
        found.append(Feature(name, weight, sentence, "hidden"))

    if lexed.name_escapes:
        add("escaped_names", 45, f"names are written with character escapes ({lexed.name_escapes} letters)")
    if lexed.invisible:
        add("invisible_letters", 45, f"{lexed.invisible} invisible letters stand inside the code")
    if lexed.comments_in_names:
        add(
            "comments_in_names",
            25 if lexed.comments_in_names > 1 else 10,
            f"comments cut calls into pieces ({lexed.comments_in_names})",
        )
    if lexed.letter_escapes >= 8 and lexed.letter_escapes * 12 >= len(lexed.text):
        add("escaped_texts", 35, f"{lexed.letter_escapes} letters of texts are written as escapes")
    elif lexed.letter_escapes >= 20 and page.family == PHP:
        add("escaped_texts", 20, f"{lexed.letter_escapes} letters of texts are written as escapes")
    if lexed.characters >= 8:
        add("letters_as_numbers", 30, f"{lexed.characters} letters are written as numbers")
    telling = view.model.telling
    pieces = _joined_words(view)
    if pieces:
        add("word_in_pieces", 45, f"the word {pieces[0]} is put together from pieces ({pieces[1]})")
    decoded = next(
        ((name, word[0]) for _, name, text in view.folded.decoded if (word := telling.search(text.lower()))), None
    )
    if decoded:
        add("word_decoded", 45, f"the word {decoded[1]} is decoded ({decoded[0]})")
    inside = next(
        ((blob, word[0]) for blob in view.blobs if blob.text and (word := telling.search(blob.text.lower()))), None
    )
    if inside and not decoded:
        add("word_in_encoded_text", 45, f"an encoded text ({inside[0].how}) holds the word {inside[1]}")
    reversed_word = _reversed_word(view)
    if reversed_word:
        add("word_backwards", 40, f"the word {reversed_word} is written backwards")
    program = next((blob for blob in view.blobs if blob.program), None)
    if program:
        found.append(
            Feature(
                "program_inside",
                50,
                f"{program.program} is held as {program.how} text of {program.length:,} letters",
                "load",
            )
        )
    found += _shape(view)
    return found


def _joined_words(view: CodeView) -> tuple[str, str] | None:
    telling = view.model.telling
    for _, whole, pieces in view.folded.joined:
        found = telling.search(whole.lower())
        if found and not any(telling.search(piece.lower()) for piece in pieces):
            start = end = 0
            for piece in pieces:
                end = start + len(piece)
                if start <= found.start() and found.end() <= end:
                    break
                start = end
            else:
                return found[0], " + ".join(repr(piece[:20]) for piece in pieces[:8])
    return None


_LITERAL = re.compile(r'"([^"\n]{4,400})"')


def _reversed_word(view: CodeView) -> str | None:
    lower = view.folded.text.lower()
    if "rev" not in lower and "esrever" not in lower:
        return None
    for number, literal in enumerate(_LITERAL.finditer(lower)):
        found = view.model.telling.search(literal[1][::-1])
        if found and len(found[0]) > 5:
            return found[0]
        if number > 2000:
            break
    return None


def _shape(view: CodeView) -> list[Feature]:
    """Entropy, long encoded texts, code in one line, code without letters."""
    page, lexed = view.page, view.lexed
    code = page.code.strip()
    found: list[Feature] = []
    sample = code[:_ENTROPY_SAMPLE]
    plain = sample.encode("ascii", "ignore").decode("ascii")
    if len(plain) >= 400 and len(plain) * 20 >= len(sample) * 19:
        entropy = _entropy(plain)
        if entropy > 5.75:
            found.append(
                Feature(
                    "entropy",
                    25 if entropy > 5.95 else 15,
                    f"the server code looks random ({entropy:.2f} bits a letter)",
                    "hidden",
                )
            )
    longest = max(re.findall(r'"([A-Za-z0-9+/=_\v %-]{400,})"', lexed.text), key=len, default="")
    if longest and " " not in longest.strip()[:200]:
        weight = 22 if len(longest) > 2000 else 15
        found.append(
            Feature(
                "long_encoded_text", weight, f"an encoded text of {len(longest):,} letters in the server code", "hidden"
            )
        )
    lines = code.count("\n") + 1
    if len(code) > 500 and len(code) / lines > 300 and page.regions <= 3:
        found.append(Feature("one_line", 10, f"{len(code):,} letters of server code in {lines} line(s)", "hidden"))
    if len(code) > 120 and page.family == PHP:
        letters = len(_NO_LETTER.sub("", sample))
        if letters * 4 < len(sample) and sample.count("$") > 2:
            found.append(
                Feature(
                    "few_letters",
                    45,
                    f"only {100 * letters // len(sample)} % of the server code are letters or digits",
                    "hidden",
                )
            )
    if page.served and page.family == NET and len(code) < 600 and view.has_source and not _CLASSIC.search(page.markup):
        found.append(
            Feature(
                "tiny_page",
                8,
                f"nothing but {len(code)} letters of server code that takes data from the request",
                "eval",
            )
        )
    return found


def _entropy(text: str) -> float:
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values())


def _short(text: str) -> str:
    text = " ".join(text.split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= 90 else text[:89] + "…"
