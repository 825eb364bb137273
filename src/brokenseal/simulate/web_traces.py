"""Each server's web folders as an administrator collects them: honest files, and what an intruder left among them.

Files carry the time that they have on the server, so that a copy of the folder tells it. Pages that were removed are gone;
their compiled form and their entry in the master file table are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from brokenseal.simulate import compiled_page_files, exchange_pages, folder_listings, planted_pages, web_files
from brokenseal.simulate.clock import DAY, HOUR, MINUTE, SECOND, milliseconds
from brokenseal.simulate.compiled_page_files import CompiledPage
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.evidence_tree import FILE_LISTINGS, WEB_FOLDERS
from brokenseal.simulate.organisation import Organisation, Server
from brokenseal.simulate.scenarios import Scenario
from brokenseal.simulate.truth import PlantedShellTruth, Truth
from brokenseal.simulate.web_files import HIDDEN, WebFile

# The build was installed so long before the simulated range; the setup took some minutes.
_INSTALLED_DAYS_BEFORE = 80
_SETUP_TOOK = 25 * MINUTE
_LIBRARY_BYTES = 6_656
_SIZES = {"dmp": 48_331_204, "pst": 271_360, "zip": 183_502}
_STATIC = (".css", ".gif", ".ico", ".js", ".png")
# Application, its URL and the pages below it that people asked for.
_COMPILED = (
    ("owa", ("/owa/auth/logon.aspx", "/owa/auth/logoff.aspx", "/owa/auth/errorFE.aspx")),
    ("ecp", ("/ecp/auth/TimeoutLogout.aspx", "/ecp/default.aspx")),
)


class _Copies(NamedTuple):
    """What is left of a planted page: the page itself, and its compiled form (empty where there is none)."""

    page: WebFile
    compiled: tuple[WebFile, ...]


def write(
    root: Path,
    organisation: Organisation,
    truth: Truth,
    seed: int,
    begin: int,
    *,
    sources: Collection[str],
    plan: Scenario,
) -> None:
    """Write the web folders and listings of all servers; ``begin`` is the first millisecond of the range.

    The truth is told of hashes, and of the numbers of files and rows.
    """
    for server in organisation.servers:
        shells = [shell for shell in truth.planted_shells if shell.host == server.name]
        left = [_left_of(server, shell, begin) for shell in shells]
        files = _honest(server, seed, begin, shells, maintained=server is organisation.servers[0])
        if plan.visible:
            files += [file for copies in left for file in (copies.page, *copies.compiled)]
        else:
            for shell in shells:
                shell.compiled = shell.compiled_at = shell.assembly = None
        if WEB_FOLDERS in sources:
            truth.web_files[server.name] = web_files.write_files(root, server.name, files)
            empty = root / server.name / web_files.collected_name(exchange_pages.EMPTY_FOLDER)
            empty.mkdir(parents=True, exist_ok=True)
            for shell, copies in zip(shells, left, strict=True):
                if plan.visible and copies.page.present:
                    shell.sha256 = hashlib.sha256(copies.page.data).hexdigest()
        if FILE_LISTINGS in sources:
            _list(root, server, files, _elsewhere(truth, server, shells), truth, plan.listings)


def _list(
    root: Path, server: Server, files: list[WebFile], elsewhere: list[WebFile], truth: Truth, kinds: Collection[str]
) -> None:
    for kind in kinds:
        shown = [*files, *elsewhere] if kind == folder_listings.WHOLE_VOLUME else files
        listing = folder_listings.LISTINGS[kind](server.name, shown)
        target = root / server.name / listing.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(listing.data)
        truth.listings[f"{server.name}/{listing.name}"] = listing.rows


def _installed(begin: int, server: Server) -> int:
    """When a server's setup began: one server an evening."""
    number = int(server.name.removeprefix("EX"))
    return begin - (_INSTALLED_DAYS_BEFORE - number % 7) * DAY + 18 * HOUR


def _honest(
    server: Server, seed: int, begin: int, shells: list[PlantedShellTruth], *, maintained: bool
) -> list[WebFile]:
    draws = Draws(seed, "web folders", server.name)
    at = _installed(begin, server)
    files = []
    for path, data in exchange_pages.pages(maintained=maintained):
        if path.startswith(exchange_pages.HELPERS):
            written = begin - 30 * DAY + draws.between(9 * HOUR, 15 * HOUR)
            files.append(WebFile(path, data, written, written + 12 * MINUTE))
            continue
        came = at + draws.below(_SETUP_TOOK)
        # What comes out of a cabinet has times of whole seconds.
        files.append(WebFile(path, data, came, came, whole=path.endswith(_STATIC)))
    known = [*_COMPILED, ("root", (exchange_pages.MAINTENANCE_URL,))] if maintained else _COMPILED
    for application, urls in known:
        folder = compiled_page_files.folder_of(draws, application)
        for shell in shells:
            if shell.compiled is not None and f"\\{application}\\" in shell.compiled:
                folder = shell.compiled.rpartition("\\")[0]
        for url in urls:
            first = (begin - 29 * DAY if application == "root" else at + DAY) + draws.below(8 * HOUR)
            files += _compiled(url, compiled_page_files.named(draws, folder, url, first), honest=True)
    return files


def _compiled(url: str, page: CompiledPage, *, honest: bool) -> tuple[WebFile, ...]:
    at = page.made
    record = WebFile(page.path, compiled_page_files.record(url, page), at, at, honest=honest)
    library = WebFile(page.library, b"", at - 6, at - 6, listed_size=_LIBRARY_BYTES, honest=honest)
    return record, library


def _left_of(server: Server, shell: PlantedShellTruth, begin: int) -> _Copies:
    planted = milliseconds(shell.planted)
    data = planted_pages.content(shell.kind, server, planted)
    page = WebFile(shell.path, data, planted, planted, present=shell.removed is None, honest=False)
    if shell.timestomped:
        # Set back to the evening of the setup, by a tool that knows whole seconds only, and hidden.
        claimed = _installed(begin, server) + 4 * MINUTE
        page = replace(
            page,
            created=claimed,
            modified=claimed,
            attributes=HIDDEN,
            recorded=planted,
            changed=planted + 40 * SECOND,
            whole=True,
        )
    if shell.compiled is None or shell.compiled_at is None or shell.assembly is None:
        return _Copies(page, ())
    compiled = CompiledPage(shell.compiled, shell.assembly, milliseconds(shell.compiled_at))
    return _Copies(page, _compiled(shell.url, compiled, honest=False))


def _elsewhere(truth: Truth, server: Server, shells: list[PlantedShellTruth]) -> list[WebFile]:
    """What else the intruder wrote on the volume: only a listing of all of it shows that."""
    pages = {shell.path for shell in shells}
    return [
        WebFile(
            file.path,
            b"",
            milliseconds(file.time),
            milliseconds(file.time),
            present=file.removed is None,
            listed_size=_SIZES.get(file.path.rpartition(".")[2], 0),
            honest=False,
        )
        for file in truth.files_written
        if file.host == server.name and file.path not in pages
    ]
