from __future__ import annotations

from brokenseal.detections.campaign import load_campaigns
from brokenseal.incident.coverage import SourceCoverage
from brokenseal.incident.sight import sight

HOUR = 3_600_000
DAY = 24 * HOUR
[HAFNIUM] = [campaign for campaign in load_campaigns() if campaign.id == "hafnium-2021"]
WINDOW = HAFNIUM.window_ms
assert WINDOW is not None
START, END = WINDOW
UNFIXED, FIXED = "15.1.2106.2", "15.1.2106.13"


def log(source: str, *, until: int = END, gaps: tuple[tuple[int, int], ...] = ()) -> SourceCoverage:
    kind, _, stream = source.partition("/")
    return SourceCoverage(source, kind, stream, events=9, files=1, first_ms=START, last_ms=until, gaps=list(gaps))


def everything() -> list[SourceCoverage]:
    return [log(name) for name in ("iis/front end", "httpproxy/Ecp", "httpproxy/Owa", "ecp_server")]


def test_logs_of_the_whole_window_are_enough() -> None:
    assert sight(HAFNIUM, "EX01", everything(), []).missing == []


def test_another_web_site_or_the_back_end_does_not_stand_in_for_the_front_end() -> None:
    for other in ("iis/other site", "iis/back end"):
        sources = [log(other), *[entry for entry in everything() if entry.kind != "iis"]]
        assert sight(HAFNIUM, "EX01", sources, []).missing


def test_other_protocols_do_not_stand_in_for_the_control_panels() -> None:
    assert sight(HAFNIUM, "EX01", [log("iis/front end"), log("httpproxy/Mapi")], []).missing


def test_a_gap_that_another_log_fills_is_still_said() -> None:
    gap = (START + 10 * DAY, START + 12 * DAY)
    sources = [log("iis/front end"), log("httpproxy/Ecp", gaps=(gap,)), log("httpproxy/Owa"), log("ecp_server")]
    found = sight(HAFNIUM, "EX01", sources, [])
    assert found.missing == []
    assert any("silent from 2021-01-11" in sentence for sentence in found.weakened)


def test_the_logs_need_to_reach_only_until_the_fix() -> None:
    fixed = START + 30 * DAY
    short = [log(entry.source, until=fixed + DAY) for entry in everything()]
    assert sight(HAFNIUM, "EX01", short, [(UNFIXED, START, fixed - 1), (FIXED, fixed, fixed + DAY)]).missing == []


def test_a_server_that_went_back_to_the_old_build_is_not_fixed() -> None:
    last = START + 40 * DAY
    short = [log(entry.source, until=last) for entry in everything()]
    found = sight(HAFNIUM, "EX01", short, [(UNFIXED, START, last), (FIXED, START + 30 * DAY, START + 33 * DAY)])
    assert found.missing
    assert any("without the fix" in sentence for sentence in found.weakened)
