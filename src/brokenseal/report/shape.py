"""The incident document as Python types, member for member as in ``incident.schema.json`` (a test compares the two).

Types only: nothing is checked at run time. What the members mean is written in the schema.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Reference(TypedDict):
    file: str
    sha256: str | None
    line: int
    offset: NotRequired[int]
    time: NotRequired[str | None]
    record: NotRequired[int]
    detail: NotRequired[str]


class Build(TypedDict):
    build: str
    first: str
    last: str
    product: str | None


# A member named 'from' needs the functional form.
Gap = TypedDict("Gap", {"from": str, "to": str, "hours": float})
Window = TypedDict("Window", {"from": str | None, "to": str | None})


class Coverage(TypedDict):
    source: str
    first: str | None
    last: str | None
    events: int
    rejects: int
    files: int
    gaps: list[Gap]
    note: NotRequired[str | None]


class Host(TypedDict):
    host: str
    verdict: str
    reasons: list[str]
    builds: list[Build]
    coverage: list[Coverage]


class Campaign(TypedDict):
    id: str
    title: str
    verdict: str
    reasons: list[str]
    window: Window | None


class Flaw(TypedDict):
    id: str
    outcome: str
    findings: list[str]


Planted = TypedDict("Planted", {"time": str, "from": str, "evidence": Reference})


class WebShell(TypedDict):
    url: str | None
    host: NotRequired[str | None]
    path: NotRequired[str | None]
    kind: NotRequired[str | None]
    sha256: NotRequired[str | None]
    size: NotRequired[int | None]
    known_hash: NotRequired[str | None]
    times_set_back: NotRequired[bool]
    planted: NotRequired[Planted | None]
    written_by: NotRequired[list[str]]
    first_used: str | None
    last_used: str | None
    state: str
    requests: int
    bytes_out: NotRequired[int | None]
    source_ips: NotRequired[list[str]]
    processes: NotRequired[list[str]]
    reasons: NotRequired[list[str]]
    findings: NotRequired[list[str]]
    evidence: NotRequired[list[Reference]]


class Process(TypedDict):
    id: str
    parent: str | None
    host: str
    time: str | None
    image: str | None
    command_line: str | None
    pid: str | None
    user: str | None
    findings: list[str]
    evidence: list[Reference]


class Technique(TypedDict):
    id: str
    name: str


class Intrusion(TypedDict):
    id: str
    named_by: NotRequired[str]
    campaign: NotRequired[str | None]
    hosts: list[str]
    source_ips: list[str]
    first_seen: str
    last_seen: str
    stage: str | None
    stage_title: NotRequired[str | None]
    cves: list[Flaw]
    webshells: list[WebShell]
    processes: list[Process]
    techniques: list[Technique]
    findings: NotRequired[list[str]]


class Action(TypedDict):
    operation: str
    count: int


Change = TypedDict(
    "Change",
    {
        "what": str,
        "when": str,
        "by": str | None,
        "from": str | None,
        "to": list[str],
        "detail": str,
        "intrusion": str | None,
        "evidence": NotRequired[list[Reference]],
    },
)


class Received(TypedDict):
    first: str
    last: str
    messages: int
    bytes: int
    complete: bool


class Estimate(TypedDict):
    messages: int
    message_bytes: int
    of: int


class TrackedMessage(TypedDict):
    how: str
    sender: str | None
    recipients: int | None
    bytes: int | None
    delivered: str | None
    id: str
    subject: str | None


class TrackedTotal(TypedDict):
    messages: int
    sent: int
    senders: int
    bytes: int | None
    first: str | None
    last: str | None


Hint = TypedDict(
    "Hint",
    {
        "user": str,
        "from": str,
        "from_place": str,
        "to": str,
        "to_place": str,
        "left": str,
        "arrived": str,
        "km": int,
        "hours": float,
        "evidence": list[Reference],
    },
)


class Mailbox(TypedDict):
    mailbox: str | None
    display_name: NotRequired[str | None]
    known_as: NotRequired[list[str]]
    intrusion: str | None
    access: str
    first: str
    last: str
    requests: int
    items_at_least: int | None
    items_at_most: NotRequired[int | None]
    bytes_at_least: int | None
    bytes_at_most: NotRequired[int | None]
    complete: bool
    incomplete_because: NotRequired[list[str]]
    confidence: NotRequired[str]
    confidence_because: NotRequired[str]
    protocols: NotRequired[list[str]]
    source_ips: NotRequired[list[str]]
    users: NotRequired[list[str]]
    folders: NotRequired[list[str]]
    actions: NotRequired[list[Action]]
    changes: NotRequired[list[Change]]
    received: NotRequired[Received | None]
    estimate: NotRequired[Estimate | None]
    tracked_total: NotRequired[TrackedTotal | None]
    hints: NotRequired[list[Hint]]
    messages: NotRequired[list[str]]
    subjects: NotRequired[list[str]]
    tracked: NotRequired[list[TrackedMessage]]
    evidence: NotRequired[list[Reference]]


class Finding(TypedDict):
    id: str
    rule: str
    title: str
    level: str
    count: int
    outcome: str
    time: str | None
    last: NotRequired[str | None]
    host: str | None
    source_ip: str | None
    campaign: NotRequired[str | None]
    stage: NotRequired[str | None]
    tags: NotRequired[list[str]]
    evidence: list[Reference]


class EvidenceRecord(TypedDict):
    file: str
    sha256: str | None
    size: int | None
    kind: str
    host: str | None
    host_from: str
    first: str | None
    last: str | None
    events: int
    rejects: int
    reject_reasons: dict[str, int]
    warnings: dict[str, int]
    duplicate_of: NotRequired[str | None]
    note: NotRequired[str | None]


class CitedLine(TypedDict):
    file: str
    sha256: str
    line: int
    offset: int
    text: str
    bytes: int
    cut: bool
    form: str


class Cited(TypedDict):
    lines: list[CitedLine]
    left_out: int
    missing: int
    withheld: int


class RuleNotRun(TypedDict):
    rule: str | None
    file: str
    reason: str


class Client(TypedDict):
    ip: str
    bytes: int
    unexplained_bytes: int
    requests: int
    first: str
    last: str
    users: list[str]
    intrusion: str | None


class OutflowHour(TypedDict):
    hour: str
    actor_bytes: int
    other_bytes: int


class Outflow(TypedDict):
    clients: list[Client]
    hours: list[OutflowHour]


class Actor(TypedDict):
    intrusion: str | None
    ip: str | None
    agent: str | None
    why: str


class Rules(TypedDict):
    loaded: int
    not_run: list[RuleNotRun]


class Generator(TypedDict):
    name: str
    version: str


class PlacesFile(TypedDict):
    file: str
    sha256: str
    type: str
    built: str


class Scope(TypedDict):
    since: str | None
    until: str | None
    iis_timezone: str
    subjects: NotRequired[bool]
    geoip: NotRequired[PlacesFile | None]


class Told(TypedDict):
    text: str
    key: str
    values: dict[str, object]


class IncidentDocument(TypedDict):
    schema_version: str
    generator: Generator
    verdict: str
    summary: str
    scope: NotRequired[Scope]
    hosts: list[Host]
    campaigns: list[Campaign]
    intrusions: list[Intrusion]
    mailboxes: list[Mailbox]
    changes: NotRequired[list[Change]]
    hints: NotRequired[list[Hint]]
    outflow: NotRequired[Outflow]
    actors: NotRequired[list[Actor]]
    findings: list[Finding]
    not_seen: list[str]
    advice: list[str]
    rules: Rules
    evidence: list[EvidenceRecord]
    sentences: NotRequired[list[Told]]
    cited: NotRequired[Cited]
