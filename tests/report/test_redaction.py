from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokenseal.errors import UsageError
from brokenseal.report.html import parse_kinds, render
from brokenseal.report.redaction import redact
from brokenseal.report.shape import IncidentDocument

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "sample_document.json").read_text(encoding="utf-8"))


def redacted(document: dict[str, Any], *kinds: str) -> dict[str, Any]:
    return cast(dict[str, Any], redact(cast(IncidentDocument, document), kinds))


def with_names() -> dict[str, Any]:
    document = copy.deepcopy(SAMPLE)
    alice = document["mailboxes"][0]
    alice |= {
        "display_name": "Alice Example",
        "known_as": ["alice@corp.example", "S-1-5-21-1-2-3-1104"],
        "users": ["CORP\\dora"],
        "subjects": ["The offer to nobody"],
    }
    process = document["intrusions"][0]["processes"][1]
    process["command_line"] = (
        "New-MailboxExportRequest -Mailbox alice -FilePath \\\\host\\alice_2021.pst; mail eve@other.example"
    )
    process["user"] = "CORP\\dora"
    document["evidence"][0]["file"] = "C/Users/alice/notes.log"
    document["not_seen"].append("The offer to nobody was seen by S-1-5-21-1-2-3-1104.")
    return document


def test_no_name_is_left_anywhere_in_the_page() -> None:
    page = render(with_names(), redacted=["users", "subjects"]).decode().lower()
    for name in ("alice", "bob@corp", "carol@corp", "dora", "eve@other", "s-1-5-21-1-2-3-1104", "the offer to nobody"):
        assert re.findall(rf".{{0,40}}{re.escape(name)}", page) == []
    assert "names of people were replaced in this copy" in page


def test_a_name_has_the_same_pseudonym_everywhere() -> None:
    document = redacted(with_names(), "users")
    assert document["mailboxes"][0]["mailbox"] == "mailbox 1"
    assert document["mailboxes"][0]["display_name"] == "mailbox 1"
    assert document["mailboxes"][0]["known_as"] == ["mailbox 1", "mailbox 1"]
    assert document["evidence"][0]["file"] == "C/Users/mailbox 1/notes.log"
    command = document["intrusions"][0]["processes"][1]["command_line"]
    assert (
        command == "New-MailboxExportRequest -Mailbox mailbox 1 -FilePath \\\\host\\mailbox 1_2021.pst; mail address 1"
    )
    assert document["intrusions"][0]["processes"][1]["user"] == document["mailboxes"][0]["users"][0]
    assert document["mailboxes"][0]["subjects"] == ["The offer to nobody"]


def test_accounts_of_windows_stay() -> None:
    document = redacted(with_names(), "users")
    assert document["intrusions"][0]["processes"][2]["user"] == "NT AUTHORITY\\SYSTEM"


def test_subjects_alone_leave_the_users() -> None:
    document = redacted(with_names(), "subjects")
    assert document["mailboxes"][0]["subjects"] == ["subject 1"]
    assert document["mailboxes"][0]["mailbox"] == "alice@corp.example"
    assert document["not_seen"][-1] == "subject 1 was seen by S-1-5-21-1-2-3-1104."


def test_the_document_itself_stays_as_it_is() -> None:
    document = with_names()
    before = copy.deepcopy(document)
    redacted(document, "users", "subjects")
    assert document == before


def test_words_of_the_schema_and_hashes_are_never_replaced() -> None:
    document = copy.deepcopy(SAMPLE)
    document["mailboxes"][0]["mailbox"] = "mail_read"
    document["mailboxes"][1]["mailbox"] = "I1"
    made = redacted(document, "users")
    assert made["verdict"] == "mail_read"
    assert [one["id"] for one in made["intrusions"]] == ["I1"]
    assert made["mailboxes"][1]["intrusion"] == "I1"
    assert [one["sha256"] for one in made["evidence"]] == [one["sha256"] for one in document["evidence"]]


LOCAL_PARTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], exclude_characters="@"),
    min_size=4,
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(names=st.lists(LOCAL_PARTS.map(lambda local: f"{local}@corp.example"), min_size=1, max_size=4))
def test_no_mailbox_name_is_left_whatever_it_is(names: list[str]) -> None:
    document = copy.deepcopy(SAMPLE)
    document["mailboxes"] = [{**document["mailboxes"][0], "mailbox": name, "evidence": []} for name in names]
    document["summary"] = f"Mail of {', '.join(names)} was read."
    told = json.dumps(redacted(document, "users"), ensure_ascii=False).casefold()
    assert [name for name in names if name.casefold() in told] == []


@pytest.mark.parametrize(("text", "kinds"), [("users", {"users"}), ("users,subjects", {"users", "subjects"})])
def test_kinds_are_read(text: str, kinds: set[str]) -> None:
    assert parse_kinds(text) == kinds


@pytest.mark.parametrize("text", ["", "user", "users;subjects", "users,"])
def test_other_kinds_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--redact"):
        parse_kinds(text)


RAW = {
    "2021-03-03T06:00:00Z,CORP\\frank,SMTP~gina@other.example,/owa/?a=1&email=hugo%40corp.example,200": {
        *("frank", "gina", "hugo")
    },
    "2021-03-03 06:00:00 192.0.2.10 GET / - 443 CORP\\ivo 203.0.113.7 x 200": {"ivo"},
    "2021-03-03 06:00:00 GET / user=CORP%5Cjana&x=1 443": {"jana"},
    "x,Sid~S-1-5-21-1111-2222-3333-1104,200": {"S-1-5-21-1111-2222-3333-1104"},
    '{"Data": {"SubjectUserName": "karl", "User": "CORP\\\\lea", "TargetUserName": "mara"}}': {"karl", "lea", "mara"},
    '{"Data": {"User": "corp2\\\\nora", "MemberUserName": "olaf", "SubjectUser": "CORP\\\\pia", "MemberName": "rita"}}': {
        *("nora", "olaf", "pia", "rita")
    },
    "Cmd=Sync&User=corp2%5cquinn&DeviceId=1&to=%3Dsaul%40corp.example": {"quinn", "saul"},
    "alice wrote to Alice Example": {"alice"},
    '{"Data": "-Mailbox x\\nalice\\tS-1-5-21-9-9-9-1104\\nalice@corp.example\\u0027alice\\u0027"}': {
        "alice",
        "S-1-5-21",
    },
    "q=user%3Dalice%26mail%3Dnora@corp.example": {"alice", "nora"},
}
KEPT = (
    "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd NT AUTHORITY\\SYSTEM CORP\\EX01$ "
    '"User": "NT AUTHORITY\\\\SYSTEM" S-1-5-18 2021-03-03T06:00:00.123Z 203.0.113.7 /ecp/y.js '
    "C:\\inetpub\\wwwroot inetpub\\wwwroot C:\\PROGRA~1.EXE\\INTERN a=C%3A%5CProgram%5CData%5Cx"
)


def with_raw(*texts: str, file: int = 0) -> dict[str, Any]:
    document = with_names()
    lines = [
        {**document["cited"]["lines"][0], "offset": number, "text": text, "file": document["evidence"][file]["file"]}
        for number, text in enumerate(texts)
    ]
    return {**document, "cited": {**document["cited"], "lines": lines}}


@pytest.mark.parametrize("text", RAW)
def test_no_name_is_left_in_a_raw_line(text: str) -> None:
    (line,) = redacted(with_raw(text), "users")["cited"]["lines"]
    assert not [name for name in RAW[text] if name in line["text"].lower() or name in line["text"]]


def test_what_names_nobody_stays_in_a_raw_line() -> None:
    (line,) = redacted(with_raw(KEPT), "users")["cited"]["lines"]
    assert line["text"] == KEPT


def test_a_domain_in_small_letters_is_known_by_a_cell_of_a_log() -> None:
    document = with_raw(
        "2021-03-03 06:00:00 POST /ews/exchange.asmx - 443 corp2\\tilda 203.0.113.7", "seen by corp2\\ugo."
    )
    document["evidence"][0]["kind"] = "httpproxy"
    first, second = redacted(document, "users")["cited"]["lines"]
    assert re.search(r" corp2\\user \d+ 203", first["text"])
    assert re.search(r" corp2\\user \d+\.$", second["text"])


def test_those_who_were_given_rights_are_named_nowhere() -> None:
    document = with_names()
    change = document["changes"][0]
    change |= {"what": "permission", "by": "verena", "to": ["wanda", "corp2\\xaver", "jd"], "detail": "User 'wanda'"}
    document["hints"][0]["user"] = "yorick"
    document["not_seen"].append("Ask wanda, verena, xaver and yorick.")
    made = redacted(document, "users")
    told = json.dumps(made)
    assert [name for name in ("wanda", "verena", "xaver", "yorick") if name in told] == []


def test_what_a_sentence_is_made_of_is_replaced_whatever_it_is_called() -> None:
    document = with_names()
    text = "Mail of alice@corp.example went to alice."
    values = {"what": "alice", "from": {"text": "alice", "key": "content", "values": {}}, "n": 3}
    document["sentences"].append({"text": text, "key": "reason.once", "values": values})
    document["not_seen"].append(text)
    made = redacted(document, "users")
    one = made["sentences"][-1]
    assert one["text"] == made["not_seen"][-1] == "Mail of mailbox 1 went to mailbox 1."
    assert one["values"] == {"what": "mailbox 1", "from": {"text": "mailbox 1", "key": "content", "values": {}}, "n": 3}
    assert one["key"] == "reason.once"


def test_raw_lines_that_can_hold_subjects_are_withheld_with_subjects() -> None:
    document = with_raw("Re: secret", "other")
    document["evidence"][0]["kind"] = "mail_audit"
    cited = redacted(document, "subjects")["cited"]
    assert (cited["lines"], cited["withheld"]) == ([], document["cited"]["withheld"] + 2)
    assert len(redacted(with_raw("a"), "subjects")["cited"]["lines"]) == 1
    assert len(document["cited"]["lines"]) == 2


def test_an_address_written_for_a_url_has_the_pseudonym_of_its_mailbox() -> None:
    (line,) = redacted(with_raw("email=alice%40corp.example&to=ALICE@corp.example"), "users")["cited"]["lines"]
    assert line["text"] == "email=mailbox 1&to=mailbox 1"


def test_members_that_nobody_has_listed_are_searched_too() -> None:
    document: dict[str, Any] = with_names()
    line = "2021-03-03 10.0.0.4 POST /ews/exchange.asmx alice CORP\\zoe S-1-5-21-1-2-3-1177 C:\\Users\\yann\\x.dmp yann"
    document["findings"][0]["evidence"][0]["cited"] = line
    document["something_new"] = {"lines": [line]}
    document["hosts"][0]["host"] = "unknown (Users/yann)"
    made = redacted(document, "users")
    told = json.dumps(made).casefold()
    assert [name for name in ("alice", "zoe", "1177", "yann") if name in told] == []
    assert made["findings"][0]["evidence"][0]["cited"] == made["something_new"]["lines"][0]


def test_a_common_word_or_a_short_name_is_replaced_only_where_it_is_a_name() -> None:
    document = copy.deepcopy(SAMPLE)
    process = document["intrusions"][0]["processes"][1]
    process["command_line"] = "net user exchange x /add & net user jd y /add & dir C:\\Users\\jd & exchange jd"
    made = redacted(document, "users")["intrusions"][0]["processes"][1]["command_line"]
    taken = re.fullmatch(
        r"net user (user \d+) x /add & net user (user \d+) y /add & dir C:\\Users\\(user \d+) & exchange jd", made
    )
    assert taken is not None
    assert taken[2] == taken[3] != taken[1]


def test_what_can_be_many_names_is_replaced_at_once() -> None:
    document = copy.deepcopy(SAMPLE)
    names = [f"person{number:04}@corp.example" for number in range(3000)]
    document["mailboxes"] = [{**document["mailboxes"][0], "mailbox": name, "evidence": []} for name in names]
    document["summary"] = " ".join(names)
    made = redacted(document, "users")
    assert made["summary"] == " ".join(f"mailbox {number}" for number in range(1, 3001))
