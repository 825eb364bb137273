"""What operations were given, in the spelling of each log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokenseal.incident.setting_kinds import operations, parameters, plain_operation, setting_kinds

NAMES = st.sampled_from(["Identity", "ForwardTo", "Name", "User", "AccessRights"])
# Quotes are doubled in the control panel's log; a cmdlet's log shows double quotes only around values.
VALUES = st.text(st.characters(min_codepoint=32, exclude_characters='"', exclude_categories=("Cs", "Cc")), min_size=1)


@given(st.dictionaries(NAMES, VALUES, min_size=1))
def test_what_the_control_panel_writes_is_read_back(values: dict[str, str]) -> None:
    text = ".".join(f"{name}='{value.replace(chr(39), chr(39) * 2)}'" for name, value in values.items())
    assert parameters(text, "ecp_server") == {name.lower(): value for name, value in values.items()}


@given(st.dictionaries(NAMES, VALUES, min_size=1))
def test_what_cmdlet_logs_write_is_read_back(values: dict[str, str]) -> None:
    text = " ".join(f'-{name} "{value}"' for name, value in values.items())
    assert parameters(text, "cmdlet") == {name.lower(): value for name, value in values.items()}


@given(st.dictionaries(NAMES, VALUES, min_size=1))
def test_what_audit_records_hold_is_read_back(values: dict[str, str]) -> None:
    assert parameters(json.dumps(values), "mail_audit") == {name.lower(): value for name, value in values.items()}


@given(st.text(), st.sampled_from(["ecp_server", "cmdlet", "windows_event", "mail_audit"]))
def test_no_text_breaks_the_reading(text: str, kind: str) -> None:
    given_now = parameters(text, kind)
    for setting in setting_kinds():
        for operation in setting.operations:
            setting.fits(operation, given_now)
        assert setting.detail("X", given_now)
        assert all(name == name.lower() for name in setting.receivers(given_now))


@pytest.mark.parametrize(
    ("text", "kind", "name", "value"),
    [
        ("{Mailbox=anna@corp.example, FilePath=\\\\srv\\x.pst}", "windows_event", "filepath", "\\\\srv\\x.pst"),
        ("-Mailbox anna -Force -Name: 'x y'", "cmdlet", "name", "x y"),
        ("-Mailbox anna -Force -Name x", "cmdlet", "force", "true"),
        ("Name='.'.StopProcessingRules=$true", "ecp_server", "stopprocessingrules", "$true"),
    ],
)
def test_other_spellings(text: str, kind: str, name: str, value: str) -> None:
    assert parameters(text, kind)[name] == value


def test_operations_are_compared_without_case_and_full_stop() -> None:
    assert plain_operation("Consent to application.") in operations()
    assert plain_operation(" new-INBOXRULE") in operations()


def test_a_long_value_is_cut_and_says_so() -> None:
    (rule,) = [kind for kind in setting_kinds() if kind.what == "inbox-rule"]
    assert "(and 880 letters more)" in rule.detail("New-InboxRule", {"name": "x" * 1000})
