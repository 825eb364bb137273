"""The case: what was read, its events as Parquet, and one small interface to the embedded SQL engine."""

from brokenseal.events.case import Case
from brokenseal.events.engine import DuckEngine, Engine
from brokenseal.events.ingest import NoProgress, Progress, default_jobs, ingest, unread_files
from brokenseal.events.sources import Source
from brokenseal.events.store import EventStore

__all__ = [
    "Case",
    "DuckEngine",
    "Engine",
    "EventStore",
    "NoProgress",
    "Progress",
    "Source",
    "default_jobs",
    "ingest",
    "unread_files",
]
