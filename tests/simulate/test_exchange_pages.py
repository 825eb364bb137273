"""Honest pages have names that Exchange has there, and are honest in the eyes of the product."""

from __future__ import annotations

import pytest

from brokenseal.detections.web_content import ORDINARY, WebContent
from brokenseal.detections.web_folders import is_own_name, is_script, url_of
from brokenseal.simulate import exchange_pages

PAGES = exchange_pages.pages(maintained=True)
CONTENT = WebContent()


def test_only_the_administrators_page_has_a_name_of_its_own() -> None:
    foreign = [path for path, _ in PAGES if is_script(path) and is_own_name(path) is False]
    assert foreign == [f"{exchange_pages.HELPERS}\\maintenance.aspx"]
    assert url_of(foreign[0]) == exchange_pages.MAINTENANCE_URL
    assert {path for path, _ in exchange_pages.pages(maintained=False)} == {path for path, _ in PAGES} - set(foreign)
    assert sum(is_own_name(path) is True for path, _ in PAGES) > 40


@pytest.mark.parametrize(("path", "data"), PAGES, ids=[path.rpartition("\\")[2] for path, _ in PAGES])
def test_each_page_is_ordinary(path: str, data: bytes) -> None:
    report = CONTENT.judge(path, data)
    assert (report.suspicious, report.kind, report.yara) == (False, ORDINARY, ())
    assert report.score < 20
    assert len(data) < 20_000
    if not path.endswith((".png", ".gif", ".ico")):
        assert data.count(b"\n") == data.count(b"\r\n") > 0
