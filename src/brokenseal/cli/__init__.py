"""The command line: ``brokenseal scan``, ``brokenseal rules``, ``brokenseal simulate``.

Importing it costs what Typer costs. All else (the engine, Arrow, Sigma, Rich) is imported by the command that needs it.
"""

from __future__ import annotations

from brokenseal.cli.application import main

__all__ = ["main"]
