"""The text of ``dir``: languages, owners, and lines that are none of it."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.dir_listing import NOT_A_LINE, DirListing
from brokenseal.parsers.whole_file import Reading, read_log

ROW = "03/14/2021  05:12 AM             2,345 a.aspx\n"


def read(text: str) -> Reading:
    return read_log(io.BytesIO(text.encode()), DirListing)


@pytest.mark.parametrize(
    "folder",
    [
        " Directory of C:\\inetpub\\wwwroot",
        " Verzeichnis von C:\\inetpub\\wwwroot",
        " Répertoire de C:\\inetpub\\wwwroot",
        " Directorio de C:\\inetpub\\wwwroot",
        " Pasta de C:\\inetpub\\wwwroot",
        " Содержимое папки C:\\inetpub\\wwwroot",
        " C:\\inetpub\\wwwroot のディレクトリ",
        " C:\\inetpub\\wwwroot 的目录",
        "    Directory: C:\\inetpub\\wwwroot",
    ],
)
def test_folders_in_many_languages(folder: str) -> None:
    assert DirListing.recognise_content(f"\n{folder}\n\n{ROW}")
    assert read(f"{folder}\n\n{ROW}").events["path"].to_pylist() == ["C:\\inetpub\\wwwroot\\a.aspx"]


@pytest.mark.parametrize("text", [ROW, " Directory of C:\\x\n", "hello\n Directory of C:\\x\nworld\n", ""])
def test_what_is_no_listing(text: str) -> None:
    assert not DirListing.recognise_content(text)


@pytest.mark.parametrize(
    ("row", "size"),
    [
        ("14.03.2021  05:12             2.345 a b.aspx", 2345),
        ("14/03/2021  05:12             2 345 a b.aspx", 2345),
        ("2021-03-14  05:12             2345 a b.aspx", 2345),
        ("14.03.2021  05:12         12\u202f345 a b.aspx", 12345),
        ("So, 14. 03. 2021  05:12          2.345 a b.aspx", 2345),
        ("14/03/2021  05:12 a.m.          2,345 a b.aspx", 2345),
    ],
)
def test_sizes_and_dates_as_machines_show_them(row: str, size: int) -> None:
    (event,) = read(f" Directory of C:\\inetpub\n{row}\n").events.to_pylist()
    assert (event["path"], event["size"], event["time"].isoformat()) == (
        "C:\\inetpub\\a b.aspx",
        size,
        "2021-03-14T05:12:00+00:00",
    )


def test_an_unc_folder_and_a_name_with_digits_first() -> None:
    reading = read(" Directory of \\\\ex01\\c$\\inetpub\\wwwroot\n03/14/2021  05:12 AM                12 12 3 x.aspx\n")
    assert reading.events["path"].to_pylist() == ["\\\\ex01\\c$\\inetpub\\wwwroot\\12 3 x.aspx"]
    assert reading.events["size"].to_pylist() == [12]


def test_foreign_lines_are_named() -> None:
    reading = read(" Directory of C:\\inetpub\nx\n" + ROW + "Access is denied.\n")
    assert [(each.line, each.reason) for each in reading.rejects] == [(2, NOT_A_LINE), (4, NOT_A_LINE)]


def test_each_command_says_which_time_it_shows() -> None:
    row = "03/14/2021  05:12 AM             2,345 {}.aspx\n"
    commands = ["C:\\>dir /s /t:c\n", "PS C:\\> cmd /c dir /a /ta\n", "C:\\>dir\n", "C:\\>dir /t:w\n"]
    blocks = [f" Directory of C:\\inetpub\n{row.format(number)}" for number in range(5)]
    reading = read(blocks[0] + "".join(command + block for command, block in zip(commands, blocks[1:], strict=True)))
    shown = "2021-03-14T05:12:00.000Z"
    assert reading.events["created"].to_pylist() == [None, shown, None, None, None]
    assert reading.events["accessed"].to_pylist() == [None, None, shown, None, None]


def test_the_line_of_the_volume_is_no_folder() -> None:
    reading = read(" Volume in Laufwerk C: ist SYSTEM\n" + ROW + " Directory of C:\\\n" + ROW)
    assert [each.line for each in reading.rejects] == [2]
    assert reading.events["path"].to_pylist() == ["C:\\a.aspx"]
