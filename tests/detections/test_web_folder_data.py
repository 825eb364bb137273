"""The tables of web folders: they fit together, and the parsers keep what lies in their folders."""

from __future__ import annotations

import pyarrow as pa

from brokenseal.detections.web_folder_data import mitigations, native_modules, tables
from brokenseal.detections.web_folders import web_folder_of
from brokenseal.parsers.web_paths import kept


def test_every_listed_folder_is_a_web_folder() -> None:
    for folder in {folder for folder, _ in tables().own} | set(tables().complete):
        assert web_folder_of(f"C:\\{folder}\\x") is not None, folder


def test_listings_keep_every_file_of_a_web_folder() -> None:
    names = [f"C:\\Exchange Server\\{folder.path}\\any.txt" for folder in tables().folders]
    assert kept(pa.chunked_array([names])).all()


def test_no_own_name_is_a_published_shell_name_of_the_same_folder() -> None:
    auth = {name for folder, name in tables().own if folder.endswith("\\owa\\auth")}
    assert not auth & set(tables().shell_names)


def test_imitated_names_are_own_names() -> None:
    own = {name for _, name in tables().own}
    assert {imitated.lower() for imitated in tables().shell_names.values() if imitated} <= own


def test_modules_and_mitigations_are_there() -> None:
    assert native_modules()["uricachemodule"] == ("inetsrv\\cachuri.dll",)
    assert {each.cve for each in mitigations()} == {"CVE-2021-26855", "CVE-2022-41040", "CVE-2026-42897"}
