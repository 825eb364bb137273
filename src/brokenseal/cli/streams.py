"""Standard output for results, standard error for everything else."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# What a write into a pipe without a reader fails with: EPIPE, on Windows EINVAL.
_READER_GONE = (errno.EPIPE, errno.EINVAL)


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def say(text: str) -> None:
    """A line on standard error. ``text`` must be safe to print (see ``brokenseal.report.text``)."""
    print(f"brokenseal: {text}", file=sys.stderr)


def deliver(write: Callable[[], object]) -> None:
    """Let ``write`` write results. That a reader has gone (``| head``) is no error; the rest is then thrown away.

    Raises ``OSError`` when results cannot be written for another reason, such as a full disk.
    """
    try:
        write()
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in _READER_GONE:
            raise
        _throw_away_the_rest()


def out(text: str) -> None:
    """``text`` and a newline on standard output. It must be safe to print."""
    _escape_what_the_encoding_lacks()
    deliver(lambda: print(text))


def out_bytes(data: bytes) -> None:
    """``data`` on standard output, byte for byte on every system."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:  # a stand-in of sys.stdout that takes text only
        deliver(lambda: sys.stdout.write(data.decode("utf-8")))
        return
    sys.stdout.flush()
    deliver(lambda: (buffer.write(data), buffer.flush()))


def in_color(color: Color, *, terminal: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to use colour. ``auto`` does on a terminal that is not dumb, unless NO_COLOR is set and not empty.

    References: no-color.org.
    """
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    return terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def results_console(color: Color) -> Console:
    """Rich's console on standard output: no markup, no emoji codes, no highlighting, no links; colour as asked for."""
    from rich.console import Console

    class ResultsConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    _escape_what_the_encoding_lacks()
    terminal = sys.stdout.isatty()
    colored = in_color(color, terminal=terminal)
    return ResultsConsole(
        file=sys.stdout,
        force_terminal=colored,
        color_system=("auto" if terminal else "standard") if colored else None,
        no_color=not colored,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


def _escape_what_the_encoding_lacks() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _throw_away_the_rest() -> None:
    # The interpreter flushes standard output once more when it ends: into the broken pipe, with a message.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
