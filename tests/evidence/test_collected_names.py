from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.evidence.collected_names import decoded, distinct_names, printable


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("uploads/auto/C%3A/inetpub/x.log", "uploads/auto/C:/inetpub/x.log"),
        ("uploads/ntfs/%5C%5C.%5CC%3A/$Extend/$J", "uploads/ntfs/\\\\.\\C:/$Extend/$J"),
        # In a collector's path every part is its own encoding, here of a leading dot and of a real per cent sign.
        ("C%3A/%2Ehidden/100%25.log", "C:/.hidden/100%.log"),
        ("C%3A/caf%C3%A9.log", "C:/café.log"),
        ("Program%20Files/x.log", "Program Files/x.log"),
        # Once only.
        ("C%3A/a%253Ab.log", "C:/a%3Ab.log"),
        # Windows itself names event logs with '%4'.
        ("C/winevt/Logs/Setup%4Admin.evtx", "C/winevt/Logs/Setup%4Admin.evtx"),
        ("C%3A/winevt/Logs/Setup%254Admin.evtx", "C:/winevt/Logs/Setup%4Admin.evtx"),
        # Not a collector's work, or not a name.
        ("iis/100%25.log", "iis/100%25.log"),
        ("iis/50%.log", "iis/50%.log"),
        ("C%3A/%2E%2E/x.log", "C:/%2E%2E/x.log"),
        ("C%3A/a%2Fb.log", "C:/a%2Fb.log"),
        ("C%3A/a%00b%0A.log", "C:/a%00b%0A.log"),
        ("C%3A/%FF.log", "C:/%FF.log"),
    ],
)
def test_decodes_once_and_only_what_a_collector_encoded(path: str, expected: str) -> None:
    assert decoded(path) == expected


def test_printable_escapes_what_a_terminal_could_obey_and_what_is_no_utf8() -> None:
    assert printable("a\x1b[2Jb\udcff\u202e\r\n\x9b\u2028") == "a\\x1b[2Jb\\xff\\u202e\\x0d\\x0a\\x9b\\u2028"
    assert printable("Journal été.log") == "Journal été.log"


def test_names_that_decoding_makes_equal_keep_their_encoding() -> None:
    names = distinct_names([("C%3A/x.log",), ("C:/x.log",), ("C%3A/y.log",)])
    assert names == [("C%3A/x.log",), ("C:/x.log",), ("C:/y.log",)]


def test_names_that_stay_equal_are_numbered() -> None:
    names = distinct_names([("a.zip", "x"), ("a.zip", "x"), ("a.zip", "x (2)"), ("x\udcff",), ("x\\xff",)])
    assert names == [("a.zip", "x"), ("a.zip", "x (3)"), ("a.zip", "x (2)"), ("x\\xff",), ("x\\xff (2)",)]


PIECES = st.sampled_from(["C%3A", "C:", "%5C", "\\", "%20", " ", "%25", "%", "/", "x", "!/", "\udcff", "\\xff", "\n"])
PATHS = st.lists(PIECES, max_size=6).map("".join)


@given(st.lists(st.lists(PATHS | st.text(max_size=5), min_size=1, max_size=2), max_size=8))
def test_names_are_different_and_printable_whatever_the_paths(paths: list[list[str]]) -> None:
    names = ["!/".join(name) for name in distinct_names(paths)]
    assert len(set(names)) == len(paths)
    assert [printable(name) for name in names] == names
