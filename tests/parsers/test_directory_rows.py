"""Rows of the directory from the attributes of its objects."""

from __future__ import annotations

from brokenseal.parsers.directory_rows import columns_of_rows, row_of


def test_the_best_name_of_a_thing_is_taken() -> None:
    row = row_of({"name": ["anna"], "displayname": ["Anna"], "mail": ["a@x.example"], "recipienttype": ["UserMailbox"]})
    assert row is not None
    assert (row["DisplayName"], row["PrimarySmtpAddress"], row["RecipientType"]) == (
        "Anna",
        "a@x.example",
        "UserMailbox",
    )


def test_the_primary_address_may_stand_in_the_list_alone() -> None:
    row = row_of({"proxyaddresses": ["smtp:b@x.example", "SMTP:A@x.example"]})
    assert row is not None
    assert (row["PrimarySmtpAddress"], row["Addresses"]) == ("A@x.example", '["a@x.example","b@x.example"]')


def test_an_object_that_names_nobody_is_none() -> None:
    assert row_of({"displayname": ["Anna"], "database": ["DB01"]}) is None
    assert row_of({"exchangeguid": ["00000000-0000-0000-0000-000000000000"], "sid": ["?"]}) is None


def test_columns_are_there_without_rows() -> None:
    made = columns_of_rows([])
    assert len(made["time"]) == len(made["Sid"]) == 0
