"""Master file table of a volume as MFTECmd lists it (`$MFT` as CSV): every file there is, and many that are gone.

`deleted` files keep their record until it is used again. MFTECmd leaves a time of $FILE_NAME (0x30) empty where it equals
that of $STANDARD_INFORMATION (0x10): it is filled in. Times are UTC. The path begins with the drive where the listing says
which `$MFT` it is of, else with '\\'. Of alternate data streams (`name:stream`) there is a row of its own.

References:
    https://github.com/EricZimmerman/MFTECmd
"""

from __future__ import annotations

import pyarrow.compute as pc

from brokenseal.parsers.listing_columns import Columns, plain
from brokenseal.parsers.listing_csv import CsvListingParser, Header
from brokenseal.parsers.times import as_chunked

_OWN = frozenset({"entrynumber", "parentpath", "filename", "inuse", "created0x10", "lastmodified0x10"})


class MftecmdCsv(CsvListingParser):
    __doc__ = __doc__
    kind = "mftecmd_csv"

    @classmethod
    def is_own(cls, header: Header) -> bool:
        return {plain(name) for name in header.names} >= _OWN

    def utc(self, header: Header, time: str) -> bool:
        return True

    def finished(self, made: Columns) -> Columns:
        pairs = [("fn_created", "created"), ("fn_modified", "modified")]
        filled = {own: as_chunked(pc.coalesce(made[own], made[si])) for own, si in pairs if {own, si} <= set(made)}
        return made | filled
