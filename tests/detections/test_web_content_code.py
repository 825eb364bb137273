"""How server code is read: what hides a word is undone, constants are put together, names are followed from the request."""

from __future__ import annotations

import base64
import re
import zlib

import pytest

from brokenseal.detections.web_blobs import find_blobs
from brokenseal.detections.web_brackets import arguments
from brokenseal.detections.web_decoding import decode_text
from brokenseal.detections.web_flow import Flow
from brokenseal.detections.web_folding import fold
from brokenseal.detections.web_language import take_apart
from brokenseal.detections.web_lexing import lex


@pytest.mark.parametrize(
    ("dialect", "code", "plain"),
    [
        ("c", 'a /* x */ b // tail "q"\nc', "a b \nc"),
        ("c", r'"\x65v\141l"', '"eval"'),
        ("c", r"n\u0061me", "name"),
        ("c", '@"c:\\a""b"', '"c:\\a\'b"'),
        ("c", "String.fromCharCode(101, 118)", '"ev"'),
        ("c", "(char)101", '"e"'),
        ("vb", 'x = "a""b" \' said\ny', 'x = "a\'b" \ny'),
        ("vb", "Chr(&H65) & ChrW(118)", '"e" & "v"'),
        ("vb", "a _\n b", "a \v b"),
        ("php", "$a='it\\'s'; # c\n$b", '$a="it\'s"; \n$b'),
        ("php", "chr(0x61^5)", '"d"'),
        ("php", "`ls $x`", 'shell_exec("ls $x")'),
        ("php", "$a = <<<EOT\nfoo 'bar'\nEOT;\n$b", "$a = \"foo 'bar'\"\v\v;\n$b"),
    ],
)
def test_code_in_the_plain_form(dialect: str, code: str, plain: str) -> None:
    assert re.sub(" +", " ", lex(code, dialect).text) == plain


def test_line_breaks_keep_their_number() -> None:
    code = 'a = "x" + /* one\ntwo */ "y";\nb = @"three\nfour";\nlast'
    folded = fold(lex(code, "c").text, "c").text
    assert folded.count("\n") + folded.count("\v") == code.count("\n")


PACKED = base64.b64encode(zlib.compress(b"hello there", 9)[2:-4]).decode()


@pytest.mark.parametrize(
    ("dialect", "code", "holds"),
    [
        ("c", 'x("un" + "sa" + "fe")', 'x("unsafe")'),
        ("c", 'var a = "un"; x(a + "safe")', 'x("unsafe")'),
        ("c", 'var k = "feunsa"; x(k.charAt(2) + k[3])', 'x("un")'),
        ("c", 'x("qword".Replace("q", "s"))', 'x("sword")'),
        ("c", 'x(Convert.FromBase64String("c3dvcmQ="))', 'x("sword")'),
        ("c", 'x(String.Concat("sw", "ord"))', 'x("sword")'),
        ("vb", 'a = "sw": b = "ord"\nx(a & b)', 'x("sword")'),
        ("vb", 'x(StrReverse("drows"))', 'x("sword")'),
        ("vb", 'x(Replace("sXwXord", "X", ""))', 'x("sword")'),
        ("php", '$a = "sw"; $b = $a . "ord"; x($b . "s")', 'x("swords")'),
        ("php", 'x(str_replace("q", "", "sqwqord"))', 'x("sword")'),
        ("php", 'x(implode("", ["sw", "ord"]))', 'x("sword")'),
        ("php", f'x(gzinflate(base64_decode("{PACKED}")))', 'x("hello there")'),
    ],
)
def test_constants_are_put_together(dialect: str, code: str, holds: str) -> None:
    assert holds in fold(lex(code, dialect).text, dialect).text


def test_a_name_that_changes_is_no_constant() -> None:
    text = fold(lex('var a = "un"; a = other(); x(a + "safe")', "c").text, "c").text
    assert 'x(a + "safe")' in text


def flow(code: str, dialect: str = "c") -> Flow:
    return Flow(code, dialect, re.compile(r"request\["), re.compile(r"request\[\"file"), re.compile(r"frombase64"))


@pytest.mark.parametrize(
    ("dialect", "code", "name"),
    [
        ("c", 'string a = request["q"]; var b = "x" + a; c.arguments = b;', "c"),
        ("c", 'void go(string p) { } go(request["q"]);', "p"),
        ("c", 'string get() { return request["q"]; } var a = get();', "a"),
        ("c", 'foreach (string k in request["q"].split()) { }', "k"),
        ("c", 'request["q"].stream.read(buffer, 0, 9);', "buffer"),
        ("c", 'list.add(request["q"]);', "list"),
        ("c", "[webmethod] public string run(string word, int n) { }", "word"),
        ("vb", 'dim a as string = request["q"]\nb = a\n', "b"),
        ("vb", 'sub go(byval p as string)\nend sub\ngo(request["q"])\n', "p"),
        ("php", '$a = request["q"]; $b = "say $a";', "$b"),
        ("php", "class q { function __construct($c) { $this->b = $c; } } new q(request['x']);".replace("'", '"'), "$c"),
    ],
)
def test_names_are_followed_from_the_request(dialect: str, code: str, name: str) -> None:
    assert name in flow(code, dialect).request_names


@pytest.mark.parametrize(
    "code",
    [
        'int a = int.parse(request["q"]);',
        'a = convert.toint32(request["q"]);',
        'bool a = request["q"] == "yes";',
        'a = request["q"] == "b" ? "c" : "d";',
        'if (request["q"] == a) { }',
    ],
)
def test_what_cannot_carry_code_is_not(code: str) -> None:
    assert "a" not in flow(code).request_names


def test_an_upload_is_told_from_other_data_of_the_request() -> None:
    found = flow('a = request["file"].name; b = request["path"];')
    assert set(found.posted_names) == {"a"}
    assert set(found.request_names) == {"b"}


def test_arguments_are_cut_at_their_commas() -> None:
    assert arguments('f(a, "b,c", g(d, e)), rest', 2) == ["a", ' "b,c"', " g(d, e)"]


def test_encoded_pieces_are_found_and_pictures_left_out() -> None:
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()
    program = base64.b64encode(b"MZ" + b"\0" * 80).decode()
    text = base64.b64encode(b"a text of words").decode()
    numbers = ",".join(str(byte) for byte in b"another text")
    found = find_blobs(f'"{picture}" "{program}" "{text}" {{{numbers}}} "{b"hexed words".hex() + "2e2e"}"')
    assert [(blob.how, blob.text, blob.program) for blob in found] == [
        ("base64", None, "a Windows program or library"),
        ("base64", "a text of words", None),
        ("numbers", "another text", None),
        ("hexadecimal", "hexed words..", None),
    ]


@pytest.mark.parametrize(
    ("data", "encoding", "odd"),
    [
        (b"\xef\xbb\xbf<% x %>", "utf-8", None),
        ("<% wörld %>".encode("utf-16"), "utf-16-le", None),
        ("<% some words here %>".encode("utf-16-le"), "utf-16-le", None),
        ("<% some words here %>".encode("utf-16-be"), "utf-16-be", "utf-16-be"),
        ("<%@ page x %>".encode("cp037"), "cp037", "cp037"),
        (b"<% caf\xe9 %>", "latin-1", None),
    ],
)
def test_code_pages(data: bytes, encoding: str, odd: str | None) -> None:
    decoded = decode_text(data)
    assert (decoded.encoding, decoded.odd) == (encoding, odd)
    assert "<%" in decoded.text


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.aspx", '<%@ Page Language="C#" %><p><%= One() %></p><script>two()</script>', " One() "),
        ("a.aspx", "<%-- none() --%><script runat='server'>one()</script>", "one()"),
        ("a.ashx", '<%@ WebHandler Language="C#" %>one(); <two>', "one(); <two>"),
        ("a.php", 'x<?php $a = "?>"; one() ?>y', ' $a = "?>"; one() '),
        ("a.php", "x<?php one() // ?>y", " one() // "),
        ("a.jspx", '<jsp:root xmlns:jsp="x"><jsp:scriptlet>a &lt; b;</jsp:scriptlet></jsp:root>', "a < b;"),
        ("a.jsp", "<p>${one(two)} ${three}</p>", "one(two)"),
    ],
)
def test_server_code_is_taken_out_of_its_page(name: str, text: str, code: str) -> None:
    assert take_apart("C:\\inetpub\\" + name, text).code.strip() == code.strip()


def test_lines_are_those_of_the_file_behind_long_blanks() -> None:
    page = take_apart("C:\\inetpub\\a.aspx", "<html>\n" + "\n" * 500 + "<% one() %>")
    assert page.file_line(1 + page.code.count("\n")) == 502
