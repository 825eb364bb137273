"""Where a scenario is played: the site, the time, the truth it is noted in, and who is there to be attacked."""

from __future__ import annotations

from dataclasses import dataclass

from brokenseal.simulate.client_requests import Site
from brokenseal.simulate.clock import MINUTE
from brokenseal.simulate.draws import Draws
from brokenseal.simulate.host_intrusion import HostIntruder
from brokenseal.simulate.organisation import Server, User
from brokenseal.simulate.ssrf import Intruder
from brokenseal.simulate.truth import Truth


@dataclass(frozen=True, slots=True)
class Play:
    """Where and when a scenario is played: ``at(n)`` is a moment in the minute after n thousandths of the range, in ms.

    What the hosts show is drawn from ``host_draws``: it leaves the rows of the text logs as they are. ``seed`` is that of
    the whole simulation, for streams of draws of their own.
    """

    site: Site
    truth: Truth
    draws: Draws
    host_draws: Draws
    start: int
    length: int
    seed: int

    def at(self, thousandths: int) -> int:
        return self._at(thousandths, self.draws)

    def host_at(self, thousandths: int) -> int:
        return self._at(thousandths, self.host_draws)

    def _at(self, thousandths: int, draws: Draws) -> int:
        return self.start + self.length * thousandths // 1000 + draws.below(MINUTE)

    @property
    def front(self) -> Server:
        """The server that faces the internet."""
        return self.site.organisation.servers[0]

    def intruder(self, ip: str, agent: str) -> Intruder:
        return Intruder(self.site, self.truth, self.draws, ip, agent)

    def on_host(self, url: str) -> HostIntruder:
        """Who works on the front end through the page of this address."""
        return HostIntruder(self.site, self.truth, self.host_draws, self.front, url)

    def victims(self) -> tuple[User, ...]:
        """Two users, the second on another server than the first where there is one; one where there is but one."""
        organisation = self.site.organisation
        second_home = organisation.servers[min(1, len(organisation.servers) - 1)]
        first, second = organisation.user_at(self.front, 0), organisation.user_at(second_home, 1)
        return (first,) if first is second else (first, second)

    def third_victim(self) -> User:
        """A user who is not one of the two, where there are three."""
        others = [user for user in self.site.organisation.users if user not in self.victims()]
        return (others or list(self.victims()))[0]
