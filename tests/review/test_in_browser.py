"""The pages in a real browser under their policy: keys, filters, decisions, exports, a phone's width, the dark."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

Served = Callable[[Path], AbstractContextManager[str]]
PAGES = ("/", "/timeline", "/timeline?level=high", "/findings", "/findings/F1", "/mailboxes", "/webshells", "/entities",
         "/entity?type=ip&value=203.0.113.41", "/coverage", "/rules", "/decisions", "/keys")  # fmt: skip
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(scanned: Path, tmp_path_factory: pytest.TempPathFactory, chromium: Any, served: Served) -> Iterator[str]:
    case = tmp_path_factory.mktemp("browser") / "case-17"
    shutil.copytree(scanned, case, ignore=shutil.ignore_patterns("review.sqlite"))
    with served(case) as printed:
        yield printed


@pytest.fixture(scope="module")
def opened(address: str, chromium: Any) -> Iterator[tuple[Any, str, list[str]]]:
    """A page with the session, the review's origin, and what went wrong in it."""
    problems: list[str] = []
    context = chromium.new_context(accept_downloads=True)
    page = context.new_page()
    origin = address.partition("/open")[0]
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(origin) else problems.append(asked.url))
    page.goto(address)
    page.wait_for_url(f"{origin}/")
    yield page, origin, problems
    context.close()


@pytest.fixture
def page(opened: tuple[Any, str, list[str]]) -> Iterator[Any]:
    """The page at its wide and light size; an error in the console or a request to elsewhere fails the test."""
    found, _, problems = opened
    found.set_viewport_size(WIDE)
    found.emulate_media(color_scheme="light")
    yield found
    assert not problems, problems


@pytest.fixture
def origin(opened: tuple[Any, str, list[str]]) -> str:
    return opened[1]


@pytest.fixture
def go(page: Any, origin: str) -> Callable[[str], Any]:
    def to(address: str) -> Any:
        page.goto(origin + address)
        return page

    return to


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_fits_and_can_be_read(go: Callable[[str], Any], scheme: str, size: dict[str, int]) -> None:
    for address in PAGES:
        page = go(address)
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], address
        assert page.locator("h1").is_visible()
        faint = page.evaluate(CONTRAST)
        assert faint == [], (address, scheme, faint)


# WCAG 2.2, success criterion 1.4.3: the contrast of text with the nearest background that is painted.
CONTRAST = """() => {
  const numbers = (colour) => (colour.match(/[0-9.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      const parts = numbers(colour);
      if (parts.length < 4 || parts[3] === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, dialog, .visually-hidden, option") || !element.getClientRects().length) continue;
    const [one, two] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    if ((one + 0.05) / (two + 0.05) < 4.5) faint.push(element.className + ": " + element.textContent.slice(0, 40));
  }
  return faint.slice(0, 5);
}"""


def test_keys_go_through_entries_open_them_and_lead_back(go: Callable[[str], Any], origin: str) -> None:
    page = go("/findings")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("tr.current a.open")
    assert first.count() == 1
    target = first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}{target}")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{origin}/findings")


def test_a_key_shows_the_keys(go: Callable[[str], Any]) -> None:
    page = go("/timeline")
    page.keyboard.press("?")
    assert page.locator("dialog[open]").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog[open]").count()


def test_the_keys_can_be_switched_off_and_on(go: Callable[[str], Any]) -> None:
    page = go("/keys")
    page.get_by_role("button", name="Switch the keys off").click()
    go("/findings")
    page.keyboard.press("j")
    assert page.locator("tr.current").count() == 0
    go("/keys")
    page.get_by_role("button", name="Switch the keys on").click()
    go("/findings")
    page.keyboard.press("j")
    assert page.locator("tr.current").count() == 1


def test_a_key_leads_to_the_search_and_the_filter_is_in_the_address(go: Callable[[str], Any], origin: str) -> None:
    page = go("/timeline")
    page.evaluate("window.kept = true")
    page.keyboard.press("/")
    page.keyboard.type("autodiscover")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"text=autodiscover"))
    page.locator(".chips a").wait_for()
    assert page.evaluate("window.kept") is True, "the page was loaded anew"
    texts = page.locator("tr[data-row] td.text code").all_text_contents()
    assert texts and all("autodiscover" in text.lower() for text in texts)
    assert page.evaluate("document.activeElement.id") == "f-text"
    page.locator(".chips a").click()
    page.wait_for_url(f"{origin}/timeline?")
    page.go_back()
    page.locator(".chips a").wait_for()


def test_a_star_by_key_is_kept_and_taken_away(go: Callable[[str], Any]) -> None:
    page = go("/timeline?level=high")
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.locator("tr.current button.starred").wait_for()
    page.reload()
    assert page.locator("button.starred").count() == 1
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.locator("tr.current button[aria-pressed=false]").wait_for()
    page.reload()
    assert page.locator("button.starred").count() == 0


def test_a_tag_and_a_note_by_key(go: Callable[[str], Any]) -> None:
    page = go("/timeline?level=high")
    page.keyboard.press("j")
    page.keyboard.press("t")
    page.wait_for_url(re.compile(r"/events/[^#]+#tag$"))
    page.keyboard.type("to ask")
    page.keyboard.press("Enter")
    page.locator(".held li").wait_for()
    page.locator("h1").click()
    page.keyboard.press("n")
    page.keyboard.type("<b>seen</b>")
    page.locator("button", has_text="Add note").click()
    page.locator(".held li", has_text="<b>seen</b>").wait_for()
    for _ in range(2):
        page.locator(".held button").first.click()
        page.locator("main:not([aria-busy])").wait_for()
    page.reload()
    assert page.locator(".held li").count() == 0


def test_after_a_form_the_keys_go_on_where_they_were(go: Callable[[str], Any]) -> None:
    page = go("/findings/F2")
    page.fill("#tag", "again")
    page.keyboard.press("Enter")
    page.wait_for_selector(".held li")
    assert page.evaluate("document.activeElement.id") == "tag"
    page.locator(".held li", has_text="again").get_by_role("button").press("Enter")
    page.locator(".held li", has_text="again").wait_for(state="detached")
    assert page.evaluate("document.activeElement.id") == "main"


def test_escape_takes_a_filter_away_that_was_set_by_keys(go: Callable[[str], Any], origin: str) -> None:
    page = go("/timeline")
    page.keyboard.press("/")
    page.keyboard.type("autodiscover")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=autodiscover**")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{origin}/timeline")
    page.wait_for_selector("#main:not([aria-busy])")
    assert page.input_value("#f-text") == ""


def test_the_events_around_one_by_key(go: Callable[[str], Any]) -> None:
    page = go("/timeline?ip=203.0.113.41")
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r"around="))
    assert page.locator("tr.here").count() == 1
    assert page.locator("tr[data-row]").count() == 21


def test_a_false_positive_changes_the_verdict_shown_and_back(go: Callable[[str], Any]) -> None:
    page = go("/findings/F1")
    page.fill("#why", "our own scanner")
    page.get_by_role("button", name="Mark as false positive").click()
    page.locator(".held li", has_text="our own scanner").wait_for()
    go("/")
    assert page.locator("#reviewed").is_visible()
    go("/decisions")
    page.locator("tr", has_text="our own scanner").get_by_role("button", name="Take back").click()
    page.locator("tr.out", has_text="our own scanner").wait_for()
    go("/")
    assert page.locator("#reviewed").count() == 0


def test_an_export_is_saved(go: Callable[[str], Any]) -> None:
    page = go("/timeline?ip=203.0.113.41&size=500")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    lines = Path(str(download.value.path())).read_text("utf-8-sig").splitlines()
    assert download.value.suggested_filename == "timeline.csv"
    assert len(lines) - 1 == page.locator("tr[data-row]").count()


def test_forms_and_links_work_without_the_script(opened: tuple[Any, str, list[str]], origin: str) -> None:
    page = opened[0]
    context = page.context.browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{origin}/timeline")
    plain.fill("#f-text", "autodiscover")
    plain.get_by_role("button", name="Show").click()
    assert "text=autodiscover" in plain.url and plain.locator(".chips a").count() == 1
    plain.locator("form.star button").first.click()
    assert plain.locator("button.starred").count() == 1
    plain.locator("button.starred").click()
    assert plain.locator("button.starred").count() == 0
    context.close()


def test_no_other_browser_gets_in_with_the_same_address(opened: tuple[Any, str, list[str]], address: str) -> None:
    page = opened[0]
    context = page.context.browser.new_context()
    other = context.new_page()
    assert other.goto(address).status == 403
    assert other.goto(address.partition("/open")[0]).status == 403
    context.close()


def test_the_focus_is_seen_and_the_skip_link_is_first(go: Callable[[str], Any]) -> None:
    page = go("/timeline")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


TAG = "<script>document.title='run'</script><img/src=/x/onerror=document.title='run'>\u202egpj.exe\x1b[2J"


def test_what_attackers_write_is_text(
    chromium: Any, served: Served, logs_case: Callable[[dict[str, str]], Path]
) -> None:
    fields = (
        "#Fields: date time s-computername cs-method cs-uri-stem cs-username c-ip s-port cs(User-Agent) sc-status\n"
    )
    line = f"2021-03-03 03:00:00 EX01 POST /owa/auth/{TAG}.aspx {TAG} 203.0.113.7 443 {TAG} 200\n"
    case = logs_case({"u_ex210303.log": "#Software: Microsoft Internet Information Services 10.0\n" + fields + line})
    with served(case) as printed:
        context = chromium.new_context()
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(printed)
        for address in ("/timeline", "/findings", "/entities?type=account", "/"):
            page.goto(printed.partition("/open")[0] + address)
            assert page.title() != "run"
            assert page.locator("main img, main script").count() == 0
        page.goto(printed.partition("/open")[0] + "/timeline")
        shown = page.locator("td.text code").inner_text()
        assert "<script>document.title='run'</script>" in shown
        assert "\\u202egpj.exe\\x1b[2J" in shown
        assert not [url for url in asked if url.endswith("/x") or not url.startswith(printed.partition("/open")[0])]
        context.close()
