"""Names that mean one person, and names that stay as they are."""

from __future__ import annotations

import pytest

from brokenseal.incident.identities import Identities, Person, plain_name

GUID = "0b2c6e7a-54d1-4c8e-9d2f-7a1b2c3d4e5f"
X500 = "/o=First Organization/ou=Exchange Administrative Group/cn=Recipients/cn=anna"


@pytest.mark.parametrize(
    ("logged", "plain"),
    [
        ("SMTP:Anna@Corp.example", "anna@corp.example"),
        ("smtp~anna@corp.example", "anna@corp.example"),
        (f"MailboxGuid~{GUID}", GUID),
        (f"{{{GUID.upper()}}}", GUID),
        (f"{GUID}@corp.example", GUID),
        ("Sid~S-1-5-21-1-2-3-1105", "s-1-5-21-1-2-3-1105"),
        (X500, X500.lower()),
        ("CORP\\Anna ", "corp\\anna"),
    ],
)
def test_names_as_logged(logged: str, plain: str) -> None:
    assert plain_name(logged) == plain


def test_any_of_a_persons_names_is_found() -> None:
    anna = Person("anna@corp.example", "Anna Berg")
    known = Identities([(anna, ["a.berg@corp.example", GUID, X500, "CORP\\anna", "S-1-5-21-1"])])
    for name in ("A.Berg@corp.example", f"{GUID}@corp.example", X500.upper(), "corp\\ANNA", "sid~S-1-5-21-1"):
        assert known.person(name) is anna, name
    assert known.person("bela@corp.example") is None
    assert known.person(None) is None


def test_a_name_that_two_people_have_is_nobodys() -> None:
    anna, other = Person("anna@corp.example"), Person("anna@other.example")
    known = Identities([(anna, ["anna", "anna@corp.example"]), (other, ["anna", "anna@other.example"])])
    assert known.person("anna") is None
    assert known.person("anna@corp.example") is anna


def test_two_exports_of_one_person_agree() -> None:
    known = Identities([(Person("anna@corp.example"), ["anna"]), (Person("anna@corp.example", "Anna"), ["anna"])])
    found = known.person("anna")
    assert found is not None
    assert found.name == "anna@corp.example"
