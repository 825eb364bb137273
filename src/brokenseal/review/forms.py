"""Forms that pages of this session send: read within bounds, checked, answered with the page they came from."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from brokenseal.review.session import Session

_MOST_BYTES, _MOST_FIELDS = 64 << 10, 20
_KIND = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str] | Response:
    """The fields of a form, or the answer that refuses it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        return PlainTextResponse("Forms are sent as application/x-www-form-urlencoded.\n", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return PlainTextResponse("The form is too large.\n", 413)
    try:
        fields = dict(
            parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
        )
    except ValueError:
        return PlainTextResponse("The form cannot be read.\n", 400)
    session: Session = request.app.state.session
    if not hmac.compare_digest(fields.get("form_token", "").encode(), session.form_token.encode()):
        return PlainTextResponse("This form is of another session. Load the page again.\n", 403)
    return fields


def back_to(address: str) -> RedirectResponse:
    """To the page of this review that a form names; to the overview for anything else."""
    parts = urlsplit(address if address.isprintable() else "")
    local = not parts.scheme and not parts.netloc and parts.path.startswith("/") and not parts.path.startswith("//")
    target = (parts.path + (f"?{parts.query}" if parts.query else "")) if local and "\\" not in address else "/"
    return RedirectResponse(target, 303)
