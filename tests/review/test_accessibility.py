"""Every review page and the report against axe-core's rules: WCAG 2.2 A and AA and its good practice, at two widths, light
and dark. axe-core is fetched by ``.ci/axe`` and is no part of the repository."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from brokenseal.report.html import render
from brokenseal.review.case_review import CaseReview, finding_target
from brokenseal.review.decisions import Decisions
from brokenseal.review.for_report import decided_in

TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: What can differ in the dark.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCREENS = [
    pytest.param(size, scheme, id=f"{name}-{scheme}")
    for name, size in (("wide", WIDE), ("narrow", NARROW))
    for scheme in ("light", "dark")
]
PAGES = (
    "/", "/timeline?size=50", "/timeline?size=50&level=high&text=post", "/timeline?text=no+such+words", "/findings",
    "/findings?decided=false_positive", "/mailboxes", "/webshells", "/entities", "/entities?type=file",
    "/entity?type=ip&value=203.0.113.41", "/coverage", "/rules?text=shell", "/decisions", "/keys",
)  # fmt: skip
RUN = """async (chosen) => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const found = await axe.run(document, { runOnly: chosen, resultTypes: ["violations"] });
  const why = (node) => (node.any[0] || node.all[0] || node.none[0] || {}).message;
  return found.violations.map((one) => `${one.id}: ${one.help}, ${one.nodes.length} times: `
    + one.nodes.slice(0, 4).map((node) => `${node.target.join(" ")} ${why(node)}`).join(" | "));
}"""


@pytest.fixture(scope="module")
def axe() -> Path:
    """The script of axe-core, where ``.ci/axe`` has put it."""
    tools = Path(os.environ.get("BROKENSEAL_TEST_TOOLS", ".venv/test-tools"))
    found = sorted(tools.glob("axe-core-*/axe.min.js"))
    if not found:
        pytest.skip(f"axe-core is not in {tools} (sh .ci/axe PYTHON fetches it with npm)")
    return found[-1]


@pytest.fixture(scope="module")
def decided(scanned: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A case in which people decided things, its document's bytes, and the key of an event of it."""
    case = tmp_path_factory.mktemp("accessible") / "case-17"
    shutil.copytree(scanned, case, ignore=shutil.ignore_patterns("review.sqlite"))
    decisions = Decisions(case)
    with CaseReview(case, threads=2) as review:
        findings = review.document["findings"]
        for finding in findings[:5]:
            decisions.add("false_positive", "finding", finding_target(finding), label=finding["title"])
        for name in review.document["intrusions"][0]["webshells"][0].get("findings", []):
            target = finding_target(review.findings[name])
            decisions.add("false_positive", "finding", target, label=name, value="our own test")
        decisions.add("tag", "finding", finding_target(findings[0]), label="F1", value="ours")
        key = min(review.proof_keys.values())
        event = review.event_target(key)
        assert event is not None
        for kind, value in (("star", ""), ("tag", "odd"), ("comment", "look at this")):
            decisions.add(kind, "event", event, label="an event", value=value)
        undone = decisions.add("comment", "event", event, label="an event", value="no")
        decisions.undo(undone)
        page = render(review.document, decided=decided_in(case, review.document)).decode()
    return case, page, str(key)


@pytest.fixture(scope="module")
def signed_in(
    chromium: Any, axe: Path, decided: tuple[Path, str, str], served: Callable[[Path], AbstractContextManager[str]]
) -> Iterator[tuple[str, Any]]:
    """The review's origin, and the cookies of a browser that opened it."""
    with served(decided[0]) as address:
        context = chromium.new_context()
        page = context.new_page()
        origin = address.partition("/open")[0]
        page.goto(address)
        page.wait_for_url(f"{origin}/")
        yield origin, context.storage_state()
        context.close()


@pytest.mark.parametrize(("size", "scheme"), SCREENS)
def test_the_review_pages(
    chromium: Any,
    axe: Path,
    signed_in: tuple[str, Any],
    decided: tuple[Path, str, str],
    size: dict[str, int],
    scheme: str,
) -> None:
    (origin, cookies), rules = signed_in, TAGS if scheme == "light" else COLOURS
    context = chromium.new_context(viewport=size, color_scheme=scheme, storage_state=cookies)
    # A script that the browser adds for its driver is none of the page's: the page's policy stays as it is.
    context.add_init_script(path=axe)
    page = context.new_page()
    key = decided[2]
    found = {}
    for address in (*PAGES, "/findings/F1", f"/events/{key}", f"/timeline?around={key}&rows=5"):
        answer = page.goto(origin + address)
        assert answer.status == 200 and "unsafe" not in answer.headers["content-security-policy"], address
        found[address] = page.evaluate(RUN, rules)
    page.goto(f"{origin}/findings")
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    found["dialog"] = page.evaluate(RUN, rules)
    context.close()
    assert {address: violations for address, violations in found.items() if violations} == {}


@pytest.mark.parametrize(("size", "scheme"), SCREENS)
def test_the_report(
    chromium: Any, axe: Path, decided: tuple[Path, str, str], tmp_path: Path, size: dict[str, int], scheme: str
) -> None:
    (tmp_path / "report.html").write_text(decided[1], "utf-8")
    context = chromium.new_context(viewport=size, color_scheme=scheme)
    context.add_init_script(path=axe)
    page, rules = context.new_page(), TAGS if scheme == "light" else COLOURS
    page.goto((tmp_path / "report.html").as_uri())
    found = page.evaluate(RUN, rules)
    context.close()
    assert found == []
