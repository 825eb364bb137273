"""The encoded files of ``content/webshells``: what antivirus would take for a web shell is kept as base64 of zlib.

A rule that finds web shells holds their texts, and many antivirus products delete such a file or the whole package. So our
YARA rules, the words that features look for, and the tests' samples are stored encoded and decoded only in memory.

For review::

    python -m brokenseal.detections.yara_store show                       # all that is stored, decoded
    python -m brokenseal.detections.yara_store show rules.yar             # one of them, or a path
    python -m brokenseal.detections.yara_store encode plain.yar stored.yar.txt

The same text always gives the same stored file.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import sys
import zlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from brokenseal.errors import ContentError

#: First line of a stored file: says to a reader what it is.
HEADER = "# Encoded so that antivirus leaves it alone; to read it: python -m brokenseal.detections.yara_store show FILE"
SUFFIX = ".txt"
_WIDTH = 100
_FOLDER = files("brokenseal") / "content" / "webshells"


def encode(text: str) -> str:
    """*text* as it is stored: a header line and lines of base64."""
    packed = base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")
    lines = [packed[start : start + _WIDTH] for start in range(0, len(packed), _WIDTH)]
    return "\n".join([HEADER, *lines]) + "\n"


def decode(stored: str, *, name: str = "encoded text") -> str:
    """The text of a stored file. ``ContentError`` names it where it is damaged."""
    packed = "".join(line for line in stored.splitlines() if not line.startswith("#"))
    try:
        return zlib.decompress(base64.b64decode(packed, validate=True)).decode("utf-8")
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise ContentError(f"{name}: cannot be decoded ({error})") from error


def stored_names() -> list[str]:
    """Names of all stored files of ``content/webshells``, sorted, without the last ``.txt``."""
    return sorted(entry.name.removesuffix(SUFFIX) for entry in _FOLDER.iterdir() if entry.name.endswith(SUFFIX))


def read_stored(name: str) -> str:
    """The decoded text of the stored file *name* (as ``stored_names`` gives it)."""
    return decode((_FOLDER / (name + SUFFIX)).read_text("ascii"), name=name)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: ``show [FILE …]`` or ``encode PLAIN STORED``."""
    parser = argparse.ArgumentParser(prog="python -m brokenseal.detections.yara_store", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="print stored files decoded")
    show.add_argument("file", nargs="*", help="name of a stored file, or a path")
    store = commands.add_parser("encode", help="write a stored file from a plain one")
    store.add_argument("plain", type=Path)
    store.add_argument("stored", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.command == "encode":
            text = options.plain.read_text("utf-8")
            options.stored.write_text(encode(text), "ascii", newline="\n")
        else:
            for name in options.file or stored_names():
                sys.stdout.write(_shown(name))
    except (ContentError, OSError) as error:
        print(f"yara_store: {error}", file=sys.stderr)
        return 2
    return 0


def _shown(name: str) -> str:
    path = Path(name)
    if path.is_file():
        return decode(path.read_text("ascii"), name=name)
    return read_stored(name.removesuffix(SUFFIX))


if __name__ == "__main__":
    sys.exit(main())
