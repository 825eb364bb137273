"""IIS W3C log of the web server: the front end (Default Web Site) and the Exchange Back End site.

``#Fields`` may come again and change inside a file; fields that are not declared here are kept in ``extra``. Times are UTC,
as W3C has them; a server that was set up otherwise is read with the time-zone option (of an hour that comes twice when the
clocks are put back, the first is taken, and such rows are counted). Rows without a date take the date of their ``#Date``
directive and pass midnight when the time falls back. Logs of other IIS services (FTP), of http.sys and of firewalls share
the syntax, not the meaning: they are not read.

References:
    https://learn.microsoft.com/en-us/windows/win32/http/w3c-logging
    https://www.w3.org/TR/WD-logfile.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.base import Parsed, Settings
from brokenseal.parsers.columns import NULL_TEXT, Cell, Column
from brokenseal.parsers.csv_rows import Dialect
from brokenseal.parsers.decoding import Positions
from brokenseal.parsers.delimited import DelimitedParser, Fitted
from brokenseal.parsers.iis_repair import fit_cells, looks_default
from brokenseal.parsers.segments import MAX_FIELDS, Header, unique_names
from brokenseal.parsers.times import DAY_MS, clock_ms, day_ms, local_to_utc, within_years

_DEFAULT_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)
DEFAULT_FIELDS = tuple(_DEFAULT_FIELDS.split())
#: One of these makes a header that of a web server; none, or one of a file server's, that of something else.
_WEB_FIELDS = frozenset({"cs-uri-stem", "cs-uri-query", "cs-method", "c-ip", "sc-status"})
_FTP_FIELDS = frozenset({"x-session", "x-fullpath"})
_DIRECTIVES = (
    "#software",
    "#version",
    "#verson",
    "#date",
    "#fields",
    "#start-date",
    "#end-date",
    "#remark",
    "#gmt-offset",
)
UNSURE = "local time is not unique or left out where the clocks are changed (read by the clock before the change)"


class Iis(DelimitedParser):
    __doc__ = __doc__
    kind = "iis"
    dialect = Dialect(delimiter=" ", quoted=False, empty="-")
    timeless = "date or time cannot be read"
    rows_start_with_digit = False
    columns = (
        Column("s-sitename", "site id, e.g. W3SVC1"),
        Column("s-computername", "name of the server, if the field is logged"),
        Column("s-ip", "address the request came in on"),
        Column("cs-method", "HTTP method"),
        Column("cs-uri-stem", "path, decoded by http.sys"),
        Column("cs-uri-query", "query, with what Exchange appends (cafeReqId and others)"),
        Column("s-port", "80/443 front end, 81/444 Exchange Back End", Cell.INT32),
        Column("cs-username", "authenticated user"),
        Column("c-ip", "address of the client (or of a proxy before the server)"),
        Column("cs-version", "protocol version"),
        Column("cs-user-agent", "user agent, spaces as '+'", fields=("cs(User-Agent)",)),
        Column("cs-cookie", "cookies", fields=("cs(Cookie)",)),
        Column("cs-referer", "referring page", fields=("cs(Referer)",)),
        Column("cs-host", "host header", fields=("cs-host", "cs(Host)")),
        Column("sc-status", "HTTP status", Cell.INT32),
        Column("sc-substatus", "IIS sub-status", Cell.INT32),
        Column("sc-win32-status", "Windows error number", Cell.INT64),
        Column("sc-bytes", "bytes sent", Cell.INT64),
        Column("cs-bytes", "bytes received", Cell.INT64),
        Column("time-taken", "milliseconds", Cell.INT64),
    )
    derived = (Column("extra", "custom fields as 'name=value name2=value2'"),)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        # Of rows without a date: the directive they stand under, the last time of day and the midnights passed since it.
        self._mark, self._last_ms, self._days = 0, -1, 0

    @classmethod
    def recognise_content(cls, head: str) -> bool:
        software = False
        for line in head.split("\n"):
            lowered = line.strip().lower()
            if lowered.startswith("#software:"):
                software = "internet information" in lowered
            elif lowered.startswith("#fields:"):
                fields = frozenset(lowered.split()[1:])
                web = "cs-uri-stem" in fields or (software and bool(fields & _WEB_FIELDS))
                return web and not fields >= _FTP_FIELDS
        return software or looks_default(head.partition("\n")[0].rstrip("\r"), DEFAULT_FIELDS)

    @classmethod
    def recognise_name(cls, name: str) -> bool:
        return bool(re.search(r"(^|/)(u_)?(ex|in|nc)\d{4,8}(_x)?\.log(\.gz)?$", name, re.IGNORECASE))

    def directive(self, text: str, line: int) -> bool:
        lowered = text[:20].lower()
        if lowered.startswith("#fields:"):
            fields = tuple(filter(None, text[len("#fields:") :].replace("\t", " ").split(" ")))
            # An empty or absurd header is no header: rows after it are rejected rather than read by the one before.
            self.header = Header(fields) if fields and len(fields) <= MAX_FIELDS else None
        elif lowered.startswith("#date:"):
            self.dates.note(line, text[len("#date:") :])
        return lowered.startswith(_DIRECTIVES)

    def header_by_shape(self, text: str) -> Header | None:
        return Header(DEFAULT_FIELDS) if looks_default(text, DEFAULT_FIELDS) else None

    def unusable(self, header: Header) -> str | None:
        names = {field.lower() for field in header.fields}
        if not names & _WEB_FIELDS or names >= _FTP_FIELDS:
            return "the #Fields before this row are not those of a web server"
        if not names & {"date", "time"}:
            return "the #Fields before this row have neither date nor time"
        return None

    def ordered(self, header: Header) -> bool:
        return all(field.lower() != "date" for field in header.fields)

    def repair(self, header: Header, text: str) -> Fitted | str:
        return fit_cells(header.fields, text)

    def fields_for_events(self, names: Sequence[str]) -> frozenset[str]:
        return frozenset(names)

    def events(
        self,
        lines: Positions,
        header: Header,
        columns: dict[str, pa.ChunkedArray],
        raw: dict[str, pa.ChunkedArray],
        parsed: Parsed,
    ) -> dict[str, pa.ChunkedArray]:
        arrays = {"time": self._time(lines, raw.get("date"), raw.get("time"), parsed)}
        if "s-computername" in columns:
            arrays["host"] = columns["s-computername"]
        custom = {name: raw[name.lower()] for name in unique_names(header.fields) if name.lower() in raw}
        custom = {name: values for name, values in custom.items() if name.lower() not in ("date", "time")}
        if custom:
            arrays["extra"] = _extra(custom)
        return arrays

    def _time(
        self, lines: Positions, date: pa.ChunkedArray | None, time: pa.ChunkedArray | None, parsed: Parsed
    ) -> pa.ChunkedArray:
        # A log without the time of day (rare, old): the day is all that is known of the event.
        clock = clock_ms(time) if time is not None else pa.chunked_array([np.zeros(len(lines), dtype=np.int64)])
        moment = pc.add(day_ms(date), clock) if date is not None else self._undated(lines, clock)
        if self.settings.iis_timezone != "UTC":
            moment, unsure = local_to_utc(moment, self.settings.iis_timezone)
            if unsure:
                parsed.warnings[UNSURE] += unsure
        return within_years(moment)

    def _undated(self, lines: Positions, clock: pa.ChunkedArray) -> pa.ChunkedArray:
        """Times of day on the date of the ``#Date`` before them, a day later each time the clock falls back."""
        mask = np.asarray(clock.is_valid())
        values = pc.fill_null(clock, 0).to_numpy()[mask]
        marks, dated, known = (each[mask] for each in self.dates.before(lines))
        moments = np.zeros(len(lines), dtype=np.int64)
        valid = mask.copy()
        if len(values):
            fresh = np.concatenate([[self._mark], marks[:-1]]) != marks
            # The first row under a directive comes after the time that the directive names.
            before = np.where(fresh, dated % DAY_MS, np.concatenate([[self._last_ms], values[:-1]]))
            passed = np.cumsum(values < before - DAY_MS // 2)
            at = np.maximum.accumulate(np.where(fresh, np.arange(len(values)), -1))
            earlier = np.where(at > 0, passed[np.maximum(at - 1, 0)], 0)
            days = passed - earlier + np.where(at < 0, self._days, 0)
            moments[mask] = dated - dated % DAY_MS + values + days * DAY_MS
            valid[mask] = known
            self._mark, self._last_ms, self._days = int(marks[-1]), int(values[-1]), int(days[-1])
        return pa.chunked_array([pa.array(moments, mask=~valid)])


def _extra(columns: dict[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    # Not null_handling="skip": pyarrow 26 returns too few rows where all parts of a row are null.
    parts = [
        pc.if_else(pc.is_valid(values), pc.binary_join_element_wise(f" {name}=", pc.fill_null(values, ""), ""), "")
        for name, values in columns.items()
    ]
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), 1)
    return pc.if_else(pc.equal(joined, ""), NULL_TEXT, joined)
