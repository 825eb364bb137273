from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from brokenseal.report.page import Page
from brokenseal.report.processes import what_ran
from brokenseal.report.shape import IncidentDocument

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "sample_document.json").read_text(encoding="utf-8"))
HOST = "exch01.corp.example"
# A line of the section begins with a mark of ours, whatever the logs hold.
LINE_OF_OURS = re.compile(
    r"  (Intrusion I1( |$)|\| {12}\S|… and \d|Where no command line )| {4,}(- (\(level \d+\) )?[(\d]|(>|\||at)( |$))"
)
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def process(number: int, parent: int | None = None, **other: Any) -> dict[str, Any]:
    return {
        "id": f"P{number}",
        "parent": None if parent is None else f"P{parent}",
        "host": HOST,
        "time": f"2021-03-03T04:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "image": f"C:\\Windows\\System32\\tool{number}.exe",
        "command_line": f"tool{number}",
        "pid": str(4000 + number),
        "user": "NT AUTHORITY\\SYSTEM",
        "findings": [],
        "evidence": [],
        **other,
    }


def section(processes: list[dict[str, Any]], width: int = 80, verbose: bool = False) -> list[str]:
    """The lines of the section for one intrusion with these processes."""
    intrusion = {**SAMPLE["intrusions"][0], "processes": processes}
    return lines_of({**SAMPLE, "intrusions": [intrusion]}, width, verbose)


def lines_of(document: dict[str, Any], width: int = 80, verbose: bool = False) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False)
    what_ran(cast(IncidentDocument, document), Page(console, verbose))
    return stream.getvalue().split("\n")[1:-1]


def starts(lines: list[str]) -> list[tuple[int, str]]:
    """(column, program) of each process."""
    found = [re.match(r"( +)- .*?(tool\d+)", line) for line in lines]
    return [(len(match[1]), match[2]) for match in found if match]


def test_a_tree_shows_what_started_what_when_and_as_whom() -> None:
    assert lines_of(SAMPLE) == [
        "What ran on the server",
        f"  Intrusion I1 on {HOST}",
        "    - (start not logged) w3wp.exe, pid 7164",
        '      > w3wp.exe -ap "MSExchangeOWAAppPool"',
        "      - 2021-03-03 04:20:11 cmd.exe, pid 5012, as NT AUTHORITY\\SYSTEM (F9)",
        '        > "cmd" /c cd /d "C:\\inetpub\\example"&whoami',
        "        - 2021-03-03 04:20:11 whoami.exe, pid 5120 (F9)",
        "          > whoami",
        "      - 2021-03-03 04:26:40 cmd.exe, pid 6620, as EXCH01\\helpdesk",
        "  Where no command line is shown, none was logged.",
    ]


def test_without_processes_there_is_no_section() -> None:
    assert section([]) == []
    assert lines_of({**SAMPLE, "intrusions": []}) == []


def test_only_intrusions_with_processes_are_in_it() -> None:
    one = SAMPLE["intrusions"][0]
    document = {**SAMPLE, "intrusions": [{**one, "id": "I1", "processes": []}, {**one, "id": "I2"}]}
    assert [line for line in lines_of(document) if "Intrusion" in line] == [f"  Intrusion I2 on {HOST}"]


def test_each_server_has_trees_of_its_own() -> None:
    lines = section([process(1), process(2, host="exch02.corp.example"), process(3, 1)])
    assert [line for line in lines if not line.startswith("      ")] == [
        "What ran on the server",
        f"  Intrusion I1 on {HOST}",
        "    - 2021-03-03 04:00:01 tool1.exe, pid 4001, as NT AUTHORITY\\SYSTEM",
        "  Intrusion I1 on exch02.corp.example",
        "    - 2021-03-03 04:00:02 tool2.exe, pid 4002, as NT AUTHORITY\\SYSTEM",
    ]
    assert starts(lines) == [(4, "tool1"), (6, "tool3"), (4, "tool2")]


def test_children_stand_below_their_parent_also_where_the_list_has_others_between() -> None:
    lines = section([process(1), process(2), process(3, 1), process(4, 2), process(5, 3)])
    assert starts(lines) == [(4, "tool1"), (6, "tool3"), (8, "tool5"), (4, "tool2"), (6, "tool4")]


def test_the_user_is_named_where_it_changes() -> None:
    other = "CORP\\webadmin"
    lines = section(
        [process(1, user=None), process(2, 1), process(3, 2, user="nt authority\\system"), process(4, 3, user=other)]
    )
    assert [line.partition(", as ")[2] for line in lines if "- 2021" in line] == ["", "NT AUTHORITY\\SYSTEM", "", other]


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("C:\\ProgramData\\a b.exe", "a b.exe"),
        ("C:/ProgramData/x.exe", "x.exe"),
        ("x.exe", "x.exe"),
        ("\\\\", "\\\\"),
        (None, "(program not logged)"),
        ("", "(program not logged)"),
    ],
)
def test_the_program_is_named_by_its_file(image: str | None, shown: str) -> None:
    assert f"- 2021-03-03 04:00:01 {shown}, pid 4001" in section([process(1, image=image)])[2]


def test_a_number_that_was_not_logged_is_left_out() -> None:
    assert section([process(1, pid=None, user=None)])[2] == "    - 2021-03-03 04:00:01 tool1.exe"


def test_a_long_command_line_has_two_lines() -> None:
    command = "tool " + " ".join(f"argument{number}" for number in range(40))
    assert section([process(1, command_line=command)])[3:] == [
        "      > tool argument0 argument1 argument2 argument3 argument4 argument5",
        "      | argument6 argument7 argument8 argument9 argument10 argument11 argument1…",
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_when_verbose_no_letter_of_a_command_line_is_lost(width: int) -> None:
    command = "powershell -enc " + "QUJD" * 900 + " end"
    lines = section([process(1, command_line=command)], width, verbose=True)
    inside = [line.strip()[2:] for line in lines if line.strip()[:2] in ("> ", "| ")]
    assert "".join("".join(inside).split()).endswith("".join(command.split()))
    assert [line for line in lines if "…" in line or cell_len(line) > width] == []


def test_when_verbose_programs_have_their_folder_and_starts_their_records() -> None:
    lines = lines_of(SAMPLE, 200, verbose=True)
    logs = "C/Windows/System32/winevt/Logs"
    place = lines.index(
        "      - 2021-03-03 04:20:11 C:\\Windows\\System32\\cmd.exe, pid 5012, as NT AUTHORITY\\SYSTEM (F9)"
    )
    assert lines[place + 2 : place + 4] == [
        f"        at {logs}/Microsoft-Windows-Sysmon%4Operational.evtx:51200 (record 918233)",
        f"        at {logs}/Security.evtx:410 (record 5501871)",
    ]


def test_of_many_those_with_findings_their_parents_and_what_they_started_come_first() -> None:
    lone = [process(number) for number in range(1, 61)]
    chain = [process(number, number - 1 if number > 100 else None) for number in range(100, 106)]
    chain[4]["findings"] = ["F9"]
    lines = section([*lone, *chain])
    assert [program for _, program in starts(lines)] == [f"tool{n}" for n in [*range(1, 25), *range(100, 106)]]
    assert lines[-1] == "  … and 36 more (see --json)"
    full = section([*lone, *chain], verbose=True)
    assert len(starts(full)) == 66
    assert "more (see" not in full[-1]


def test_of_many_with_findings_the_worst_come_first() -> None:
    everywhere = [process(number, findings=["F8"]) for number in range(1, 60)]
    lines = section([*everywhere, process(60), process(61, 60, findings=["F8", "F9"])])
    assert starts(lines)[-2:] == [(4, "tool60"), (6, "tool61")]
    assert len(starts(lines)) == 30


def test_a_chain_too_long_to_be_shown_whole_is_shown_from_its_start() -> None:
    lines = section(
        [process(number, number - 1 or None) for number in range(1, 50)] + [process(50, 49, findings=["F9"])], 200
    )
    assert [program for _, program in starts(lines)] == [f"tool{number}" for number in range(1, 31)]
    assert lines[-1] == "  … and 20 more (see --json)"


@pytest.mark.parametrize(("width", "steps"), [(40, 5), (80, 25), (120, 40)])
def test_deep_trees_keep_room_for_their_text_and_say_the_level(width: int, steps: int) -> None:
    chain = [process(number, number - 1 or None, image="t", pid=None, user=None) for number in range(1, 31)]
    lines = section(chain, width, verbose=True)
    begun = [line for line in lines if line.lstrip().startswith("- ")]
    assert [len(line) - len(line.lstrip()) for line in begun] == [4 + 2 * min(level, steps) for level in range(30)]
    assert re.findall(r"\(level (\d+)\)", "".join(begun)) == [str(level) for level in range(steps + 1, 30)]
    assert [line for line in lines if cell_len(line) > width] == []


def test_a_parent_that_is_not_before_its_child_makes_no_loop() -> None:
    lines = section([process(1, 2), process(2, 1), process(3, 3)])
    assert starts(lines) == [(4, "tool1"), (6, "tool2"), (4, "tool3")]


SPOOF = "- 2021-03-03 04:20:11 lsass.exe, pid 700, as NT AUTHORITY\\SYSTEM (F1)"
HOSTILE = [
    "\x1b[2J\x1b]0;t\x07",
    "a\r\n    - 2021-03-03 04:20:11 fake.exe",
    "\u202egnp.exe\u2066",
    "\x9b31m\udc80\u200b\x00",
    "\u05d0\u05d1\u05d2 (F1)",
    "[bold red]x[/] :bomb:",
    " " * 60 + SPOOF,
    f"{'x' * 71} {SPOOF} {SPOOF} {SPOOF}",
]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_text_keeps_to_its_place_in_the_tree(text: str, width: int, verbose: bool) -> None:
    hostile = {"host": f"h{text}", "image": f"C:\\{text}", "command_line": text, "pid": text, "user": text}
    reference = {"file": text, "sha256": None, "line": 1, "record": 2}
    processes = [process(1), process(2, 1, **hostile, evidence=[reference]), process(3, 2, host=hostile["host"])]
    lines = section(processes, width, verbose)
    assert [line for line in lines if ACTING.search(line)] == []
    assert [line for line in lines[1:] if not LINE_OF_OURS.match(line)] == []
    assert len([line for line in lines if line.lstrip().startswith("- ")]) == 3


def test_padding_pushes_nothing_out_of_sight() -> None:
    command = f"cmd /c dir{' ' * 1500}& net user"
    short, full = (
        section([process(1, image=f"C:\\x.txt{' ' * 90}.exe", command_line=command, user=None)], verbose=v)
        for v in (False, True)
    )
    assert short[2:] == [
        "    - 2021-03-03 04:00:01 x.txt [90 blanks] .exe, pid 4001",
        "      > cmd /c dir [1,500 blanks] & net user",
    ]
    assert full[2:] == [
        "    - 2021-03-03 04:00:01 C:\\x.txt [90 blanks] .exe, pid 4001",
        "      > cmd /c dir [1,500 blanks] & net user",
    ]


def test_words_of_ours_stand_between_the_texts_of_others() -> None:
    hebrew = "\u05d0\u05d1\u05d2"
    lines = section([process(1, image=hebrew, user=hebrew, findings=["F9"])])
    assert lines[2] == f"    - 2021-03-03 04:00:01 {hebrew}, pid 4001, as {hebrew} (F9)"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.sampled_from(["P1", "P2", "P3", ""]),
                "parent": st.sampled_from([None, "P1", "P2", "P3", ""]),
                "host": st.sampled_from(["a", "b"]),
                "image": st.none() | st.text(max_size=40),
                "command_line": st.none() | st.text(st.characters(exclude_categories=()), max_size=120),
                "findings": st.lists(st.sampled_from(["F1", "F9", "F99"]), max_size=2),
            }
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_whatever_the_links_each_process_stands_once(others: list[dict[str, Any]], verbose: bool) -> None:
    lines = section([{**process(number), **other} for number, other in enumerate(others)], verbose=verbose)
    shown = [line for line in lines if line.lstrip().startswith("- ")]
    assert len(shown) == len(others) if verbose else len(shown) <= 30
    assert [line for line in lines[1:] if not LINE_OF_OURS.match(line)] == []
    assert [line for line in lines if ACTING.search(line)] == []
