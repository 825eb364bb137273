"""A case opened to be read only: nothing in it is locked, truncated or removed."""

from __future__ import annotations

import json

from brokenseal.errors import CaseError
from brokenseal.events import Case, Source
from brokenseal.events.case import LAYOUT


class OpenedCase(Case):
    """What the journal of a case names, as far as its parts are there.

    A scan may run into the case meanwhile: it only adds parts, and those named here stay.
    Raises ``CaseError`` if the directory is no case of this version.
    """

    def _open(self) -> None:
        try:
            layout = json.loads((self.directory / "case.json").read_bytes())["layout"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CaseError(f"{self.directory} is no brokenseal case") from error
        if layout != LAYOUT:
            raise CaseError(f"{self.directory} was made by another version of brokenseal (layout {layout})")
        try:
            lines = self.journal_path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise CaseError(f"cannot read {self.journal_path}: {error.strerror}") from error
        for line in lines:
            try:
                record = json.loads(line)
                sources = [Source.from_json(source) for source in record["sources"]]
                parts = [str(part) for part in record["parts"]]
            except (ValueError, KeyError, TypeError):
                break
            if not all((self.directory / part).is_file() for part in parts):
                break
            self._parts.update(parts)
            self._take(sources)
