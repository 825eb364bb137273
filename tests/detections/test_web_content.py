"""Web files judged: shapes of shells are suspicious, ordinary pages are not, and every rule and feature has a sample."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections import web_layout
from brokenseal.detections.web_catalogue import catalogue, table
from brokenseal.detections.web_content import KINDS, ORDINARY, ContentReport, WebContent
from brokenseal.detections.web_decoding import FEATURE_LIMIT, PIECE
from brokenseal.detections.web_model import stored_model
from brokenseal.detections.yara_store import decode, read_stored

#: In every piece of server code of a sample: a syntax error in every language, so that none can run.
BREAK = ")]inert[("
_FOLDER = Path(__file__).parent.parent / "content" / "webshell_samples"
_CODE_PAGES = (("cp037:", "cp037"), ("utf-16:", "utf-16"))


@dataclass(frozen=True)
class Sample:
    name: str
    path: str
    text: str

    @property
    def data(self) -> bytes:
        for mark, code_page in _CODE_PAGES:
            if self.text.startswith(mark):
                return self.text.removeprefix(mark).encode(code_page)
        return self.text.encode("utf-8")

    @property
    def extension(self) -> str:
        return self.path.rpartition(".")[2]


def samples(name: str) -> list[Sample]:
    """``shells`` or ``honest``."""
    stored = (_FOLDER / f"{name}.json.txt").read_text("ascii")
    return [Sample(**entry) for entry in json.loads(decode(stored, name=name))]


SHELLS = samples("shells")
HONEST = samples("honest")
CONTENT = WebContent()
WEB = "C:\\inetpub\\wwwroot\\"


def judge(sample: Sample) -> ContentReport:
    return CONTENT.judge(sample.path, sample.data)


def by_name(name: str) -> Sample:
    return next(sample for sample in SHELLS if sample.name == name)


def names(report: ContentReport) -> set[str]:
    return {feature.name for feature in report.features}


@pytest.mark.parametrize("sample", SHELLS, ids=lambda sample: sample.name)
def test_shapes_of_shells_are_suspicious(sample: Sample) -> None:
    report = judge(sample)
    assert report.suspicious
    assert report.score >= 50
    assert report.kind in KINDS.values()
    assert all(feature.sentence for feature in report.features)


@pytest.mark.parametrize("sample", HONEST, ids=lambda sample: sample.name)
def test_ordinary_pages_are_not(sample: Sample) -> None:
    report = judge(sample)
    assert not report.suspicious, report
    assert report.score < 50
    assert report.kind == ORDINARY
    assert report.yara == ()


def test_no_sample_can_run() -> None:
    for sample in SHELLS:
        assert BREAK in sample.text or sample.name == "settings file, builder", sample.name


def test_every_rule_has_a_sample() -> None:
    found = {match.rule for sample in SHELLS for match in judge(sample).yara}
    found |= {match.rule for match in CONTENT.judge(WEB + "bin\\m.dll", module_library()).yara}
    assert set(re.findall(r"^rule (\w+)", read_stored("rules.yar"), re.MULTILINE)) == found


def test_every_feature_has_a_sample() -> None:
    model = stored_model()
    known = {entry.name for group in (model.sinks, model.tells, model.combinations) for entry in group}
    layout = set(re.findall(r'(?:Feature\(|add\()\s*"(\w+)"', open_source(web_layout.__file__)))
    assert len(layout) > 15
    documented = {name for name, _, _, _ in catalogue(model)}
    assert (known | layout) - documented == set()
    found = {name for sample in SHELLS for name in names(judge(sample))}
    assert (known | layout) - found == set()


def test_the_page_on_web_shells_lists_every_feature_with_its_weight() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "webshells.md"
    assert table(stored_model()) in page.read_text("utf-8")


def open_source(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("jscript one line", "code from a request is evaluated"),
        ("oab dump", "OAB settings with script"),
        ("oab dump, block", "OAB settings with script"),
        ("appended to Exchange page", "code appended to a Microsoft page"),
        ("second directive", "code appended to a Microsoft page"),
        ("command form", "process started from a request"),
        ("command service", "process started from a request"),
        ("assembly of request", "a library from a request is loaded"),
        ("tiny upload", "file upload"),
        ("many uploads", "file upload"),
        ("header tunnel", "tunnel"),
        ("machine keys", "machine keys are read"),
        ("view state", "objects are made out of request data"),
        ("jsp exec", "process started from a request"),
        ("php upload", "file upload"),
    ],
)
def test_a_shell_is_called_what_it_does(name: str, kind: str) -> None:
    assert judge(by_name(name)).kind == kind


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("jscript one line, pieces", "word_in_pieces"),
        ("jscript unicode escapes", "escaped_names"),
        ("jscript comment inside", "comments_in_names"),
        ("jscript base64 source", "word_decoded"),
        ("invisible letters", "invisible_letters"),
        ("odd code page", "odd_code_page"),
        ("asp letters", "letters_as_numbers"),
        ("asp backwards text", "word_backwards"),
        ("assembly held in text", "program_inside"),
        ("code in picture", "code_in_picture"),
        ("php packed blank", "pushed_out_of_sight"),
        ("appended to Exchange page", "code_after_end"),
        ("php no letters", "few_letters"),
        ("settings written to a page", "settings_as_page"),
    ],
)
def test_hiding_is_told(name: str, feature: str) -> None:
    assert feature in names(judge(by_name(name)))


def _wrapped(text: str) -> str:
    return "<!DOCTYPE html>\r\n<html><body>\r\n<h1>Notice</h1>\r\n" + text + "\r\n</body></html>\r\n"


def _closed(text: str) -> str:
    """What follows is text and no code."""
    return text + " ?>" if text.rfind("<?") > text.rfind("?>") else text


MUTATIONS: dict[str, Callable[[str], bytes]] = {
    "in a page of HTML": lambda text: _wrapped(text).encode(),
    "windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "names changed": lambda text: re.sub(r"qword|Inv\b", lambda found: "k7" + found[0], text).encode(),
    "blanks round brackets": lambda text: re.sub(r"(?<=\w)\((?=[\w\"'])", " ( ", text).encode(),
    "after much harmless text": lambda text: (_closed(text) + "\n<!-- " + "harmless words " * 700 + "-->").encode(),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_changed_shells_are_still_found(mutation: str) -> None:
    """Of those whose form allows the change: no encoded words, no layout that the change would break."""
    skip = {
        "odd code page",
        "wide letters",
        "code in picture",
        "oab dump",
        "oab dump, block",
        "settings written to a page",
    }
    missed = []
    for sample in SHELLS:
        handler = sample.text.lstrip().startswith(("<%@ Web", "<?xml", "<jsp"))
        if sample.name in skip or (mutation == "in a page of HTML" and handler):
            continue
        report = CONTENT.judge(sample.path, MUTATIONS[mutation](sample.text))
        if not report.suspicious:
            missed.append(sample.name)
    assert len(missed) <= len(SHELLS) // 33, missed


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_changed_honest_pages_stay_silent(mutation: str) -> None:
    flagged = [s.name for s in HONEST if CONTENT.judge(s.path, MUTATIONS[mutation](s.text)).suspicious]
    assert flagged == []


def test_case_does_not_matter_where_the_language_has_none() -> None:
    for name in ("asp execute", "asp pieces", "asp shell", "php eval", "php system", "VB shell function"):
        sample = by_name(name)
        assert CONTENT.judge(sample.path, sample.text.swapcase().replace("_post", "_POST").encode()).suspicious, name


def test_a_feature_names_its_line_and_shows_the_code() -> None:
    text = (
        '<%@ Page Language="C#" %>\n<html>\n<script runat="server">'
        + BREAK
        + '\nstring tool;\nvoid Go() { tool = Request["q"];\n'
    )
    text += "System.Diagnostics.Process.Start(tool); }</script>"
    report = CONTENT.judge(WEB + "a.aspx", text.encode())
    (started,) = [feature for feature in report.features if feature.name == "process_started"]
    assert "with data of the request (tool): line 6: " in started.sentence
    assert "Process.Start(tool)" in started.sentence
    assert started.kind == "process"


def test_the_same_call_counts_less_when_the_request_does_not_feed_it() -> None:
    page = (
        '<%@ Page Language="C#" %><script runat="server">'
        + BREAK
        + " void Go() {{ System.Diagnostics.Process.Start({0}); }}</script>"
    )
    weights = [
        next(
            f.weight
            for f in CONTENT.judge(WEB + "a.aspx", page.format(given).encode()).features
            if f.name == "process_started"
        )
        for given in ('Request["q"]', "Setting()", '"tool.exe"')
    ]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] >= 50 > weights[1] > weights[2]


def test_a_login_and_a_check_of_the_extension_excuse_an_upload() -> None:
    honest = next(sample for sample in HONEST if sample.name == "upload with login")
    report = judge(honest)
    assert not any(feature.name == "upload_to_request_path" for feature in report.features)
    bare = re.sub(r"  if \(!User.*?\n|  string ext.*?\n|  if \(ext.*?\n", "", honest.text).replace(
        '"~/files/" + Guid.NewGuid().ToString("N") + ext', 'Request["into"]'
    )
    assert CONTENT.judge(honest.path, bare.encode()).suspicious


def test_eval_of_data_binding_and_of_browsers_is_no_evaluation() -> None:
    page = '<%@ Page Language="C#" %><script>var x = eval("(" + text + ")");</script><%# Eval("Title") %>'
    assert CONTENT.judge(WEB + "a.aspx", page.encode()).features == ()


def test_a_file_that_the_server_does_not_run_counts_less() -> None:
    sample = by_name("command form")
    served = CONTENT.judge(WEB + "a.aspx", sample.data)
    unserved = CONTENT.judge(WEB + "a.aspx.bak", sample.data)
    assert served.language == unserved.language == "aspx"
    manual = WEB + "manual.html"
    text = '<p>Write <code>&lt;?php</code>:</p><?php echo "<b>" . shell_exec($tool); ?>'
    assert not CONTENT.judge(manual, text.encode()).suspicious


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.aspx", "aspx"),
        ("a.ASHX", "ashx"),
        ("a.asmx", "asmx"),
        ("a.svc", "asmx"),
        ("a.asp", "asp"),
        ("a.cer", "asp"),
        ("a.php5", "php"),
        ("a.jspx", "jsp"),
        ("web.config", "config"),
        ("a.js", "other"),
        ("a", "other"),
        ("a.aspx.", "aspx"),
        ("a.aspx::$DATA", "aspx"),
    ],
)
def test_language_by_name(name: str, language: str) -> None:
    assert CONTENT.judge(WEB + name, b"text").language == language


def test_what_was_cut_is_said() -> None:
    big = b'<%@ Page Language="C#" %>' + b" " * FEATURE_LIMIT + b"<p>end</p>" + b" " * (2 * PIECE)
    read = FEATURE_LIMIT + 1 + PIECE
    assert CONTENT.judge(WEB + "a.aspx", big).notes == (
        f"features looked at {read:,} of {len(big):,} bytes: the first, the last, and at marks of code",
    )
    assert CONTENT.judge(WEB + "a.js", b"12345", size=9).notes == ("only the first 5 of 9 bytes were looked at",)


def module_library(*, signed: bool = False, words: tuple[bytes, ...] = (b"ProcessStartInfo",)) -> bytes:
    """Headers of a .NET library that no system loads (no sections, no code) and tables of names."""
    header = bytearray(
        b"MZ" + b"\0" * 0x3A + struct.pack("<I", 0x40) + b"PE\0\0" + b"\0" * 20 + b"\x0b\x01" + b"\0" * 94 + b"\0" * 128
    )
    first = 0x40 + 24 + 96
    if signed:
        struct.pack_into("<II", header, first + 8 * 4, 0x400, 0x100)
    struct.pack_into("<II", header, first + 8 * 14, 0x2008, 72)
    names_ = b"\0".join((b"", b"IHttpModule", b"get_Request", *words, b""))
    return bytes(header) + names_ + "cmd.exe\0/c \0".encode("utf-16-le")


def test_an_unsigned_module_that_starts_processes_is_suspicious() -> None:
    report = CONTENT.judge(WEB + "bin\\m.dll", module_library())
    assert report.suspicious
    assert {"unsigned_module", "names_processstartinfo", "names_cmd.exe"} <= names(report)
    assert CONTENT.judge(WEB + "bin\\m.dll", module_library(signed=True)).features == ()
    harmless = module_library(words=(b"Compress",)).replace("cmd.exe\0/c \0".encode("utf-16-le"), b"")
    assert not CONTENT.judge(WEB + "bin\\m.dll", harmless).suspicious


def test_a_users_rule_decides_by_its_own_score(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "a.yar").write_text(
        'rule weak { meta: score = 40 strings: $a = "needle" condition: $a }\n'
        'rule strong { meta: score = 75 strings: $a = "haystack" condition: $a }\n',
        "utf-8",
    )
    content = WebContent([folder])
    assert content.problems == ()
    weak = content.judge(WEB + "a.txt", b"needle")
    assert (weak.suspicious, weak.score, [match.rule for match in weak.yara]) == (False, 40, ["weak"])
    strong = content.judge(WEB + "a.txt", b"haystack")
    assert (strong.suspicious, strong.score) == (True, 75)


NAMES = st.sampled_from(
    ["a.aspx", "a.ashx", "a.asmx", "a.asp", "a.php", "a.jsp", "a.jspx", "web.config", "a.gif", "a.dll", "a.cshtml"]
)
PIECES = st.sampled_from(
    [
        "<%",
        "%>",
        "<?php ",
        "?>",
        "<script runat=server>",
        "</script>",
        '"',
        "'",
        "(",
        ")",
        "/*",
        "*/",
        "//",
        "\\",
        "<<<A\n",
        "\nA;",
        "eval(",
        "Request[",
        "=",
        "+",
        ".",
        "&",
        ";",
        "\n",
        "\0",
        "é",
        "\u200b",
        "chr(65)",
        '<%@ Page Language="JScript" %>',
        "$a",
        "{",
        "}",
        "<jsp:scriptlet>",
        "ZXZhbA==",
        "`",
        "_\n",
        "' ",
        "foreach(",
        " in ",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    NAMES, st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=60).map(lambda parts: "".join(parts).encode()))
)
def test_any_bytes_are_judged_and_always_the_same(name: str, data: bytes) -> None:
    first = CONTENT.judge(WEB + name, data)
    assert 0 <= first.score <= 100
    assert first == CONTENT.judge(WEB + name, data)
    assert first.suspicious == (first.kind != ORDINARY)
