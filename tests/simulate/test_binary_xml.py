"""The expected bytes are those of real files: Sysmon's and the Application log of public samples."""

from __future__ import annotations

import struct

import pytest

from brokenseal.simulate.binary_xml import ENCODERS as ENCODE
from brokenseal.simulate.binary_xml import Element, SharedText, Slot, Template, ValueType, hashed, packed


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Event", 0x0CBA),
        ("System", 0x546F),
        ("Provider", 0x7BF1),
        ("EventRecordID", 0x0346),
        ("Data", 0x6F8A),
        ("xmlns", 0x0FBC),
        ("UserID", 0x4C66),
    ],
)
def test_hashes_of_names_are_those_of_real_logs(name: str, number: int) -> None:
    assert hashed([ord(letter) for letter in name]) & 0xFFFF == number


@pytest.mark.parametrize(
    ("guid", "bucket"),
    [
        ("5650d1f58a61cb59c31f7fe3fe7bac54", 6),
        ("c035f17861e6e2e77a7c1281b0e290ca", 10),
        ("aa0a62488447a65ed5b3fe67e736f587", 17),
        ("f5ee26f9b15e44ee738b412ce19255b1", 6),
    ],
)
def test_templates_are_in_the_buckets_of_real_logs_of_format_3_1(guid: str, bucket: int) -> None:
    assert hashed(struct.unpack("<8H", bytes.fromhex(guid))) % 32 == bucket


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (ValueType.SID, "S-1-5-18", "010100000000000512000000"),
        (ValueType.GUID, "5770385f-c22a-43e0-bf4c-06f5698ffbd9", "5f3870572ac2e043bf4c06f5698ffbd9"),
        (ValueType.HEX64, 0x3E7, "e703000000000000"),
        (ValueType.UINT16, 7036, "7c1b"),
        (ValueType.BOOL, True, "01000000"),
        # The sample's 58f3f4e6... is 2017-12-26T13:10:29.1368792Z; here whole milliseconds.
        (ValueType.FILETIME, 1_514_293_829_136, "00d1f4e64a7ed301"),
        (ValueType.TEXT, "é😀", "e9003dd800de"),
    ],
)
def test_values_have_the_bytes_of_real_logs(kind: ValueType, value: str | int, expected: str) -> None:
    assert ENCODE[kind](value).hex() == expected


def test_a_template_is_written_once_and_then_pointed_to() -> None:
    template = Template(Element("EventData", content=(Element("Data", (("Name", "a"),), (Slot(0, ValueType.TEXT),)),)))
    shared, values = SharedText(), packed([(ValueType.TEXT, b"x\0")])
    first = shared.instance(template, 600, values)
    again = shared.instance(template, 900, values)
    assert struct.unpack_from("<BBII", first)[3] == 610
    assert struct.unpack_from("<BBII", again)[3] == 610
    assert (again[10:], first[-len(values) :]) == (values, values)
    assert sorted(shared.names) == ["Data", "EventData", "Name"]


def test_a_templates_id_follows_from_its_content_alone() -> None:
    one, same, other = (Template(Element(name)) for name in ("a", "a", "b"))
    assert one.guid == same.guid != other.guid
    assert len(one.guid) == 16


def test_a_value_of_more_than_65535_bytes_is_refused() -> None:
    packed([(ValueType.TEXT, bytes(65_535))])
    with pytest.raises(ValueError, match="65,536 bytes"):
        packed([(ValueType.TEXT, bytes(65_536))])
