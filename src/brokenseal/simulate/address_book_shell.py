"""A page that the download of the offline address book writes (CVE-2021-26858), compiled when it is first asked for."""

from __future__ import annotations

from brokenseal.simulate import planted_pages, ssrf, web_shell
from brokenseal.simulate.clock import SECOND
from brokenseal.simulate.host_intrusion import HostIntruder
from brokenseal.simulate.play import Play
from brokenseal.simulate.ssrf import Intruder

#: A request's first work on the host, in ms after its beginning; the shortest one lasts 40 ms.
FIRST_STEP = 8


def plant(play: Play, intruder: Intruder, url: str, thousandths: int) -> tuple[HostIntruder, int]:
    """The page is there and was asked for once: who works on the server through it, and when it was asked for (ms)."""
    front, draws = play.front, play.draws
    at = ssrf.open_session(intruder, play.at(thousandths), front, f"/ecp/{draws.letters(2)}.js")
    host = play.on_host(url)
    at += draws.between(10 * SECOND, 30 * SECOND)
    web_shell.download_outside_address_book(intruder, at, front, url)
    host.write_page(at - FIRST_STEP, "um worker", planted_pages.SCRIPT_PAGE)
    at += draws.between(20 * SECOND, 60 * SECOND)
    host.compile_page(web_shell.use(intruder, at, front, url, "GET") + FIRST_STEP)
    return host, at
