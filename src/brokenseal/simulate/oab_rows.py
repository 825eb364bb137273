"""Rows of the OABGeneratorLog.

No full real row of this log is public; only its sentence about a failed download is. The columns are therefore ours.

References:
    exchange-evidence.md 2.4.
"""

from __future__ import annotations

from brokenseal.simulate.clock import iso
from brokenseal.simulate.exchange_csv import cell
from brokenseal.simulate.organisation import Server

FIELDS = "TimeStamp,ServerName,ThreadId,Level,Message"
INSTALL_PATH = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"
OFFLINE_ADDRESS_BOOK = "\\Default Offline Address Book"


def download_failed(path: str) -> str:
    """The sentence that names the file which an offline address book was downloaded to."""
    return f"Download failed and temporary file '{path}' needs to be removed"


def row(ms: int, server: Server, thread: int, level: str, message: str) -> str:
    return f"{iso(ms)},{server.name},{thread},{level},{cell(message)}"
