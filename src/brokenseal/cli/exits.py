"""Exit codes, and how each command ends."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from brokenseal.cli.streams import deliver, say
from brokenseal.errors import BrokensealError, EvidenceError
from brokenseal.report.text import plain

DONE = 0
REACHED = 1  # --fail-on
USAGE = 2
UNREAD = 3
INTERNAL = 70
INTERRUPTED = 130

_PACKAGE = Path(__file__).resolve().parents[1]
_MACHINE_LIMITS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)


def guarded(work: Callable[[], int], *, command: str, verbose: bool = True, interrupted: str = "") -> int:
    """Do the ``work`` of a command and return the exit code; every exception ends in one clear line on standard error.

    An internal error is told by its type and place only: its message could hold text of the evidence. ``verbose`` adds
    the traceback.
    ``interrupted`` is added to the line that an interruption by the user ends in.
    """
    try:
        code = work()
        deliver(lambda: None)
    except KeyboardInterrupt:
        say(" ".join(["interrupted.", interrupted]).rstrip())
        return INTERRUPTED
    except EvidenceError as error:
        say(f"error: {plain(error, None)}")
        return UNREAD
    except BrokensealError as error:
        return usage_error(plain(error, None), command)
    except Exception as error:  # noqa: BLE001 - the last resort of the program
        return _internal_error(error, command, verbose)
    return code


def usage_error(message: str, command: str) -> int:
    """Say what is wrong with the request, and where to read how it is done. ``message`` must be safe to print."""
    say(f"error: {message}")
    print(f"Try '{command} --help'.", file=sys.stderr)
    return USAGE


def _internal_error(error: Exception, command: str, verbose: bool) -> int:
    if isinstance(error, OSError) and error.errno in _MACHINE_LIMITS:
        say(f"error: the system refused to go on: {plain(error.strerror)} ({_place(error)})")
        return INTERNAL
    say(f"internal error: {_name(error)} at {_place(error)}")
    if verbose:
        # Frames and types only: the text of an exception could hold a log line.
        for cause in _chain(error):
            print(f"{_name(cause)}:", file=sys.stderr)
            print(_plain_lines(traceback.format_tb(cause.__traceback__)), file=sys.stderr)
    else:
        print(f"Run '{command} -v ...' for the traceback.", file=sys.stderr)
    print("This is a mistake in brokenseal. Please report it with these lines; no evidence is needed.", file=sys.stderr)
    return INTERNAL


def _plain_lines(lines: list[str]) -> str:
    return "\n".join(plain(line, None) for text in lines for line in text.splitlines())


def _chain(error: BaseException) -> list[BaseException]:
    """``error`` and what it came from, the first cause last."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _place(error: BaseException) -> str:
    """``brokenseal/events/case.py:12, in open_case``: the innermost line of this package that took part."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    frame = (ours or frames)[-1]
    file = Path(frame.filename)
    name = file.relative_to(_PACKAGE.parent).as_posix() if ours else file.name
    return plain(f"{name}:{frame.lineno}, in {frame.name}", None)
