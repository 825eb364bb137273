"""Load Sigma rules, correlations and filters from folders; a wrong file is a problem and never stops the others.

Rules are standard Sigma YAML. A rule that this version cannot run (no such log source, a placeholder without values, a
regular expression beyond RE2) is listed with the reason.

References:
    https://sigmahq.io/sigma-specification/
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from uuid import UUID

from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaDetections, SigmaLogSource, SigmaRule

from brokenseal.detections.correlation_reading import read_correlation, referenced_names
from brokenseal.detections.criteria import UnsupportedRule, field_names
from brokenseal.detections.criteria_reading import criterion_of
from brokenseal.detections.regex_engine import POLICY
from brokenseal.detections.rule_files import Document, Problem, read_documents, rule_paths
from brokenseal.detections.rule_header import RuleHeader, read_header
from brokenseal.detections.rules import Rule, RuleSet
from brokenseal.detections.sigma_correlation import Correlation, Reference
from brokenseal.detections.taxonomy import event_kind, kinds_of_logsource
from brokenseal.errors import ContentError


@dataclass(slots=True)
class _Loading:
    problems: list[Problem] = field(default_factory=list)
    rules: dict[str, Rule] = field(default_factory=dict)
    correlations: dict[str, Correlation] = field(default_factory=dict)
    #: Every rule and correlation found, by id; and the names they can be referred to by.
    found: dict[str, Document] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def read_rules(folders: Sequence[Path]) -> RuleSet:
    """All rules in *folders* (folders, or single files), in a fixed order whatever the file system's."""
    loading = _Loading()
    documents: list[Document] = []
    for path, name in rule_paths(folders):
        read, problems = read_documents(path, name)
        documents += read
        loading.problems += problems
    filters = _filters(documents, loading)
    correlations: list[tuple[Document, RuleHeader]] = []
    for document in documents:
        if "filter" in document.data and "correlation" not in document.data:
            continue
        header = _register(document, loading)
        if header is None:
            continue
        if "correlation" in document.data:
            correlations.append((document, header))
        else:
            _load_rule(document, header, filters, loading)
    _load_correlations(correlations, loading)
    fed = {
        reference.rule
        for correlation in loading.correlations.values()
        if not correlation.generate
        for reference in correlation.uses
    }
    rules = (replace(rule, reported=False) if rule.id in fed else rule for rule in loading.rules.values())
    return RuleSet(
        tuple(sorted(rules, key=lambda rule: rule.id)),
        tuple(loading.correlations.values()),
        tuple(sorted(loading.problems)),
        len(loading.found) - len(loading.rules) - len(loading.correlations),
    )


def _register(document: Document, loading: _Loading) -> RuleHeader | None:
    """The header of a rule or correlation; None for a document that is none, or one whose id is taken."""
    data = document.data
    if "action" in data:
        reason = "'action' documents are not supported (use correlations, or one document a rule)"
        loading.problems.append(document.problem("not_run", reason, key="action"))
        return None
    if "detection" not in data and "correlation" not in data:
        loading.problems.append(document.problem("error", "no Sigma rule: it has no detection, correlation or filter"))
        return None
    header, problems = read_header(document)
    first = loading.found.get(header.id)
    if first is not None:
        reason = f"id {header.id} is already used by {first.path}:{first.line}"
        loading.problems.append(document.problem("error", reason, key="id", rule_id=header.id))
        return None
    loading.problems += problems
    loading.found[header.id] = document
    for name in (header.id, header.name, str(data.get("id") or "")):
        if name:
            loading.names.setdefault(name, header.id)
    return header


def _filters(documents: Iterable[Document], loading: _Loading) -> list[SigmaFilter]:
    filters = []
    for document in documents:
        if "filter" not in document.data or "correlation" in document.data:
            continue
        try:
            filters.append(SigmaFilter.from_dict(dict(document.data), policy=POLICY))
        except Exception as error:  # noqa: BLE001 - whatever pySigma makes of a wrong file
            loading.problems.append(document.problem("error", _reason(error), key="filter"))
    return filters


def _load_rule(document: Document, header: RuleHeader, filters: Sequence[SigmaFilter], loading: _Loading) -> None:
    try:
        taxonomy = document.data.get("taxonomy", "sigma")
        if taxonomy != "sigma":
            raise UnsupportedRule(f"its field names follow the taxonomy '{taxonomy}', which is not known")
        source = _mapping(document, "logsource")
        kinds = kinds_of_logsource(*(_text(source.get(part)) for part in ("category", "product", "service")))
        rule = SigmaRule(
            title=header.title,
            id=UUID(header.id),
            name=header.name or None,
            logsource=SigmaLogSource.from_dict(source),  # type: ignore[arg-type]
            detection=SigmaDetections.from_dict(_mapping(document, "detection"), policy=POLICY),
            policy=POLICY,
        )
        for sigma_filter in filters:
            sigma_filter.apply_on_rule(rule)
        criterion = criterion_of(rule)
    except (UnsupportedRule, SigmaRegularExpressionError) as error:
        loading.problems.append(document.problem("not_run", _reason(error), key="detection", rule_id=header.id))
        return
    except Exception as error:  # noqa: BLE001 - whatever pySigma makes of a wrong file
        loading.problems.append(document.problem("error", _reason(error), key="detection", rule_id=header.id))
        return
    if not kinds:
        named = ", ".join(f"{part} {source[part]}" for part in ("category", "product", "service") if source.get(part))
        reason = f"no source in this version: {named}"
        loading.problems.append(document.problem("no_source", reason, key="logsource", rule_id=header.id))
        return
    for kind in kinds:
        for name in field_names(criterion):
            if event_kind(kind).field(name) is None:
                reason = f"events of {kind} have no field '{name}': it is always empty"
                line = document.line_of_field(name)
                loading.problems.append(Problem(document.path, line, "warning", reason, header.id))
    loading.rules[header.id] = Rule(**asdict(header), kinds=kinds, criterion=criterion)


def _load_correlations(pending: Sequence[tuple[Document, RuleHeader]], loading: _Loading) -> None:
    waiting = dict((header.id, (document, header)) for document, header in pending)
    progress = True
    while waiting and progress:
        progress = False
        for rule_id, (document, header) in list(waiting.items()):
            try:
                known = _known(referenced_names(document.data), waiting, loading)
                if known is None:
                    continue
                correlation = read_correlation(header, document.data, known)
            except UnsupportedRule as error:
                loading.problems.append(document.problem("not_run", str(error), key="correlation", rule_id=rule_id))
            except Exception as error:  # noqa: BLE001 - whatever pySigma makes of a wrong file
                loading.problems.append(document.problem("error", _reason(error), key="correlation", rule_id=rule_id))
            else:
                loading.correlations[rule_id] = correlation
                loading.problems += _unknown_fields(document, correlation)
            del waiting[rule_id]
            progress = True
    for rule_id, (document, _) in waiting.items():
        loading.problems.append(
            document.problem("error", "correlations refer to each other in a circle", rule_id=rule_id)
        )


def _known(names: Iterable[str], waiting: Collection[str], loading: _Loading) -> Mapping[str, Reference] | None:
    """What the names stand for; None as long as one is a correlation that is not read yet."""
    known: dict[str, Reference] = {}
    for name in names:
        rule_id = loading.names.get(name) or loading.names.get(name.lower())
        if rule_id is None:
            raise ContentError(f"rule '{name}' is not among the rules")
        if rule_id in waiting:
            return None
        used = loading.rules.get(rule_id) or loading.correlations.get(rule_id)
        if used is None:
            raise UnsupportedRule(f"rule '{name}' is not run")
        known[name] = Reference(rule_id, used.kinds)
    return known


def _unknown_fields(document: Document, correlation: Correlation) -> Iterable[Problem]:
    for name in (*correlation.group_by, *correlation.counted):
        for reference in correlation.uses:
            meant = correlation.field_of(name, reference.rule)
            for kind in reference.kinds:
                if meant is None or event_kind(kind).field(meant) is None:
                    reason = f"events of {kind} have no field '{meant or name}': the correlation never sees them"
                    yield document.problem("warning", reason, key="correlation", rule_id=correlation.id)


def _mapping(document: Document, key: str) -> dict[str, object]:
    value = document.data.get(key)
    if not isinstance(value, dict):
        raise ContentError(f"'{key}' is not a mapping")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _reason(error: Exception) -> str:
    if isinstance(error, SigmaError | ContentError):
        return str(error) or type(error).__name__
    return f"cannot be read ({type(error).__name__}: {error})"
