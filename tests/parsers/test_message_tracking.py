"""Message tracking: known by its fields; a hostile subject changes nothing but itself."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.parsers import MessageTracking, identify
from brokenseal.parsers.whole_file import read_log

FIELDS = (
    "date-time,client-ip,source,event-id,internal-message-id,message-id,recipient-address,total-bytes,recipient-count,"
    "message-subject,sender-address,return-path,directionality"
)
SUBJECTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0\ufeff"), max_size=20)


def row(subject: str) -> str:
    text = io.StringIO()
    before = (
        "2021-03-03T07:00:00.130Z",
        "198.51.100.7",
        "SMTP",
        "RECEIVE",
        "438",
        "<m1@corp.example>",
        "anna@corp.example",
    )
    csv.writer(text).writerow([*before, "3750222", "1", subject, "ceo@corp.example", "<>", "Incoming"])
    return text.getvalue()


@settings(max_examples=80, deadline=None)
@given(st.lists(SUBJECTS, min_size=1, max_size=4))
def test_a_subject_changes_nothing_but_itself(subjects: list[str]) -> None:
    text = f"#Fields: {FIELDS}\r\n" + "".join(map(row, subjects))
    reading = read_log(io.BytesIO(text.encode()), MessageTracking)
    assert reading.events["message-subject"].to_pylist() == [subject or None for subject in subjects]
    assert reading.events["total-bytes"].to_pylist() == [3750222] * len(subjects)
    assert reading.events["sender-address"].to_pylist() == ["ceo@corp.example"] * len(subjects)


def test_it_is_known_by_its_content() -> None:
    assert identify(f"#Fields: {FIELDS}\r\n".encode(), "x.txt") is MessageTracking
    assert identify(f"{FIELDS}\r\n{row('x')}".encode(), "x.txt") is MessageTracking
    assert identify(b"#Log-type: Message Tracking Log\r\n", "x.txt") is MessageTracking
