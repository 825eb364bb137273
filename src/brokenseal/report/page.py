"""The page of the terminal report: headings, bullets, labelled lines and tables, wrapped without losing a character.

Rich is given ``Text`` objects only, never strings of markup, so ``[red]`` or ``:bomb:`` in a log stays what it is.
Every string that comes from a document must have gone through ``plain`` before it gets here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.table import Table
from rich.text import Text

from brokenseal.report.fold import breaks, cut
from brokenseal.report.shape import Reference
from brokenseal.report.text import LONGEST, plain, unpadded

Item = TypeVar("Item")

INDENT = 2
LABEL_WIDTH = 8
_DEEP = 6
_NARROWEST = 24  # cells for a text beside its label; with less, the text goes below it
_WIDEST_KEPT = 32


@dataclass(frozen=True, slots=True)
class Page:
    """What the sections write to. ``verbose`` lifts the bounds of lists."""

    console: Console
    verbose: bool = False

    def blank(self) -> None:
        self.line(Text())

    def heading(self, text: str) -> None:
        self.blank()
        self._wrapped(Text(text, style="bold"), "", "")

    def sentence(self, text: str | Text, indent: int = INDENT) -> None:
        self._wrapped(text, " " * indent, " " * indent)

    def bullet(self, text: str | Text, indent: int = INDENT, mark: str = "-") -> None:
        self._wrapped(text, f"{' ' * indent}{mark} ", " " * (indent + len(mark) + 1))

    def labelled(self, label: str, text: str | Text, indent: int = INDENT, width: int = LABEL_WIDTH) -> None:
        """``text`` beside its label, in a column of its own. A label longer than ``width`` moves its own text only."""
        start = f"{' ' * indent}{label.ljust(width)} "
        self._wrapped(text, start, " " * len(start))

    def labelled_list(self, label: str, texts: Iterable[str | Text], indent: int = INDENT) -> None:
        """One label for several texts, each on a line of its own."""
        for text in texts:
            self.labelled(label, text, indent)
            label = ""

    def barred(self, text: str | Text, indent: int, mark: str, lines: int | None = None) -> None:
        """``text`` behind its ``mark``, and behind a bar where it goes on, so that none of it can pass for a line of ours.

        Whoever writes a long text decides where it is folded, and so what its lines begin with. Cut to ``lines`` lines (it
        then ends in ``…``) unless the report is verbose.
        """
        start, others = f"{' ' * indent}{mark} ", f"{' ' * indent}{'|'.ljust(len(mark))} "
        room = self._room(len(start))
        if lines is not None and not self.verbose:
            text = cut(str(text), room, lines)
        text = text if isinstance(text, Text) else Text(text)
        for line in text.divide(breaks(text.plain, room)):
            self.line(Text(start).append_text(line))
            start = others

    def clipped(self, text: str, indent: int, mark: str) -> None:
        """As much of ``text`` as one line has room for behind its ``mark``, also when the report is verbose."""
        start = f"{' ' * indent}{mark} "
        room = self._room(len(start))
        self.line(Text(start + (text if cell_len(text) <= room else f"{chop_cells(text, room - 1)[0]}…")))

    def table(self, columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> None:
        """A table without ruling. A column is its heading and whether it holds numbers (then it is set to the right).

        When the width is short, the first column gives way.
        """
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="underline")
        for place, (name, number) in enumerate(columns):
            width = _kept([name, *(row[place] for row in rows)] if place else [name])
            table.add_column(Text(name), justify="right" if number else "left", overflow="fold", min_width=width)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        for line in self.console.render_lines(table, self.console.options.update(width=self._room(INDENT)), pad=False):
            text = Text(" " * INDENT)
            for segment in line:
                text.append(segment.text, segment.style or "")
            text.rstrip()
            self.line(text)

    def bound(self, items: Sequence[Item], limit: int) -> Sequence[Item]:
        """``items``, cut to ``limit`` unless the report is verbose; pair it with :meth:`more`."""
        return items if self.verbose else items[:limit]

    def brief(self, text: str, limit: int = LONGEST) -> str:
        """``text`` made safe to show and without padding, of at most ``limit`` characters unless the report is verbose."""
        return plain(unpadded(text), None if self.verbose else limit)

    def more(self, total: int, limit: int, indent: int = INDENT, hint: str = "--json") -> None:
        """Say that a list was cut to ``limit`` of ``total``, and what shows it whole."""
        if total > limit and not self.verbose:
            self.sentence(f"… and {total - limit:,} more (see {hint})", indent)

    def _wrapped(self, text: str | Text, first: str, others: str) -> None:
        text = text if isinstance(text, Text) else Text(text)
        if len(first) > _DEEP and self._room(len(first)) < _NARROWEST:
            self.line(Text(first))
            first = others = " " * _DEEP
        start = first
        for line in text.divide(breaks(text.plain, self._room(len(first)))):
            self.line(Text(start).append_text(line))
            start = others

    def _room(self, used: int) -> int:
        return max(self.console.width - used, _DEEP)

    def line(self, text: Text) -> None:
        """``text`` in one line, however long."""
        text.rstrip()
        self.console.print(text, no_wrap=True, overflow="ignore", crop=False, highlight=False, soft_wrap=True)


def _kept(cells: Sequence[str]) -> int:
    """The width that a column keeps; what is wider than this is folded."""
    return min(max(map(cell_len, cells)), _WIDEST_KEPT)


def where(reference: Reference) -> str:
    """``file:line``, whole; of an event log ``file:12 (record 1234)``: the twelfth of the file, 1234 by its own count."""
    record = reference.get("record")
    number = "" if record is None else f" (record {record})"
    return f"{plain(reference['file'], None)}:{reference['line']}{number}"
