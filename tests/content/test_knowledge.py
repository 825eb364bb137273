"""The shipped knowledge is complete, consistent and inert: rules, campaign, indicators, builds."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from sigma.collection import SigmaCollection

from brokenseal.detections.campaign import Campaign, load_campaigns
from brokenseal.incident.builds import describe, is_fixed

VERDICT_OF = {"probed": {"probed"}, "attempted": {"attempted"}, "succeeded": {"breached", "mail_read"}}
TEXTS = ("title", "description", "author", "status", "level")
#: Pieces of program text that a web shell needs to do anything; none may stand in this package.
LIVE_CODE = re.compile(
    r"eval\s*\(|\bRequest(?:\[|\(|\.\w)|Response\.Write|ExecuteGlobal|Process\.Start|WScript|runat=.server", re.I
)


@cache
def campaigns() -> tuple[Campaign, ...]:
    return load_campaigns()


def content() -> Path:
    return campaigns()[0].folder.parent


def rule_files() -> list[Path]:
    return [path for campaign in campaigns() for path in sorted(campaign.rules_folder.iterdir())]


def rule(path: Path) -> dict[str, object]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def rows(name: str) -> list[dict[str, str]]:
    with (content() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pysigma_reads_every_rule_without_an_error() -> None:
    collection = SigmaCollection.load_ruleset([campaign.rules_folder for campaign in campaigns()])
    assert len(collection.rules) == len(rule_files())
    assert [error for found in collection.rules for error in found.errors] == []


@pytest.mark.parametrize("path", rule_files(), ids=lambda path: path.stem)
def test_a_rule_says_all_that_a_finding_needs(path: Path) -> None:
    data = rule(path)
    for key in TEXTS:
        assert isinstance(data[key], str)
    assert data["author"] == "brokenseal"
    assert data["level"] in ("low", "medium", "high", "critical")
    assert data["falsepositives"]
    references = data["references"]
    assert isinstance(references, list)
    assert references
    assert all(str(url).startswith("https://") for url in references)
    tags = data["tags"]
    assert isinstance(tags, list)
    assert any(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in tags)
    assert UUID(str(data["id"])).version == 4
    assert str(data["title"])[0].isupper()
    assert not str(data["title"]).endswith(".")


@pytest.mark.parametrize("campaign", campaigns(), ids=lambda campaign: campaign.id)
def test_outcomes_and_stages_agree(campaign: Campaign) -> None:
    used = set()
    for path in sorted(campaign.rules_folder.iterdir()):
        data = rule(path)
        own = data.get("brokenseal", {})
        assert isinstance(own, dict)
        logsource = data.get("logsource")
        if isinstance(logsource, dict) and logsource.get("service") == "web-file" and not own:
            continue  # a file to be looked at: it is shown and grades nothing
        assert ("outcome" in own) != (own.get("context") is True), path.stem
        if own.get("context"):
            assert set(own) <= {"context", "mail_access"}, path.stem
        if "stage" in own:
            stage = campaign.stage(own["stage"])
            assert stage is not None, path.stem
            assert stage.verdict in VERDICT_OF[own["outcome"]], path.stem
            used.add(stage.id)
    assert used == {stage.id for stage in campaign.stages}


def test_every_flaw_of_a_campaign_has_a_rule_that_names_it() -> None:
    for campaign in campaigns():
        tags = {tag for path in campaign.rules_folder.iterdir() for tag in rule(path)["tags"]}  # type: ignore[attr-defined]
        assert {cve.id.lower().replace("cve-", "cve.") for cve in campaign.cves} <= tags


def test_ids_and_titles_are_unique() -> None:
    data = [rule(path) for path in rule_files()]
    for key in ("id", "title"):
        assert [value for value, count in Counter(str(found[key]) for found in data).items() if count > 1] == []


def test_a_rule_that_yields_to_another_log_grades_something() -> None:
    blocks = [rule(path).get("brokenseal", {}) for path in rule_files()]
    yielding = [block for block in blocks if "yields_to" in block]  # type: ignore[operator]
    assert yielding
    assert all("outcome" in block for block in yielding)  # type: ignore[operator]


def test_the_named_fix_is_in_the_build_tables() -> None:
    updates = {row["security_update"] for row in rows("builds/exchange_builds.csv")}
    for campaign in campaigns():
        for cve in campaign.cves:
            assert cve.fixed_in in updates
            fixes = {row["security_update"] for row in rows("builds/security_updates.csv") if row["cve"] == cve.id}
            assert fixes == {cve.fixed_in}


def test_builds_are_in_the_order_of_release() -> None:
    found = [(row["product"], tuple(map(int, row["build"].split(".")))) for row in rows("builds/exchange_builds.csv")]
    assert found == sorted(found)
    assert len(found) == len({tuple(row.values()) for row in rows("builds/exchange_builds.csv")})


def test_each_listed_build_is_described_as_listed() -> None:
    for row in rows("builds/exchange_builds.csv"):
        release = describe(row["build"])
        assert (release.product, release.cumulative_update) == (row["product"], row["cumulative_update"])
        assert release.exact


def test_each_security_update_fixes_what_it_lists_where_it_was_made() -> None:
    last = {row["cve"]: row["security_update"] for row in rows("builds/security_updates.csv")}
    made = {(row["product"], row["security_update"]): row["build"] for row in rows("builds/exchange_builds.csv")}
    for row in rows("builds/security_updates.csv"):
        for product in row["products"].split("|"):
            build = made.get((product, row["security_update"]))
            if build is not None and last[row["cve"]] == row["security_update"]:
                assert is_fixed(build, row["cve"]) is True, (build, row["cve"])


def test_indicators_are_whole() -> None:
    shapes = {
        "md5": re.compile(r"[0-9a-f]{32}"),
        "sha256": re.compile(r"[0-9a-f]{64}"),
        "shell_name": re.compile(r"[\w-]+\.(aspx|ashx)", re.ASCII),
        "user_agent": re.compile(r"[\x20-\x7e]+"),
        "user_agent_part": re.compile(r"[\x21-\x7e]+"),
    }
    listed = rows("hafnium-2021/indicators.csv")
    assert [row for row in listed if row["confidence"] not in ("low", "medium", "high") or not row["source"]] == []
    assert len({(row["indicator"], row["type"]) for row in listed}) == len(listed)
    for row in listed:
        if row["type"] == "ipv4":
            assert ip_address(row["indicator"]).is_global
        else:
            assert shapes[row["type"]].fullmatch(row["indicator"]), row


def test_nothing_in_the_knowledge_can_run() -> None:
    here = Path(__file__).parent
    for path in (*content().rglob("*"), *here.rglob("*.jsonl")):
        if path.is_file() and path.suffix in (".yml", ".yaml", ".csv", ".jsonl"):
            assert LIVE_CODE.search(path.read_text(encoding="utf-8")) is None, path.name
