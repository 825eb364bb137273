from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from brokenseal.parsers.mailbox_list_csv import MailboxListCsv
from brokenseal.parsers.whole_file import read_log

if TYPE_CHECKING:
    from tests.simulate.conftest import Simulation


@pytest.mark.parametrize("scenario", ["stolen-session", "cloud-session"])
def test_the_directory_names_every_user_once(simulation: Simulation, scenario: str) -> None:
    made = simulation(scenario, users=4, days=5)
    assert made.truth.directory == "exports/mailboxes.csv"
    data = (made.evidence / made.truth.directory).read_bytes()
    assert MailboxListCsv.recognise_content(data[:4096].decode("utf-8-sig", "ignore"))
    reading = read_log(io.BytesIO(data), MailboxListCsv, name="mailboxes.csv")
    assert not reading.rejects
    people = {row["PrimarySmtpAddress"]: row for row in reading.events.to_pylist()}
    in_cloud = 5 if scenario == "cloud-session" else 0
    assert len(people) == reading.rows_in == 4 + 1 + in_cloud
    assert {access.mailbox for access in made.truth.mail_access} <= set(people)
    assert sum(row["RecipientType"] == "RemoteUserMailbox" for row in people.values()) == in_cloud
    for row in people.values():
        assert row["Sid"].startswith("S-1-5-21-")
        assert len(json.loads(row["Addresses"])) == 2
        assert json.loads(row["X500"])[0].endswith(row["SamAccountName"])
    guids = {row["ExchangeGuid"]: address for address, row in people.items()}
    for row in made.rows("MapiHttp"):
        if not row["AuthenticatedUserEmail"].startswith("HealthMailbox"):
            assert guids[row["MailboxId"].partition("@")[0]] == row["AuthenticatedUserEmail"]
