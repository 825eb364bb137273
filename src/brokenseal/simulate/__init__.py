"""Simulated evidence: logs and web folders of invented Exchange servers, quiet or attacked, with the truth about them.

For exercises and tests. It writes log text, event records and files of web folders; nothing in it can attack. What stands
for a web shell is inert text: no part of it evaluates or starts anything, and no web server could compile it.
"""

from __future__ import annotations

from brokenseal.simulate.evidence_tree import SOURCES
from brokenseal.simulate.mail_truth import (
    ActorIpTruth,
    ForwardingTruth,
    MailAccessTruth,
    NormalUseTruth,
    SentMailTruth,
)
from brokenseal.simulate.scenarios import SCENARIOS
from brokenseal.simulate.simulation import simulate
from brokenseal.simulate.truth import (
    ExportTruth,
    FileTruth,
    MailboxTruth,
    PlantedShellTruth,
    ProcessTruth,
    Truth,
    WebShellTruth,
)

__all__ = [
    "SCENARIOS",
    "SOURCES",
    "ActorIpTruth",
    "ExportTruth",
    "FileTruth",
    "ForwardingTruth",
    "MailAccessTruth",
    "MailboxTruth",
    "NormalUseTruth",
    "PlantedShellTruth",
    "ProcessTruth",
    "SentMailTruth",
    "Truth",
    "WebShellTruth",
    "simulate",
]
