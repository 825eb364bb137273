"""Pages of what the document says: mailboxes, web shells, coverage, rules."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from brokenseal.errors import UsageError
from brokenseal.report import mail_ledger
from brokenseal.report.text import plain
from brokenseal.review.filters import Filter
from brokenseal.review.gaps import milliseconds
from brokenseal.review.judged import ledger_changes
from brokenseal.review.rendering import missing, page, review_of
from brokenseal.review.verdict import known
from brokenseal.review.without_names import asked_kinds, attachment, without_names

_MOST_FILES = 500
_SECOND_MS = 1000


def mailboxes(request: Request) -> Response:
    review, marks = review_of(request), review_of(request).decisions.marks()
    judged = review.judged(marks)
    changes = ledger_changes(review.document, judged.document) if judged and judged.document else []
    places = {id(row): place for place, row in enumerate(review.document["mailboxes"])}
    return page(
        request,
        "mailboxes",
        title="Mailboxes",
        marks=marks,
        key_of=review.key_of,
        rests=review.standing(marks).mailboxes,
        judged=judged,
        changes=changes,
        after={places[id(one.before)]: one.after for one in changes if one.before is not None},
        added=[one for one in changes if one.before is None],
        around={
            number: Filter(
                who=_name(one["mailbox"]),
                from_ms=milliseconds(one["first"]),
                to_ms=milliseconds(one["last"]) + _SECOND_MS,
            ).query()
            for number, one in enumerate(review.document["mailboxes"])
        },
    )


def mailboxes_export(request: Request) -> Response:
    """With ``decided``, without what is marked as false positive; with ``redact``, without names."""
    write = {"ledger": mail_ledger.ledger_csv, "notify": mail_ledger.notify_csv}.get(request.path_params["list"])
    if write is None:
        return missing(request)
    try:
        kinds = asked_kinds(request)
    except UsageError as error:
        return PlainTextResponse(f"{error}\n", 400)
    review, name = review_of(request), request.path_params["list"]
    document = review.document
    if request.query_params.get("decided"):
        marks = review.decisions.marks()
        if review.left_out(marks):
            judged = review.judged(marks)
            if judged is None or judged.document is None:
                why = "it is being judged again; try again" if judged is None else plain(judged.why_not)
                return PlainTextResponse(f"The case without the false positives is not there: {why}.\n", 503)
            document = judged.document
    return Response(
        write(without_names(review, document, kinds)),
        media_type="text/csv; charset=utf-8",
        headers=attachment(name, "csv", kinds),
    )


def webshells(request: Request) -> Response:
    review, marks = review_of(request), review_of(request).decisions.marks()
    shells = [
        (one, shell, rest)
        for one, rests in zip(review.document["intrusions"], review.standing(marks).webshells, strict=True)
        for shell, rest in zip(one["webshells"], rests, strict=True)
    ]
    return page(request, "webshells", title="Web shells", marks=marks, shells=shells, key_of=review.key_of)


def coverage(request: Request) -> Response:
    review = review_of(request)
    part = request.query_params.get("file", "")[:300].strip()
    files = [one for one in review.document["evidence"] if part.lower() in one["file"].lower()]
    return page(
        request,
        "coverage",
        title="Coverage",
        part=part,
        files=files[:_MOST_FILES],
        files_count=len(files),
    )


def rules(request: Request) -> Response:
    review = review_of(request)
    counts: dict[str, int] = {}
    for finding in review.document["findings"]:
        counts[finding["rule"]] = counts.get(finding["rule"], 0) + 1
    part = request.query_params.get("text", "")[:300].strip().lower()
    campaign_of = known().campaign_of_rule
    listed = [
        (rule.id, rule.title, rule.level, campaign_of.get(rule.id), counts.get(rule.id, 0))
        for rule in known().by_id.values()
    ]
    own = {
        one["rule"]: (one["rule"], one["title"], one["level"], None, counts[one["rule"]])
        for one in review.document["findings"]
        if one["rule"] not in known().by_id
    }
    every = sorted([*listed, *own.values()], key=lambda rule: (-rule[4], rule[1].lower(), rule[0]))
    shown = [rule for rule in every if part in f"{rule[0]} {rule[1]}".lower()]
    return page(request, "rules", title="Rules", rules=shown, part=part, own=len(own))


def _name(mailbox: str | None) -> str:
    """The part of an address that the logs have in any form of it."""
    return (mailbox or "").partition("@")[0]
