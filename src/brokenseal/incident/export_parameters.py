"""What the parameters of New-MailboxExportRequest say, as Exchange's logs write them: which mailbox, and into which file."""

from __future__ import annotations

import re

_MAILBOX_PARAMETER = re.compile(
    r"""-Mailbox(?:\s+|\s*:\s*)(?:"([^"]+)"|'([^']+)'|([^\s"']+))|(?:^|[{.;,\s])Mailbox=(?:"([^"]+)"|'([^']+)'|([^'";,}]+))""",
    re.IGNORECASE,
)
_FILE_PARAMETER = re.compile(
    r"""-FilePath(?:\s+|\s*:\s*)(?:"([^"]+)"|'([^']+)'|([^\s"']+))|(?:^|[{.;,\s])FilePath=(?:"([^"]+)"|'([^']+)'|([^'";,}]+))""",
    re.IGNORECASE,
)
_ADMIN_SHARE = re.compile(r"^\\\\[^\\]+\\([A-Za-z])\$\\")


def mailbox_parameter(parameters: str) -> str | None:
    """The value of ``-Mailbox`` in a cmdlet's parameters, lower case."""
    found = _MAILBOX_PARAMETER.search(parameters)
    value = next((text for text in found.groups() if text), None) if found else None
    return value.strip().lower() if value else None


def file_parameter(parameters: str) -> str | None:
    """The value of ``-FilePath`` in a cmdlet's parameters, an administrative share as the path on its drive."""
    found = _FILE_PARAMETER.search(parameters)
    value = next((text for text in found.groups() if text), None) if found else None
    return None if value is None else _ADMIN_SHARE.sub(r"\1:\\", value.strip())
