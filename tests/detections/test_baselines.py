"""Baselines in Microsoft's form, and what differs from them or between servers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.detections.baselines import (
    BaselineFile,
    compare,
    find_install_folder,
    outliers,
    read_baselines,
    write_baseline,
)

BUILD = "15.1.2106.13"
EXCHANGE = "D:\\Exchange\\V15"
A, B, C = ("A" * 64, "B" * 64, "C" * 64)
LINES = (
    f"{A},{BUILD},\\FrontEnd\\HttpProxy\\owa\\auth\\logon.aspx\n"
    f"{B},{BUILD},\\FrontEnd\\HttpProxy\\owa\\auth\\version\\themes\\logon.css\r\n"
    f"{A},{BUILD},\\FrontEnd\\HttpProxy\\owa\\web.config\n"
    f"{C},{BUILD},\\ClientAccess\\ecp\\default.aspx\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_baseline_is_read_with_and_without_byte_order_mark(encoding: str) -> None:
    read = read_baselines(LINES.encode(encoding))
    assert (read.rows, read.rejected, set(read.by_build)) == (4, 0, {BUILD})
    assert read.by_build[BUILD].files["\\frontend\\httpproxy\\owa\\auth\\logon.aspx"] == {A}


def test_lines_that_are_none_are_named() -> None:
    bad = f"x,{BUILD},\\a\n{A},15.1,\\a\n{A},{BUILD},a\n{A}\n{'x' * 2000}\n\n{A},{BUILD},\\FrontEnd\\ok,1.aspx\n"
    read = read_baselines(bad.encode())
    assert (read.rows, read.rejected) == (6, 5)
    assert [line for line, _ in read.problems] == [1, 2, 3, 4, 5]
    assert list(read.by_build[BUILD].files) == ["\\frontend\\ok,1.aspx"]


def test_what_is_written_is_read_again() -> None:
    files = [BaselineFile(B.lower(), BUILD, "\\FrontEnd\\b.aspx"), BaselineFile(A, BUILD, "\\FrontEnd\\a.aspx")]
    text = "".join(write_baseline(files))
    assert text == f"{A},{BUILD},\\FrontEnd\\a.aspx\n{B},{BUILD},\\FrontEnd\\b.aspx\n"
    assert len(read_baselines(text.encode()).by_build[BUILD].files) == 2
    with pytest.raises(ValueError, match="is no path"):
        list(write_baseline([BaselineFile(A, BUILD, "\\a\nb")]))


def test_same_changed_extra_and_missing_files() -> None:
    inventory = {
        f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth\\LOGON.aspx": B.lower(),
        f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth\\15.1.2106\\themes\\logon.css": B.lower(),
        f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth\\Current\\themes\\logon.css": None,
        f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\web.config": C,
        f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth\\errorEE.aspx": C,
        f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth\\x.png": C,
        f"{EXCHANGE}\\Logging\\x.aspx": C,
        "C:\\inetpub\\wwwroot\\x.aspx": C,
    }
    found = compare(inventory, read_baselines(LINES.encode()).by_build[BUILD])
    auth = f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth"
    assert found.same == (f"{auth}\\15.1.2106\\themes\\logon.css",)
    assert found.changed == (f"{auth}\\LOGON.aspx",)
    assert found.configuration == (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\web.config",)
    assert found.extra == (f"{auth}\\errorEE.aspx", f"{auth}\\x.png")
    assert found.extra_scripts == (f"{auth}\\errorEE.aspx",)
    assert found.unhashed == (f"{auth}\\Current\\themes\\logon.css",)
    assert found.missing == (), "of ClientAccess nothing was collected"
    less = {path: sha256 for path, sha256 in inventory.items() if "LOGON" not in path}
    assert compare(less, read_baselines(LINES.encode()).by_build[BUILD]).missing == (
        "\\frontend\\httpproxy\\owa\\auth\\logon.aspx",
    )


def test_the_install_folder_is_that_of_most_files() -> None:
    paths = [f"{EXCHANGE}\\FrontEnd\\HttpProxy\\{n}" for n in range(3)] + ["E:\\backup\\ClientAccess\\x"]
    assert find_install_folder(paths) == EXCHANGE.lower()
    assert find_install_folder(["C:\\inetpub\\x"]) is None


def test_a_file_on_one_of_several_servers_stands_out() -> None:
    page = "FrontEnd\\HttpProxy\\owa\\auth"
    servers = {
        f"EX{n}": {f"C:\\E{n}\\{page}\\logon.aspx": A, f"C:\\E{n}\\{page}\\15.1.{n}\\a.aspx": B} for n in range(10)
    }
    servers["EX3"][f"C:\\E3\\{page}\\errorEE.aspx"] = C
    servers["EX4"][f"C:\\E4\\{page}\\logon.aspx"] = C
    servers["EX5"][f"C:\\E5\\{page}\\x.png"] = C
    servers["EX11"] = {"C:\\inetpub\\wwwroot\\iisstart.htm": A}
    planted, changed = outliers(servers)
    assert planted.path == f"\\{page}\\errorEE.aspx".lower()
    assert planted.servers == {C: ("EX3",)}
    assert planted.without == tuple(sorted(f"EX{n}" for n in range(10) if n != 3))
    assert changed.path == f"\\{page}\\logon.aspx".lower()
    assert changed.servers[C] == ("EX4",)
    assert [each.path.rpartition("\\")[2] for each in outliers(servers, only_scripts=False)] == [
        "erroree.aspx",
        "x.png",
        "logon.aspx",
    ]


def test_servers_alike_and_unknown_hashes_are_no_outliers() -> None:
    page = "C:\\E\\FrontEnd\\HttpProxy\\owa\\auth\\logon.aspx"
    assert outliers({"EX1": {page: A}, "EX2": {page: A}, "EX3": {page: None}}) == []
    assert outliers({"EX1": {page: A}}) == []


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text(alphabet='AF0,.\\"\n\r15 ', max_size=200).map(str.encode)))
def test_any_bytes(data: bytes) -> None:
    read = read_baselines(data)
    hashes = sum(len(known) for baseline in read.by_build.values() for known in baseline.files.values())
    assert hashes <= read.rows - read.rejected
    assert len(read.problems) == min(read.rejected, 100)
