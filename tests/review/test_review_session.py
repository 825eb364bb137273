"""Who may ask: the token works once, and nothing but the session's own pages gets an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from brokenseal.review.application import application
from brokenseal.review.case_review import CaseReview
from brokenseal.review.forms import back_to
from brokenseal.review.session import Session

PORT = 8731
ORIGIN = f"http://127.0.0.1:{PORT}"
PAGES = ("/", "/timeline", "/findings", "/decisions", "/static/review.js", "/timeline/export.csv", "/keys")


@pytest.fixture
def review(scanned: Path) -> Any:
    with CaseReview(scanned, threads=1) as opened:
        yield opened


def test_the_token_works_once_and_gives_a_cookie_that_scripts_and_other_sites_do_not_get(review: CaseReview) -> None:
    session = Session(PORT)
    address = session.address.removeprefix(ORIGIN)
    first = TestClient(application(review, session), base_url=ORIGIN)
    answer = first.get(address)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert first.get("/").status_code == 200
    second = TestClient(application(review, session), base_url=ORIGIN)
    assert second.get(address).status_code == 403
    assert second.get("/").status_code == 403


@pytest.mark.parametrize("token", ["", "x", "ü", "A" * 43])
def test_a_wrong_token_opens_nothing_and_does_not_use_up_the_right_one(review: CaseReview, token: str) -> None:
    session = Session(PORT)
    client = TestClient(application(review, session), base_url=ORIGIN)
    right = session.address.removeprefix(ORIGIN)
    assert client.get("/open", params={"token": token}).status_code == 403
    assert client.get(right).status_code == 200


def test_two_runs_have_different_secrets() -> None:
    assert Session(PORT).address != Session(PORT).address
    assert Session(PORT).secret != Session(PORT).secret


@pytest.mark.parametrize("page", PAGES)
def test_without_the_cookie_there_is_no_page(review: CaseReview, page: str) -> None:
    client = TestClient(application(review, Session(PORT)), base_url=ORIGIN)
    assert client.get(page).status_code == 403
    assert client.get(page, headers={"cookie": f"brokenseal-review-{PORT}=guess"}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"[::1]:{PORT}", f"0.0.0.0:{PORT}", ""]
)
def test_another_host_name_is_refused(browser: Any, host: str) -> None:
    assert browser.get("/", headers={"host": host}).status_code == 400


def test_localhost_is_the_same_machine(browser: Any) -> None:
    assert browser.get("/", headers={"host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1:1", f"https://127.0.0.1:{PORT}", None]
)
def test_a_form_of_another_origin_changes_nothing(browser: Any, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    fields = {"form_token": browser.session.form_token, "about": "finding", "target": "F1", "kind": "star"}
    answer = browser.client.post("/decide", data=fields, headers=headers)
    assert answer.status_code == 403
    assert not browser.review.decisions.every()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_that_another_site_made_are_refused(browser: Any, site: str) -> None:
    assert browser.get("/", headers={"sec-fetch-site": site}).status_code == 403
    fields = {"about": "finding", "target": "F1", "kind": "star"}
    assert browser.post("/decide", fields, **{"sec-fetch-site": site}).status_code == 403
    assert browser.get("/", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_form_without_the_sessions_token_changes_nothing(browser: Any, token: str) -> None:
    answer = browser.post("/decide", {"about": "finding", "target": "F1", "kind": "star", "form_token": token})
    assert answer.status_code == 403
    assert not browser.review.decisions.every()


def test_forms_are_bounded_and_of_one_kind(browser: Any) -> None:
    assert browser.decide("finding", "F1", "comment", "x" * 70_000).status_code == 413
    headers = {"origin": ORIGIN, "content-type": "text/plain"}
    assert browser.client.post("/decide", content=b"kind=star", headers=headers).status_code == 415
    many = {f"f{number}": "x" for number in range(40)}
    assert browser.decide("finding", "F1", "star", **many).status_code == 400
    assert not browser.review.decisions.every()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(browser: Any, method: str) -> None:
    assert browser.client.request(method, "/").status_code == 405


@pytest.mark.parametrize("page", [*PAGES, "/nothing", "/findings/F99999", "/open", "/static/../session.py", "/decide"])
def test_every_answer_carries_the_policy_and_no_permission_for_others(browser: Any, page: str) -> None:
    for headers in ({}, {"host": "evil.example"}, {"cookie": ""}, {"origin": "http://evil.example"}):
        answer = browser.get(page, headers=headers)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy and "form-action 'self'" in policy
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "server" not in answer.headers


def test_an_error_inside_is_told_without_its_text_and_with_the_policy(
    browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser.review.decisions, "marks", lambda: 1 / 0)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert [type(error) for error in browser.failures] == [ZeroDivisionError]
    browser.failures.clear()


def test_pages_name_no_other_place_and_have_no_script_or_style_of_their_own(browser: Any) -> None:
    for page in ("/", "/timeline", "/findings", "/findings/F1", "/mailboxes", "/webshells", "/coverage", "/rules"):
        text = browser.text(page)
        assert not re.search(r"<script(?![^>]*src=\"/static/)", text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", text)
        assert not re.findall(r"(?:href|src|action)=\"(?!/|#)", text)


@pytest.mark.parametrize(
    ("asked", "gone_to"),
    [
        ("/timeline?ip=192.0.2.1", "/timeline?ip=192.0.2.1"),
        ("https://evil.example/", "/"),
        ("//evil.example/x", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_a_form_leads_back_to_pages_of_the_review_only(asked: str, gone_to: str) -> None:
    assert back_to(asked).headers["location"] == gone_to


def test_the_case_is_not_changed_but_for_its_own_folder(scanned: Path, open_case: Callable[[Path], Any]) -> None:
    def files() -> dict[str, bytes]:
        kept = [path for path in scanned.rglob("*") if path.is_file() and path.name != "review.sqlite"]
        return {str(path): path.read_bytes() for path in kept if path.parent.name != "review"}

    before = files()
    opened = open_case(scanned)
    opened.decide("finding", "F1", "star")
    for page in PAGES:
        opened.text(page)
    assert files() == before
    (scanned / "review.sqlite").unlink()
