from __future__ import annotations

import pytest

from brokenseal.detections.iis_configuration import read_configuration
from brokenseal.detections.iis_oddities import mitigations_in, oddities
from brokenseal.simulate import exchange_pages, site_configuration

CONFIGURATIONS = [(path, data) for path, data in exchange_pages.pages(maintained=True) if path.endswith(".config")]


@pytest.mark.parametrize(("path", "data"), CONFIGURATIONS, ids=[path[-40:] for path, _ in CONFIGURATIONS])
def test_nothing_is_odd_in_any_configuration(path: str, data: bytes) -> None:
    configuration = read_configuration(data, path)
    assert configuration.problem is None
    assert oddities(configuration) == []
    assert mitigations_in(configuration) == []


def test_both_sites_serve_the_folders_in_which_the_pages_lie() -> None:
    data = dict(CONFIGURATIONS)[site_configuration.PATH]
    configuration = read_configuration(data, site_configuration.PATH)
    assert {directory.site for directory in configuration.directories} == {"Default Web Site", "Exchange Back End"}
    folders = {folder.path.lower() for folder in configuration.web_folders()}
    pages = [path.lower() for path, _ in exchange_pages.pages(maintained=True) if path.endswith(".aspx")]
    for page in pages:
        assert any(page.startswith(f"{folder}\\") for folder in folders), page
    assert len(configuration.native_modules) > 15
