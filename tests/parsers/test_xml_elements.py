"""Elements of a large XML file, one by one."""

from __future__ import annotations

import io

import pytest

from brokenseal.parsers.blocks import Tally
from brokenseal.parsers.xml_elements import MOST_DEPTH, STRAY, TOO_LONG, Chunk, XmlElements, XmlProblem, read_element


def chunks(data: bytes, block_bytes: int = 1 << 20, max_bytes: int = 1 << 20) -> list[Chunk]:
    tally = Tally()
    found = XmlElements(("Event",), max_bytes=max_bytes).chunks(io.BytesIO(data), tally, block_bytes)
    result = [chunk for each, _ in found for chunk in each]
    assert tally.size == len(data)
    return result


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
def test_elements_with_their_places(encoding: str, block_bytes: int) -> None:
    before, first, second = "\ufeff<SearchResults>\r\n<!-- ä -->", "<Event a='ü>'>\n</Event>", "<Event b='1'/>"
    data = (before + first + second + "\n</SearchResults>").encode(encoding)
    sizes = [len(text.encode(encoding)) for text in (before, before + first)]
    assert chunks(data, block_bytes) == [Chunk(first, 2, sizes[0]), Chunk(second + "\n</SearchResults>", 3, sizes[1])]


def test_what_does_not_belong_there_is_named_once() -> None:
    found = chunks(b"<SearchResults>\njunk\nmore <Event/><Events/>")
    assert [(each.text, each.line, each.problem) for each in found] == [
        ("junk", 2, STRAY),
        ("<Event/><Events/>", 3, ""),
    ]


@pytest.mark.parametrize("block_bytes", [5, 1 << 20])
def test_a_long_element_is_skipped(block_bytes: int) -> None:
    found = chunks(b"<Event a='" + b"x" * 90 + b"'></Event>junk<Event/>", block_bytes, max_bytes=50)
    assert [(each.offset, each.problem) for each in found] == [(0, TOO_LONG), (114, "")]


def test_elements_are_read_without_what_follows() -> None:
    event = read_element('<Event a="1 &lt; 2"><L><I b="x"/><I b="y"/></L>text</Event><junk')
    assert (event.attributes, event.text) == ({"a": "1 < 2"}, "text")
    assert [each.attributes for each in event.children[0].children] == [{"b": "x"}, {"b": "y"}]


@pytest.mark.parametrize(
    "text", ["<Event>", "<Event a=1/>", "<Event>&x;</Event>", "", "<a><b></a>", "<a>" * (MOST_DEPTH + 1)]
)
def test_damaged_elements_are_refused(text: str) -> None:
    with pytest.raises(XmlProblem):
        read_element(text)
