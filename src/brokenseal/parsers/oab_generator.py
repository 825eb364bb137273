"""OAB generator log: what the offline address book service did, among it downloads whose temporary file was left behind.

The layout of these lines is not documented and differs between versions, so each line is kept whole as ``Message``; a line
without a time of its own (the rest of an exception) takes that of the line before it, the first ones the ``#Date``.

References:
    https://www.microsoft.com/en-us/security/blog/2021/03/02/hafnium-targeting-exchange-servers/ (the sentence searched for)
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Settings
from brokenseal.parsers.columns import Column
from brokenseal.parsers.decoding import Positions
from brokenseal.parsers.exchange_log import log_type
from brokenseal.parsers.segments import Header
from brokenseal.parsers.times import iso_time, within_years
from brokenseal.parsers.whole_lines import WholeLineParser, group

#: A time is the line's own only near its start: further on it is part of the message.
_TIME = r"^\S{0,40}?(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z?)"
_SENTENCE = r"(?is)download failed and temporary file\s+'{0,2}\"{0,2}(?P<path>.*?)'{0,2}\"{0,2}\s+needs to be removed"


class OabGenerator(WholeLineParser):
    __doc__ = __doc__
    kind = "oab_generator"
    timeless = "no time in the line or before it"
    columns = (Column("Message", "the whole line"),)
    derived = (Column("Path", "file named by 'Download failed and temporary file ... needs to be removed'"),)
    header = Header(("Message",))

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._last: int | None = None
        self._mark = 0

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        found = log_type(head)
        if found is not None:
            return found.startswith("oab") and "generator" in found.replace(" ", "")
        return "Download failed and temporary file" in head and "needs to be removed" in head

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)OABGenerator(Simple)?Log/[^/]+\.log(\.gz)?$", name, re.IGNORECASE)) or bool(
            re.search(r"(^|/)OABGen[^/]*\.log(\.gz)?$", name, re.IGNORECASE)
        )

    def directive(self, text: str, line: int) -> bool:
        known = super().directive(text, line)
        self.header = Header(("Message",))
        return known

    def header_row(self, text: str) -> Header | None:
        return Header(("Message",)) if super().header_row(text) is not None else None

    def unusable(self, header: Header) -> str | None:
        return None

    def lines(self, text: pa.ChunkedArray, numbers: Positions) -> dict[str, pa.ChunkedArray]:
        return {
            "time": self._times(iso_time(group(text, _TIME)), numbers),
            "Message": text,
            "Path": group(text, _SENTENCE),
        }

    def _times(self, own: pa.ChunkedArray, numbers: Positions) -> pa.ChunkedArray:
        """Each line's own time, else that of the line before it, else that of the ``#Date`` before it."""
        moments = own.cast(pa.int64()).combine_chunks()
        if not len(moments):
            return own
        marks, dated, known = self.dates.before(numbers)
        first_after_mark = np.concatenate([[self._mark], marks[:-1]]) != marks
        moments = pc.coalesce(moments, pa.array(dated, mask=~(first_after_mark & known)))
        if self._last is not None:
            moments = pc.coalesce(pc.fill_null_forward(moments), self._last)
        moments = pc.fill_null_forward(moments)
        self._last, self._mark = moments[-1].as_py(), int(marks[-1])
        return within_years(pa.chunked_array([moments]))
