"""A configuration as IIS and Exchange set it up has nothing odd in it."""

from __future__ import annotations

from brokenseal.detections.iis_configuration import read_configuration
from brokenseal.detections.iis_oddities import oddities
from brokenseal.detections.web_folder_data import native_modules, tables


def test_the_folders_and_modules_of_exchange_are_not_odd() -> None:
    sites = {"front end": "Default Web Site", "back end": "Exchange Back End"}
    applications = {
        site: "".join(
            f'<application path="{each.url}"><virtualDirectory path="/" physicalPath="C:\\Exchange Server\\{each.path}" />'
            "</application>\n"
            for each in tables().folders
            if each.url and each.site == site
        )
        for site in sites
    }
    modules = "".join(
        f'<add name="{name}" image="C:\\Windows\\{image}" />\n'
        for name, images in native_modules().items()
        for image in images
    )
    text = (
        "<configuration><system.applicationHost><sites>"
        + "".join(f'<site name="{name}" id="1">{applications[site]}</site>' for site, name in sites.items())
        + f"</sites></system.applicationHost><system.webServer><globalModules>{modules}</globalModules></system.webServer>"
        "</configuration>"
    )
    configuration = read_configuration(text.encode(), "applicationHost.config")
    assert len(configuration.directories) > 20
    assert len(configuration.native_modules) > 40
    assert oddities(configuration) == []
