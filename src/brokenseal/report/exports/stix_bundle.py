"""The objects of one bundle while it is put together: ids, times, marks, no object twice."""

from __future__ import annotations

from collections.abc import Mapping

from brokenseal.errors import BrokensealError
from brokenseal.report.exports.identity import FIXED, content_uuid, evidence_time
from brokenseal.report.shape import IncidentDocument

Json = dict[str, object]

# The marking definitions that the standard fixes (STIX 2.1, 7.2.1.4): their ids are the same everywhere.
_TLP = {
    "clear": ("white", "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"),
    "green": ("green", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"),
    "amber": ("amber", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"),
    "red": ("red", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"),
}
_TLP_CREATED = "2017-01-20T00:00:00.000Z"


class Bundle:
    """``time`` stands for the time of the export; ids follow from content, so equal documents give equal bundles."""

    def __init__(self, document: IncidentDocument, tlp: str) -> None:
        self.time = evidence_time(document)
        color, self._mark = _TLP[tlp]
        self._objects: dict[str, Json] = {}
        self._objects[self._mark] = {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": self._mark,
            "created": _TLP_CREATED,
            "definition_type": "tlp",
            "name": f"TLP:{color.upper()}",
            "definition": {"tlp": color},
        }
        creator: Json = {"name": "brokenseal", "identity_class": "system"}
        self.creator = self._keep("identity", {**creator, "created": FIXED, "modified": FIXED})

    def add(self, kind: str, content: Mapping[str, object], *, fixed: bool = False) -> str:
        """Add a domain or relationship object and return its id. ``fixed``: it is alike in every bundle
        and public knowledge, so nothing marks it.
        """
        time = FIXED if fixed else self.time
        head: Json = {"created_by_ref": self.creator, "created": time, "modified": time}
        if not fixed:
            head["object_marking_refs"] = [self._mark]
        return self._keep(kind, {**head, **content})

    def relate(self, source: str, kind: str, target: str) -> str:
        return self.add("relationship", {"relationship_type": kind, "source_ref": source, "target_ref": target})

    def observable(self, kind: str, content: Mapping[str, object], *, deterministic: bool = True) -> str:
        """Add a cyber-observable and return its id: the library's, which the standard derives from its content.

        ``deterministic``: the standard gives the kind such an id; it does not for processes, whose id is ours.
        """
        if not deterministic:
            return self._keep(kind, {"object_marking_refs": [self._mark], **content})
        from stix2.v21 import observables  # type: ignore[import-untyped]

        made = getattr(observables, _CLASSES[kind])(**content)
        identity = str(made.id)
        self._objects.setdefault(
            identity,
            {
                "type": kind,
                "spec_version": "2.1",
                "id": identity,
                "object_marking_refs": [self._mark],
                **content,
            },
        )
        return identity

    def _keep(self, kind: str, content: Mapping[str, object]) -> str:
        identity = f"{kind}--{content_uuid({'type': kind, **content})}"
        self._objects.setdefault(identity, {"type": kind, "spec_version": "2.1", "id": identity, **content})
        return identity

    def ids(self) -> list[str]:
        """Ids of all that a report can refer to, in order."""
        return [identity for identity in self._objects if not identity.startswith("marking-definition")]

    def checked(self) -> Json:
        """The bundle as JSON values. Raises ``BrokensealError`` if the library finds it not valid."""
        from stix2 import parse  # type: ignore[import-untyped]
        from stix2.exceptions import STIXError  # type: ignore[import-untyped]

        content: Json = {"objects": list(self._objects.values())}
        bundle = {"type": "bundle", "id": f"bundle--{content_uuid(content)}", **content}
        try:
            parse(bundle, allow_custom=False, version="2.1")
        except (STIXError, ValueError) as error:
            raise BrokensealError(f"the document cannot be written as valid STIX: {type(error).__name__}") from error
        return bundle


_CLASSES = {
    "ipv4-addr": "IPv4Address",
    "ipv6-addr": "IPv6Address",
    "email-addr": "EmailAddress",
    "user-account": "UserAccount",
    "url": "URL",
    "file": "File",
    "directory": "Directory",
}
