"""What a kept entry of rules may hold: rules and nothing else. A changed file cannot make anything else of itself."""

from __future__ import annotations

import io
import pickle

from brokenseal.detections.criteria import AllOf, AnyOf, Criterion, FieldTest, KeywordTest, Not

#: What an entry may hold besides our own types.
_PLAIN = {
    *(("builtins", name) for name in ("frozenset", "set")),
    *(("ipaddress", name) for name in ("IPv4Network", "IPv6Network", "IPv4Address", "IPv6Address")),
    # Python 3.13 calls the module of paths by another name.
    *((module, name) for module in ("pathlib", "pathlib._local") for name in ("Path", "PosixPath", "WindowsPath")),
}


class OurTypes(pickle.Unpickler):
    """Reads entries that hold rules and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in _PLAIN or (module.startswith("brokenseal.detections.") and "." not in name):
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        if module == "dataclasses" and name in ("_dataclass_setstate", "_dataclass_getstate"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into the cache")


def read_kept(content: bytes) -> object:
    """What *content* (a pickle) holds. Raises UnpicklingError and others where it is no such thing."""
    found: object = OurTypes(io.BytesIO(content)).load()
    return found


def read_criterion(content: bytes) -> Criterion:
    """The criterion in *content*. Raises UnpicklingError and others where it is no such thing."""
    found = read_kept(content)
    if not isinstance(found, AllOf | AnyOf | Not | FieldTest | KeywordTest):
        raise pickle.UnpicklingError("no criterion")
    return found
