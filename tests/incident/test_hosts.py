from __future__ import annotations

from brokenseal.events import Source
from brokenseal.incident.hosts import Hosts


def source(
    number: int, *, machine: str = "", hosts: dict[str, int] | None = None, given: str | None = None, kind: str = "iis"
) -> Source:
    return Source(number, f"{number}.log", f"/{number}", "", machine, "", given, "", kind=kind, hosts=hosts or {})


def test_the_log_names_its_host() -> None:
    found = Hosts([source(1, hosts={"EX01": 5}, given="OTHER")]).of[1]
    assert (found.host, found.known_from) == ("EX01", "log")


def test_else_the_user_names_it() -> None:
    found = Hosts([source(1, given="EX07")]).of[1]
    assert (found.host, found.known_from) == ("EX07", "given")


def test_else_the_neighbours_do_when_they_agree_and_the_result_says_so() -> None:
    hosts = Hosts(
        [source(1, machine="a"), source(2, machine="a", hosts={"EX01": 1}), source(3, machine="b", hosts={"EX02": 1})]
    )
    assert (hosts.of[1].host, hosts.of[1].known_from) == ("EX01", "neighbours")


def test_neighbours_that_disagree_name_nobody() -> None:
    hosts = Hosts([source(1), source(2, hosts={"EX01": 1}), source(3, hosts={"EX02": 1})])
    assert (hosts.of[1].host, hosts.of[1].known_from) == ("unknown", "unknown")


def test_files_of_an_unnamed_machine_stay_apart_from_those_of_another() -> None:
    hosts = Hosts([source(1, machine="left"), source(2, machine="right")])
    assert hosts.of[1].host != hosts.of[2].host


def test_one_spelling_for_a_name_in_different_case() -> None:
    hosts = Hosts([source(1, hosts={"ex01": 2}), source(2, hosts={"EX01": 9})])
    assert {found.host for found in hosts.of.values()} == {"EX01"}
    assert hosts.spelled("eX01") == "EX01"
