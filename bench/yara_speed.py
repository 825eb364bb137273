"""How fast web files are judged, against yara-x alone on the same files with the same rules, in one run.

``python bench/yara_speed.py [FOLDER …] [--yara DIR] [--files N]`` makes a web folder as a mail server has it (script, style
sheets, pictures, pages with and without server code), adds the files of the folders given, and scans them with the yara-x
wheel alone and with brokenseal's judge, first with our rules, then with ``--yara``'s too, taking turns and keeping the best
of several rounds. Every file is read before, so the disk does not count. ``--sparse`` also judges a 2 GB file as a scan does
and prints the most memory that the process took.
"""

from __future__ import annotations

import argparse
import base64
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))  # for `python bench/yara_speed.py`

from brokenseal.detections.web_content import TAIL, YARA_LIMIT, WebContent
from brokenseal.detections.yara_rules import YaraRules

#: What the project set itself: at most so many times what yara-x takes.
GOAL = 1.3
_WORDS = tuple(
    [
        "mailbox",
        "calendar",
        "folder",
        "attachment",
        "contact",
        "conference",
        "message",
        "render",
        "element",
        "style",
        "document",
        "value",
        "prototype",
        "callback",
        "response",
        "property",
        "selector",
        "template",
        "resource",
        "locale",
        "theme",
        "button",
        "panel",
        "window",
    ]
)


def made_files(count: int, *, seed: int = 4) -> list[tuple[str, bytes]]:
    """A web folder of *count* files: kinds and sizes as in the client-access folders of a mail server."""
    chance = random.Random(seed)
    kinds = [
        ("js", 34),
        ("css", 14),
        ("png", 14),
        ("gif", 8),
        ("aspx", 14),
        ("ascx", 4),
        ("htm", 4),
        ("xml", 6),
        ("dll", 2),
    ]
    makers: dict[str, Callable[[random.Random], bytes]] = {
        "js": _script,
        "css": _style,
        "aspx": _page,
        "ascx": _page,
        "htm": _page,
        "xml": lambda r: (
            b"<resources>" + b"\n".join(f"<s n='{w}'>{w}</s>".encode() for w in _words(r, 400)) + b"</resources>"
        ),
    }
    files = []
    names = [kind for kind, _ in kinds]
    for number in range(count):
        kind = chance.choices(names, [share for _, share in kinds])[0]
        data = (
            makers[kind](chance)
            if kind in makers
            else b"\x89PNG\r\n\x1a\n" + chance.randbytes(chance.randint(300, 30_000))
        )
        files.append((f"C:\\inetpub\\wwwroot\\app\\f{number}.{kind}", data))
    return files


def _words(chance: random.Random, count: int) -> list[str]:
    return chance.choices(_WORDS, k=count)


def _picture(chance: random.Random) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chance.randbytes(chance.randint(300, 30_000))


def _resources(chance: random.Random) -> bytes:
    return "".join(f"<string name='{word}'>{word}</string>\n" for word in _words(chance, 400)).encode()


def _script(chance: random.Random) -> bytes:
    out = []
    for word in _words(chance, chance.randint(20, 1500)):
        out.append(
            f"{word}.prototype.{word[:4]}=function(a,b){{var c=this.{word};return a?c[b]:c.call(this,'{word}',b)}};"
        )
    return "".join(out).encode()


def _style(chance: random.Random) -> bytes:
    rules = [f".{w}-{i}{{margin:{i % 9}px;background:url(../{w}.png)}}" for i, w in enumerate(_words(chance, 600))]
    return "\n".join(rules).encode()


def _page(chance: random.Random) -> bytes:
    rows = "".join(f"<tr><td>{word}</td><td><%= Strings.{word.title()} %></td></tr>\n" for word in _words(chance, 120))
    code = ""
    if chance.random() < 0.25:
        code = 'title.Text = Server.HtmlEncode(Request["t"]);'
        code = f'<script runat="server">void Page_Load(object s, EventArgs e) {{ {code} }}</script>'
    state = base64.b64encode(chance.randbytes(600)).decode()
    head = '<%@ Page Language="C#" Inherits="App.Pages.Mail" %>\n<!DOCTYPE html><html><head></head>'
    return f'{head}{code}<body><input type="hidden" value="{state}"/><table>{rows}</table></body></html>'.encode()


def folder_files(folders: Sequence[Path]) -> list[tuple[str, bytes]]:
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as stream:
                    found.append(
                        ("C:\\inetpub\\wwwroot\\" + "\\".join(path.relative_to(folder).parts), stream.read(YARA_LIMIT))
                    )
    return found


def best(rounds: int, *works: Callable[[], object]) -> list[float]:
    """The least seconds of each of *works*, taking turns."""
    least = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            started = time.perf_counter()
            work()
            least[number] = min(least[number], time.perf_counter() - started)
    return least


def compare(label: str, files: list[tuple[str, bytes]], folders: Sequence[Path], rounds: int) -> float:
    """Print both speeds; the ratio."""
    content, rules = WebContent(folders), YaraRules(folders)
    scanner = rules.scanner()

    def alone() -> None:
        for _, data in files:
            for _rule in scanner.scan(data).matching_rules:
                pass

    def judged() -> None:
        for path, data in files:
            content.judge(path, data)

    seconds = best(rounds, alone, judged)
    size = sum(len(data) for _, data in files) / 1e6
    print(f"{label}: {len(files):,} files, {size:,.1f} MB, {len(content.problems)} rules or files left out")
    for name, taken in zip(("yara-x alone", "brokenseal"), seconds, strict=True):
        print(f"  {name:<14}{taken:8.2f} s {len(files) / taken:10,.0f} files/s {size / taken:8.1f} MB/s")
    ratio = seconds[1] / seconds[0]
    print(f"  ratio {ratio:.2f} (goal at most {GOAL})")
    return ratio


def sparse(content: WebContent) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.aspx"
        with path.open("wb") as stream:
            stream.write(b'<%@ Page Language="C#" %><html>')
            stream.seek((2 << 30) - 1)
            stream.write(b"\0")
        size = path.stat().st_size
        started = time.perf_counter()
        with path.open("rb") as stream:
            head = stream.read(YARA_LIMIT)
            stream.seek(size - TAIL)
            report = content.judge("C:\\inetpub\\wwwroot\\big.aspx", head, size=size, tail=stream.read(TAIL))
        print(f"2 GB file: {time.perf_counter() - started:.2f} s; {'; '.join(report.notes)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="*", type=Path, help="folders whose files are scanned instead of made ones")
    parser.add_argument(
        "--yara", action="append", default=[], type=Path, metavar="DIR", help="folder of further YARA rules"
    )
    parser.add_argument("--files", type=int, default=3000, help="how many files to make")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sparse", action="store_true", help="judge a file of 2 GB too and print the peak of memory")
    options = parser.parse_args()
    files = folder_files(options.folder) if options.folder else made_files(options.files)
    compare("our rules", files, (), options.rounds)
    if options.yara:
        compare(
            "our rules and " + ", ".join(str(folder) for folder in options.yara), files, options.yara, options.rounds
        )
    if options.sparse:
        sparse(WebContent())
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
