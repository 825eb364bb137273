"""What a target of an export is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from brokenseal.report.shape import IncidentDocument

#: Marks of the Traffic Light Protocol, widest audience first.
TLP = ("clear", "green", "amber", "red")


@dataclass(frozen=True, slots=True)
class Options:
    """``tlp``: whom the receiver may pass it on to, one of :data:`TLP`."""

    tlp: str = "amber"


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes of one file; ``left_out`` says in sentences what of the document is not in it though it could be."""

    data: bytes
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """``tables``: name of each file (without suffix) that the target has, and what writes it."""

    name: str
    suffix: str
    tables: Mapping[str, Callable[[IncidentDocument, Options], Written]]
    binary: bool = False
