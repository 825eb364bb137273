"""Who may ask: one browser of this machine. A token in the printed address is exchanged, once, for a session cookie.

Every answer carries a policy under which a page loads nothing but its own style and script and can be framed by nobody.

References:
    https://html.spec.whatwg.org/multipage/browsers.html and https://fetch.spec.whatwg.org/#origin-header: a page with the
    referrer policy ``no-referrer`` sends ``Origin: null`` with its own forms, hence ``same-origin`` here.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPENING = "/open"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_OWN = ("same-origin", "none")


class Session:
    """The secrets of one run. ``port`` is that of the server, on the loopback interface."""

    def __init__(self, port: int) -> None:
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        # Cookies are not kept apart by port: each run has a name of its own.
        self.cookie = f"brokenseal-review-{port}"
        self.secret = secrets.token_urlsafe(32)
        self._token: str | None = secrets.token_urlsafe(32)
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """The address to open; it works once."""
        return f"http://{self.hosts[0]}{OPENING}?token={self._token or ''}"

    def exchange(self, token: str) -> bool:
        """Whether ``token`` is the one of the printed address and was not used before; from now on it is used."""
        with self._lock:
            if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
                return False
            self._token = None
            return True

    @property
    def form_token(self) -> str:
        """What every form carries: known only to pages of this session."""
        return hmac.new(self.secret.encode(), b"form", sha256).hexdigest()

    def holds(self, cookies: str) -> bool:
        return hmac.compare_digest(cookie_parser(cookies).get(self.cookie, "").encode(), self.secret.encode())


class Guard:
    """Refuses what does not come from the session's own pages, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, session: Session, *, failed: Callable[[Exception], None]) -> None:
        self._app = app
        self._session = session
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            status, why = refusal
            await PlainTextResponse(why + "\n", status)(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:  # noqa: BLE001 - Starlette has answered; the server's own log would hold text of the evidence
            self._failed(error)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._session.hosts:
            return 400, "This address is not the one that brokenseal review printed."
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "HEAD", "POST"):
            return 405, "Pages are read with GET and answer forms with POST."
        opens = path == OPENING and method == "GET"
        # The printed address may be followed from anywhere, a terminal in a browser too: it needs the token.
        if not opens and headers.get("sec-fetch-site", "none") not in _OWN:
            return 403, "This request comes from another site."
        if not opens and not self._session.holds("; ".join(headers.getlist("cookie"))):
            return 403, "There is no session. Open the address that brokenseal review printed; it works once."
        if method == "POST" and headers.get("origin") != f"http://{hosts[0].lower()}":
            return 403, "This form was not sent by a page of this review."
        return None
