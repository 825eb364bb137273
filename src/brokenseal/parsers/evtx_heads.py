"""The columns of event records whose texts are cut: a head that many share is read once, not once a record.

What a head says is asked of the engine with marks in the place of stamp and data, which must be found where they belong. A
text of which that is not so, or with more in its stamp than the parts known here, is put together again and read as a whole:
the columns are the same either way (tested).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.columns import UTC_MS
from brokenseal.parsers.decoding import Mask, Positions
from brokenseal.parsers.evtx_columns import Taken, joined, taken
from brokenseal.parsers.evtx_cut import CutTexts, uncut
from brokenseal.parsers.evtx_worker import WHOLE
from brokenseal.parsers.times import as_chunked, within_years
from brokenseal.parsers.windows_event import QueryError, query

_TIME, _NUMBER, _DATA = "2001-02-03T04:05:06.000000Z", "20010203", '{"marked":"20010203"}'
_MARKED_MS = 981_173_106_000
#: Where the number of the record stands in a stamp, and how many digits it may have (it is an INT64).
_NUMBER_AT = len(_TIME) + len('"}},"EventRecordID":')
_MOST_DIGITS = 18
_ATTRIBUTES = r'\{"#attributes":\{"\w+":(?:\d+|"[\w-]*")(?:,"\w+":(?:\d+|"[\w-]*"))*\}\}'
_STAMP = re.compile(
    r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"\}\},"EventRecordID":(\d+)'
    rf'(?:,"Correlation":(?:null|{_ATTRIBUTES}))?(?:,"Execution":{_ATTRIBUTES})?',
    re.ASCII,
)
#: Heads that are kept of one file; more are as many as a collector of events of thousands of machines has.
_MOST_HEADS = 1 << 14
#: Names that must be in a head with its marks just once: of two, the engine takes the first.
_MARKED = ('"SystemTime":', '"EventRecordID":', '"EventData":')
#: Digits, also those of GUIDs, to one of them: stamps of the same form become the same.
_SAME_DIGIT = bytes(ord("0") if chr(byte) in "0123456789ABCDEF" else byte for byte in range(256))

Numbers = npt.NDArray[np.int64]


class HeadReader:
    """Reads texts of one file; what a head says is kept for those that follow."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._heads: Taken | None = None
        self._plain: Mask = np.zeros(0, np.bool_)

    def columns(self, texts: CutTexts, rows: Positions) -> tuple[dict[str, pa.ChunkedArray], Counter[str]]:
        """What ``columns_of`` gives for the texts of *rows*. Raises QueryError if one is no JSON."""
        self._learn(texts.head_texts)
        # The last one is for WHOLE, which counts from the end.
        of = np.array([*(self._known.get(head, WHOLE) for head in texts.head_texts), WHOLE])[texts.heads[rows]]
        cut = np.append(self._plain, False)[of]
        stamps = texts.stamps(rows[cut])
        stamped, numbers = _numbers(stamps)
        cut[cut] = stamped
        parts = []
        if cut.any():
            assert self._heads is not None
            stamps = stamps.filter(pa.array(stamped))
            parts.append(_of_cut(self._heads, of[cut], stamps, numbers[stamped], texts.data(rows[cut])))
        if not cut.all():
            parts.append(taken(texts.whole(rows[~cut])))
        # First come those that are cut.
        return joined(parts, np.argsort(np.argsort(~cut, kind="stable"), kind="stable")).finished()

    def _learn(self, heads: Sequence[str]) -> None:
        new = [head for head in heads if head not in self._known]
        if len(self._known) + len(new) > _MOST_HEADS:
            self._known, self._heads, self._plain = {}, None, np.zeros(0, np.bool_)
            new = list(heads)
        if not new:
            return
        marked = [uncut(head, f'{_TIME}"}}}},"EventRecordID":{_NUMBER}', _DATA) for head in new]
        try:
            found = taken(pa.array(marked))
        except QueryError:
            return
        self._known |= {head: len(self._known) + place for place, head in enumerate(new)}
        self._plain = np.append(self._plain, _found_where_they_belong(marked, found))
        parts = [found] if self._heads is None else [self._heads, found]
        self._heads = joined(parts, np.arange(len(self._known)))


def _found_where_they_belong(marked: Sequence[str], found: Taken) -> Mask:
    fits = np.array([all(text.count(name) == 1 for name in _MARKED) for text in marked])
    fits &= np.asarray(pc.equal(found.columns["time"].cast(pa.int64()), _MARKED_MS).fill_null(False))
    fits &= np.asarray(pc.equal(found.columns["EventRecordID"], int(_NUMBER)).fill_null(False))
    fits &= np.asarray(pc.equal(found.event_data, _DATA).fill_null(False))
    for unreadable in found.unreadable.values():
        fits &= ~unreadable
    return fits


def _numbers(stamps: pa.StringArray) -> tuple[Mask, Numbers]:
    """Which stamps hold nothing but what is known here, and the numbers of their records."""
    known, numbers = np.zeros(len(stamps), np.bool_), np.zeros(len(stamps), np.int64)
    if not len(stamps):
        return known, numbers
    _, offsets, data = stamps.buffers()
    digits = np.frombuffer(data, np.uint8)
    alike = pa.StringArray.from_buffers(len(stamps), offsets, pa.py_buffer(data.to_pybytes().translate(_SAME_DIGIT)))
    forms = np.asarray(alike.dictionary_encode().indices)
    starts = np.frombuffer(offsets, np.int32, len(stamps)).astype(np.int64) + _NUMBER_AT
    of_form, firsts, sizes = np.unique(forms, return_index=True, return_counts=True)
    by_form = np.split(np.argsort(forms, kind="stable"), np.cumsum(sizes)[:-1])
    for _, first, rows in zip(of_form.tolist(), firsts.tolist(), by_form, strict=True):
        form = _STAMP.fullmatch(stamps[first].as_py())
        if form is None or len(form[1]) > _MOST_DIGITS:
            continue
        places = digits[starts[rows, None] + np.arange(len(form[1]))].astype(np.int64) - ord("0")
        known[rows] = ((places >= 0) & (places <= 9)).all(axis=1)
        numbers[rows] = places @ 10 ** np.arange(len(form[1]))[::-1]
    return known, numbers


def _of_cut(heads: Taken, of: Positions, stamps: pa.StringArray, numbers: Numbers, data: pa.StringArray) -> Taken:
    """Texts with these heads, stamps (with record *numbers*) and data. Raises QueryError if some data are no JSON."""
    head = pa.array(of)
    columns = {name: column.take(head) for name, column in heads.columns.items()}
    columns["time"] = _times(pc.utf8_slice_codeunits(stamps, 0, len(_TIME)))
    columns["EventRecordID"] = as_chunked(pa.array(numbers))
    event_data = query(data, "SELECT json(j) AS data FROM records").column(0).combine_chunks()
    nothing = dict.fromkeys(heads.unreadable, np.zeros(len(of), np.bool_))
    return Taken(columns, event_data, heads.user_data.take(head), nothing)


def _times(texts: pa.StringArray) -> pa.ChunkedArray:
    try:
        return as_chunked(texts.cast(pa.timestamp("us", "UTC")).cast(UTC_MS, safe=False))
    except pa.ArrowInvalid:
        sql = "SELECT epoch_us(TRY_CAST(j AS TIMESTAMPTZ)) // 1000 AS time FROM records"
        return within_years(query(texts, sql).column(0))
