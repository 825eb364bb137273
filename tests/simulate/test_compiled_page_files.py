from __future__ import annotations

from brokenseal.detections.compiled_pages import application_of, page_of_name, read_compiled
from brokenseal.simulate import compiled_page_files
from brokenseal.simulate.draws import Draws


def test_a_record_names_its_page_and_library() -> None:
    draws = Draws("test")
    folder = compiled_page_files.folder_of(draws, "owa")
    page = compiled_page_files.named(draws, folder, "/owa/auth/errorFE.aspx", 1_000)
    read = read_compiled(compiled_page_files.record("/owa/auth/errorFE.aspx", page), page.path)
    assert (read.virtual_path, read.assembly, read.result_type) == ("/owa/auth/errorFE.aspx", page.assembly, "3")
    assert read.dependencies == ("/owa/auth/errorFE.aspx",)
    assert read.type_name == "ASP.auth_errorfe_aspx"
    assert (page_of_name(page.path), application_of(page.path)) == ("errorfe.aspx", "owa")
    assert page.library == f"{folder}\\{page.assembly}.dll"


def test_pages_of_one_web_folder_share_the_hash_in_their_names() -> None:
    draws = Draws("test")
    urls = ("/owa/auth/logon.aspx", "/owa/auth/logoff.aspx", "/owa/other.aspx")
    hashes = [compiled_page_files.named(draws, "C:\\x", url, 0).path.split(".")[-2] for url in urls]
    assert hashes[0] == hashes[1] != hashes[2]
