"""Campaign knowledge: what an attack campaign is, its ladder of stages, when it ran, and what must be seen to rule it out.

A campaign is a folder with a ``campaign.yaml`` and its Sigma rules in ``rules/``::

    id, title, description, references: [URL]
    window: {from: date, from_reason, to: date (the whole day belongs to it), to_reason}          # may be absent
    cves: [{id: CVE-2021-26855, title, fixed_in: Mar21SU}]                                       # may be absent
    stages: [{id, title, verdict, step}]            # from the lowest to the highest; step may be absent
    visibility: [{what, any_of: [source]}]          # each must be seen to say that there is no evidence; needs a window
    weakens: [{source, sentence}]                   # said when the source is missing
    advice: {verdict: [sentence]}                   # in the order in which to act

Without ``visibility`` a campaign is only spoken of when something of it is found: nobody can say that all was seen.

A source is the name of an event table, or one folder of its log as in ``httpproxy/Ecp`` or ``windows_event/Security``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from brokenseal.errors import ContentError

if TYPE_CHECKING:
    from brokenseal.detections.campaign_fields import Fields

FILE_NAME = "campaign.yaml"
#: What can be said of a host, a campaign or the whole evidence; advice is given for each.
VERDICTS = ("no_evidence", "cannot_tell", "probed", "attempted", "breached", "mail_read")
#: What a stage can show.
STAGE_VERDICTS = ("probed", "attempted", "breached", "mail_read")

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.ASCII)
#: A table, or one of the folders (protocols) of its log.
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9 /_-]*)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,6}", re.ASCII)
_CVE = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_URL = re.compile(r"https://\S+")


class CampaignError(ContentError):
    """One or more campaign files are wrong. ``problems`` are sentences with file and line."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the attack, in plain words, and the verdict that reaching it means.

    ``step`` compares stages of two campaigns that mean the same verdict; by default ten for each place on the ladder.
    """

    id: str
    title: str
    verdict: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Cve:
    """A flaw the campaign used; ``fixed_in`` is the security update with the fix, as builds name it (Mar21SU)."""

    id: str
    title: str
    fixed_in: str


@dataclass(frozen=True, slots=True)
class Window:
    """When the campaign ran: UTC days, both included, each with the reason for its choice."""

    start: date
    start_reason: str
    end: date
    end_reason: str


@dataclass(frozen=True, slots=True)
class Visibility:
    """Something that must be visible to say 'no evidence', and the sources of which one is enough."""

    what: str
    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weakness:
    """What cannot be said without a source, although its absence does not forbid 'no evidence'."""

    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign. ``stages`` go from the lowest to the highest; ``advice`` maps every verdict to its sentences."""

    id: str
    title: str
    description: str
    references: tuple[str, ...]
    window: Window | None
    cves: tuple[Cve, ...]
    stages: tuple[Stage, ...]
    visibility: tuple[Visibility, ...]
    weakens: tuple[Weakness, ...]
    advice: Mapping[str, tuple[str, ...]]
    folder: Path

    @property
    def rules_folder(self) -> Path:
        """The folder with the campaign's Sigma rules."""
        return self.folder / "rules"

    @property
    def window_ms(self) -> tuple[int, int] | None:
        """The window in milliseconds since 1970 UTC, its end excluded."""
        if self.window is None:
            return None
        days = (self.window.start, self.window.end + timedelta(days=1))
        start, end = (int(datetime.combine(day, time(), UTC).timestamp()) * 1000 for day in days)
        return start, end

    def stage(self, stage_id: str) -> Stage | None:
        """The stage with this id, ``None`` if there is none."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)


def load_campaigns(folder: Path | None = None) -> tuple[Campaign, ...]:
    """The campaigns in the sub-folders of *folder* (those shipped with brokenseal by default), sorted by id.

    Raises CampaignError with everything that is wrong in any of them.
    """
    root = _content() if folder is None else folder
    problems: list[str] = []
    campaigns: dict[str, Campaign] = {}
    for path in sorted(root.glob(f"*/{FILE_NAME}"), key=lambda path: path.parent.name):
        campaign = _read(path, problems)
        if campaign is None:
            continue
        if campaign.id in campaigns:
            problems.append(f"{path.parent.name}/{FILE_NAME}: the id '{campaign.id}' is that of another campaign")
        campaigns[campaign.id] = campaign
    if not campaigns and not problems:
        problems.append(f"{root.name}: no campaign ({FILE_NAME}) in any of its folders")
    if problems:
        raise CampaignError(tuple(problems))
    return tuple(campaigns[key] for key in sorted(campaigns))


def _content() -> Path:
    content = files("brokenseal") / "content"
    if not isinstance(content, Path):
        raise CampaignError(("brokenseal must be installed as files, not run from an archive: its content is missing",))
    return content


def _read(path: Path, problems: list[str]) -> Campaign | None:
    from brokenseal.detections.campaign_fields import read_fields  # the YAML reader costs start-up time

    found: list[str] = []
    root = read_fields(path, f"{path.parent.name}/{FILE_NAME}", found)
    campaign = None if root is None else _campaign(root, path.parent)
    problems += found
    return None if found else campaign


def _campaign(root: Fields, folder: Path) -> Campaign:
    window = _window(root)
    stages = tuple(
        Stage(
            item.text("id", _ID),
            item.text("title"),
            item.choice("verdict", STAGE_VERDICTS),
            int(item.text("step", _NUMBER) or 0) if item.has("step") else 10 * place,
        )
        for place, item in enumerate(root.mappings("stages"), start=1)
    )
    root.unique("stages", [stage.id for stage in stages])
    _check_order(root, stages)
    cves = tuple(
        Cve(item.text("id", _CVE), item.text("title"), item.text("fixed_in", None))
        for item in root.mappings("cves", optional=True)
    )
    root.unique("cves", [cve.id for cve in cves])
    visibility = tuple(
        Visibility(item.text("what"), item.texts("any_of", _SOURCE))
        for item in root.mappings("visibility", optional=True)
    )
    weakens = tuple(
        Weakness(item.text("source", _SOURCE), item.text("sentence"))
        for item in root.mappings("weakens", optional=True)
    )
    advice_fields = root.mapping("advice")
    advice = {verdict: advice_fields.texts(verdict) for verdict in VERDICTS}
    if visibility and window is None:
        root.wrong("visibility", "needs a window: the time in which all must be seen")
    campaign = Campaign(
        id=root.text("id", _ID),
        title=root.text("title"),
        description=root.text("description"),
        references=root.texts("references", _URL),
        window=window,
        cves=cves,
        stages=stages,
        visibility=visibility,
        weakens=weakens,
        advice=MappingProxyType(advice),
        folder=folder,
    )
    root.no_others()
    return campaign


def _window(root: Fields) -> Window | None:
    if not root.has("window"):
        return None
    fields = root.mapping("window")
    start, end = fields.day("from"), fields.day("to")
    if start > end:
        fields.wrong("to", "lies before 'from'")
    return Window(start, fields.text("from_reason"), end, fields.text("to_reason"))


def _check_order(root: Fields, stages: tuple[Stage, ...]) -> None:
    ranks = [STAGE_VERDICTS.index(stage.verdict) for stage in stages if stage.verdict in STAGE_VERDICTS]
    if ranks != sorted(ranks):
        root.wrong("stages", "a stage has a lesser verdict than one before it; they go from the lowest to the highest")
