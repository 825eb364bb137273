"""What a rule says about itself: title, level, tags, and brokenseal's own block.

Sigma permits custom attributes; ours are in one block and all optional::

    brokenseal:
      outcome: probed | attempted | succeeded
      stage: <stage id of the campaign>
      mail_access: ews-ssrf         # each matching event is one access to mail (or: export-request, other-ssrf)
      when_refused: <rule id>       # the matches whose back-end row of the same request failed are that rule's instead
      webshell: used | absent       # the event is a request to a file that is not Exchange's own
      webshell: planted             # the event is a file that is, or was, a web shell
      unless_ordinary: true         # not where the page is in the evidence, is as old as that, and its content is ordinary
      requests_to_planted: true     # sees only requests to such files (of the same server), wherever they lie
      context: true                 # shown only inside an intrusion
      yields_to: httpproxy          # does not count where HttpProxy's row of the same request shows no more than a probe

References:
    https://sigmahq.io/sigma-specification/specification/sigma-appendix-tags.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from brokenseal.detections.rule_files import Document, Problem

LEVELS = ("informational", "low", "medium", "high", "critical")
OUTCOMES = ("probed", "attempted", "succeeded")
MAIL_ACCESS = ("ews-ssrf", "export-request", "other-ssrf")
WEBSHELL = ("used", "absent", "planted")
YIELDS_TO = ("httpproxy",)
#: A rule without a level is taken for this one.
DEFAULT_LEVEL = "medium"

_NAMESPACE = UUID("6f0c1d2e-2f0b-5d58-9d1c-6a3d1c3b6e21")
_STAGE = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_RULE_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_CVE = re.compile(r"cve[.-](\d{4})[.-](\d{4,})", re.IGNORECASE)
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHeader:
    """``id`` is a UUID (lower case); ``path`` (a printed name) and ``line`` say where the rule stands.

    ``file`` is the path of the file, which is never printed; a text, because comparing thousands of paths takes long.
    Absent texts are empty. ``cves`` like 'CVE-2021-26855', ``techniques`` like 'T1505.003'.
    """

    id: str
    title: str
    level: str
    path: str
    line: int
    file: str
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    outcome: str | None = None
    stage: str | None = None
    mail_access: str | None = None
    webshell: str | None = None
    context: bool = False
    requests_to_planted: bool = False
    unless_ordinary: bool = False
    yields_to: str | None = None
    when_refused: str | None = None


def read_header(document: Document) -> tuple[RuleHeader, list[Problem]]:
    """The header of a rule or correlation; what is wrong in it is a problem, and the rest is kept."""
    data = document.data
    rule_id = rule_id_of(data)
    problems: list[Problem] = []
    tags = _texts(data.get("tags"))
    level = str(data.get("level") or DEFAULT_LEVEL).lower()
    if level not in LEVELS:
        problems.append(
            document.problem("error", f"level '{level}' is none of {', '.join(LEVELS)}", key="level", rule_id=rule_id)
        )
        level = DEFAULT_LEVEL
    title = data.get("title")
    if not isinstance(title, str) or not title.strip():
        problems.append(document.problem("error", "the rule has no title", rule_id=rule_id))
        title = f"rule {rule_id}"
    own = _own_block(document, rule_id, problems)
    own_texts = {key: value for key, value in own.items() if isinstance(value, str)}
    header = RuleHeader(
        id=rule_id,
        title=title.strip(),
        level=level,
        path=document.path,
        line=document.line,
        file=os.fspath(document.file),
        name=str(data.get("name") or ""),
        description=str(data.get("description") or "").strip(),
        tags=tags,
        cves=_unique(f"CVE-{found[1]}-{found[2]}" for tag in tags if (found := _CVE.fullmatch(tag))),
        techniques=_unique(found[1].upper() for tag in tags if (found := _TECHNIQUE.fullmatch(tag))),
        falsepositives=_texts(data.get("falsepositives")),
        references=_texts(data.get("references")),
        outcome=own_texts.get("outcome"),
        stage=own_texts.get("stage"),
        mail_access=own_texts.get("mail_access"),
        webshell=own_texts.get("webshell"),
        context=own.get("context") is True,
        requests_to_planted=own.get("requests_to_planted") is True,
        unless_ordinary=own.get("unless_ordinary") is True,
        yields_to=own_texts.get("yields_to"),
        when_refused=own_texts.get("when_refused"),
    )
    return header, problems


def rule_id_of(data: Mapping[str, object]) -> str:
    """The rule's UUID; where it has none, one derived from its id text or its content, the same on every run."""
    given = data.get("id")
    try:
        return str(UUID(str(given)))
    except ValueError:
        pass
    if given:
        return str(uuid5(_NAMESPACE, f"id:{given}"))
    content = {key: data.get(key) for key in ("title", "logsource", "detection", "correlation")}
    return str(uuid5(_NAMESPACE, json.dumps(content, sort_keys=True, default=str)))


def _own_block(document: Document, rule_id: str, problems: list[Problem]) -> dict[str, object]:
    block = document.data.get("brokenseal")
    if block is None:
        return {}
    if not isinstance(block, dict):
        problems.append(document.problem("error", "'brokenseal' is not a mapping", key="brokenseal", rule_id=rule_id))
        return {}
    allowed: dict[str, tuple[Callable[[object], bool], str]] = {
        "outcome": (lambda value: value in OUTCOMES, ", ".join(OUTCOMES)),
        "stage": (lambda value: isinstance(value, str) and _STAGE.fullmatch(value) is not None, "a stage id"),
        "mail_access": (lambda value: value in MAIL_ACCESS, ", ".join(MAIL_ACCESS)),
        "webshell": (lambda value: value in WEBSHELL, ", ".join(WEBSHELL)),
        "when_refused": (lambda value: isinstance(value, str) and _RULE_ID.fullmatch(value) is not None, "a rule's id"),
        "yields_to": (lambda value: value in YIELDS_TO, ", ".join(YIELDS_TO)),
        "context": (lambda value: isinstance(value, bool), "true or false"),
        "requests_to_planted": (lambda value: isinstance(value, bool), "true or false"),
        "unless_ordinary": (lambda value: isinstance(value, bool), "true or false"),
    }
    accepted: dict[str, object] = {}
    for key, value in block.items():
        if key not in allowed:
            reason = f"'brokenseal' has no key '{key}' (it has {', '.join(allowed)})"
        elif not allowed[key][0](value):
            reason = f"'brokenseal: {key}: {value}' must be one of: {allowed[key][1]}"
        else:
            accepted[key] = value
            continue
        problems.append(document.problem("error", reason, key=str(key), rule_id=rule_id))
    return accepted


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value if item is not None) if isinstance(value, list) else ()


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
