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
#: The name of an account without its domain, before or after it.
ACCOUNT = "lower(regexp_replace(split_part({}, '@', 1), '^.*[\\\\/]', ''))"


def hosted(relation: str) -> str:
    """*relation* with the server of every row in ``host``, for use after FROM."""
    return f"(SELECT e.* REPLACE ({HOST} AS host) FROM {relation} e {HOST_JOIN})"


def client_sql(address: str) -> str:
    """An address as logged in its shortest form: IPv4 in IPv6 as IPv4, IPv6 as in RFC 5952, lower case, without a zone and
    without a port (proxies in front add one to X-Forwarded-For)."""
    bare = f"regexp_replace({address}, '^(?:\\[([^\\]]+)\\](?::[0-9]+)?|([0-9]+(?:\\.[0-9]+){{3}}):[0-9]+)$', '\\1\\2')"
    plain = f"lower(regexp_replace(regexp_replace({bare}, '^::[fF]{{4}}:([0-9.]+)$', '\\1'), '%.*$', ''))"
    # Most logs have the short form already; all eight groups stand there only where '::' does not.
    groups = f"regexp_replace({plain}, '(^|:)0+([0-9a-f])', '\\1\\2', 'g')"
    runs = [f"'(^|:)0(:0){{{more}}}(:|$)'" for more in range(7, 0, -1)]
    shorter = " ".join(
        f"WHEN regexp_matches({groups}, {run}) THEN regexp_replace({groups}, {run}, '::')" for run in runs
    )
    return (
        f"CASE WHEN NOT contains({address}, ':') THEN lower({address}) WHEN contains({address}, '::') THEN {plain} "
        f"{shorter} ELSE {groups} END"
    )
