"""Times given on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from brokenseal.errors import UsageError
from brokenseal.report.text import plain

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.IGNORECASE,
)


def parse_time(text: str, option: str) -> datetime:
    """RFC 3339 or ``YYYY-MM-DD`` as an aware time in UTC; without an offset it is UTC, a date alone its first moment.

    Raises ``UsageError`` that names ``option``.

    References: RFC 3339, section 5.6.
    """
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        time = datetime.fromisoformat(text.upper())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: '{plain(text, 60)}' is not a time. Give it as 2021-03-02 or 2021-03-02T08:30:00Z."
        ) from None


def check_order(since: datetime | None, until: datetime | None) -> None:
    """Raises ``UsageError`` when nothing can lie between the two."""
    if since is not None and until is not None and since >= until:
        raise UsageError(
            f"--since ({since:%Y-%m-%dT%H:%M:%SZ}) is not before --until ({until:%Y-%m-%dT%H:%M:%SZ}). "
            "A date alone means 00:00 UTC, when that day starts."
        )
