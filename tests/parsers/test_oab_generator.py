"""OAB generator: the path in the sentence, and lines that have no time of their own."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import OabGenerator, identify
from brokenseal.parsers.whole_file import read_log

PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="'\"\ufeff"), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(PATHS.filter(lambda path: path == path.strip()), st.sampled_from(["", "'", "''", '"', '""']))
def test_the_path_is_what_stands_in_the_sentence(path: str, quote: str) -> None:
    message = (
        f"2021-03-03T04:05:06.789Z,EX01,Download failed and temporary file {quote}{path}{quote} needs to be removed."
    )
    reading = read_log(io.BytesIO(message.encode() + b"\r\n"), OabGenerator)
    (event,) = reading.events.to_pylist()
    assert event["Message"] == message
    assert event["Path"] == path


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["own", "none", "date"]), max_size=12), st.integers(1, 200))
def test_a_line_without_time_is_as_old_as_the_line_before_it(kinds: list[str], block_bytes: int) -> None:
    now = datetime(2021, 3, 3, tzinfo=UTC)
    lines: list[str] = []
    expected: list[datetime | None] = []
    last: datetime | None = None
    for at, kind in enumerate(kinds):
        moment = now + timedelta(hours=at)
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if kind == "none":
            lines.append(f"   at Method{at}()")
            expected.append(last)
        else:
            lines.append(f"#Date: {text}" if kind == "date" else f"{text},EX01,text {at}")
            last = moment
            if kind == "own":
                expected.append(last)
    reading = read_log(
        io.BytesIO("".join(f"{line}\r\n" for line in lines).encode()), OabGenerator, block_bytes=block_bytes
    )
    assert reading.events["time"].to_pylist() == [moment for moment in expected if moment is not None]
    assert len(reading.rejects) == expected.count(None)


@pytest.mark.parametrize(
    "head",
    [
        "#Log-type: OABGenerator Log\r\n",
        "#Log-type: OAB Generator Simple Log\r\n",
        "x Download failed and temporary file 'y' needs to be removed\r\n",
    ],
)
def test_it_is_known_by_its_content(head: str) -> None:
    assert identify(head.encode(), "x.txt") is OabGenerator


def test_the_front_ends_oab_log_is_another_log() -> None:
    head = b"#Log-type: HttpProxy Logs\r\n#Fields: DateTime,RequestId,UrlStem,AnchorMailbox\r\n"
    parser = identify(head, "Logging/HttpProxy/Oab/HttpProxy_2021030304-1.LOG")
    assert parser is not None
    assert parser.kind == "httpproxy"
