"""``brokenseal review``: local web pages to go through a case that was scanned."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Annotated

import typer

from brokenseal.cli import exits
from brokenseal.cli.streams import out, say
from brokenseal.report.text import plain


def review(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The directory that a scan kept with --case.")],
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port to listen on; 0 takes one that is free.")
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address; open no browser.")] = False,
) -> int:
    """Show a case as web pages on this machine: timeline, findings, mailboxes, and decisions about them.

    The pages can be opened on this machine only, with the address that is printed, which works once. The evidence and the
    results are not changed; notes and decisions are kept in review.sqlite in CASE. Ctrl+C ends it.

    \b
    Examples:
      brokenseal review case-17
      brokenseal review case-17 --port 8123 --no-browser
    """

    def work() -> int:
        from brokenseal.review.case_review import CaseReview
        from brokenseal.review.serving import serve

        def building() -> None:
            say("making the timeline's index; this takes a while once ...")

        def ready(address: str) -> None:
            out(address)
            say("open this address on this machine; it works once. Ctrl+C ends the review.")

        def failed(error: Exception) -> None:
            # Type and place only: the message could hold text of the evidence.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            say(f"a page failed: {type(error).__name__} at {plain(Path(frame.filename).name)}:{frame.lineno}")

        with CaseReview(case, building=building) as opened:
            say(f"case {plain(opened.name, None)}, {opened.timeline.events:,} events.")
            serve(opened, port=port, browser=not no_browser, ready=ready, failed=failed)
        return exits.DONE

    return exits.guarded(work, command="brokenseal review")
