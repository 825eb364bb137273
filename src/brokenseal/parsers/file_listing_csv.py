"""Listing of files as CSV: PowerShell's Get-ChildItem, Velociraptor's file and MFT rows, KAPE's log of copied files.

PowerShell's dates are as its machine shows them: what one of them tells of the order of day and month holds for all. The
columns in UTC (`LastWriteTimeUtc`) are taken where they are; times of the local clock alone are taken as UTC, with a
warning. Columns that were added to the listing (`Owner`, `SHA256`, `Hash`, `MD5`) are read too. A listing must have a path
and a time of modification.

References:
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.management/get-childitem
    https://docs.velociraptor.app/artifact_references/pages/windows.search.filefinder/
    https://ericzimmerman.github.io/KapeDocs/
"""

from __future__ import annotations

from brokenseal.parsers.listing_csv import CsvListingParser, Header
from brokenseal.parsers.mftecmd_csv import MftecmdCsv


class FileListingCsv(CsvListingParser):
    __doc__ = __doc__
    kind = "file_listing_csv"

    @classmethod
    def is_own(cls, header: Header) -> bool:
        return not MftecmdCsv.is_own(header)
