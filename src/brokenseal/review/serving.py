"""Serving the review on the loopback interface until it is interrupted."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from brokenseal.errors import UsageError
from brokenseal.review.application import application
from brokenseal.review.case_review import CaseReview
from brokenseal.review.session import Session

_LOOPBACK = "127.0.0.1"


def serve(
    review: CaseReview, *, port: int, browser: bool, ready: Callable[[str], None], failed: Callable[[Exception], None]
) -> None:
    """Answer on ``port`` (0: one that is free) until interrupted.

    ``ready`` is told the address, which works once; ``failed`` what went wrong in answering.

    Raises ``UsageError`` if the port cannot be used.
    """
    listening = _listening(port)
    try:
        session = Session(listening.getsockname()[1])
        config = uvicorn.Config(
            application(review, session, failed=failed),
            log_level="error",  # what it warns of are requests of others that it refuses
            access_log=False,  # the address has the token
            server_header=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            limit_concurrency=64,
        )
        ready(session.address)
        if browser:
            with suppress(webbrowser.Error):
                webbrowser.open(session.address)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()


def _listening(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.bind((_LOOPBACK, port))
        made.listen(64)
    except (OSError, OverflowError) as error:
        made.close()
        why = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise UsageError(f"--port {port}: {why}.") from error
    return made
