"""Pieces of SQL that say the same of the events of every log: which server wrote a row, and which client it names.

They need the tables ``source_hosts`` and ``host_spellings``; the events are called ``e``.
"""

from __future__ import annotations

#: The server of a row: as it is spelled in results, else as the row says it, else that of its file.
HOST = "coalesce(n.spelling, e.host, s.source_host)"
#: What :data:`HOST` needs beside the events.
HOST_JOIN = (
    "LEFT JOIN source_hosts s ON s.source_id = e.source_id LEFT JOIN host_spellings n ON n.lowered = lower(e.host)"
)


def hosted(relation: str) -> str:
    """*relation* with the server of every row in ``host``, for use after FROM."""
    return f"(SELECT e.* REPLACE ({HOST} AS host) FROM {relation} e {HOST_JOIN})"


def client_sql(address: str) -> str:
    """An address as logged in its shortest form: IPv4 in IPv6 as IPv4, without a zone, lower case."""
    return f"lower(regexp_replace(regexp_replace({address}, '^::ffff:([0-9.]+)$', '\\1'), '%.*$', ''))"
