"""A scanned case and a browser's stand-in with a session, for all tests of the review."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from brokenseal.incident.scan import scan
from brokenseal.review.application import application
from brokenseal.review.case_review import CaseReview
from brokenseal.review.session import Session

PORT = 8731
ORIGIN = f"http://127.0.0.1:{PORT}"


class Browser:
    """A client with the session's cookie; ``decide`` and ``undo`` send forms as a page does."""

    def __init__(self, review: CaseReview, session: Session, failures: list[Exception]) -> None:
        self.review, self.session, self.failures = review, session, failures
        self.client = TestClient(
            application(review, session, failed=failures.append), base_url=ORIGIN, raise_server_exceptions=False
        )
        self.client.get(session.address.removeprefix(ORIGIN))

    def get(self, address: str, **options: Any) -> Any:
        return self.client.get(address, **options)

    def text(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200, (address, answer.text[:300], self.failures)
        return str(answer.text)

    def decide(self, about: str, target: str, kind: str, value: str = "", **more: str) -> Any:
        fields = {"about": about, "target": target, "kind": kind, "value": value, "back": "/decisions", **more}
        return self.post("/decide", fields)

    def post(self, address: str, fields: dict[str, str], **headers: str) -> Any:
        return self.client.post(
            address,
            data={"form_token": self.session.form_token, **fields},
            headers={"origin": ORIGIN, **headers},
            follow_redirects=False,
        )


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory, simulated: Callable[..., tuple[Path, Any]]) -> Path:
    """The case of a small simulated break-in."""
    evidence, _ = simulated("hafnium")
    case = tmp_path_factory.mktemp("review") / "case-17"
    scan([evidence], case=case, jobs=2)
    return case


@pytest.fixture
def open_case() -> Iterator[Callable[[Path], Browser]]:
    """``open_case(case)`` → a browser with a session on it; what its pages failed with fails the test."""
    opened: list[Browser] = []

    def make(case: Path) -> Browser:
        review = CaseReview(case, threads=2)
        opened.append(Browser(review, Session(PORT), []))
        return opened[-1]

    yield make
    for browser in opened:
        browser.review.close()
        assert not browser.failures, browser.failures


@pytest.fixture
def browser(scanned: Path, open_case: Callable[[Path], Browser]) -> Iterator[Browser]:
    """A browser on the simulated break-in, without decisions."""
    yield open_case(scanned)
    (scanned / "review.sqlite").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def logs_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``logs_case({file name: text}, **options)`` → the case of a scan of these logs."""

    def make(logs: dict[str, str], **options: Any) -> Path:
        folder = tmp_path_factory.mktemp("logs")
        for name, text in logs.items():
            (folder / "evidence" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "evidence" / name).write_text(text, "utf-8")
        scan([folder / "evidence"], case=folder / "case", jobs=2, **options)
        return folder / "case"

    return make


@pytest.fixture
def with_document(tmp_path: Path) -> Callable[[Path, Callable[[dict[str, Any]], object]], Path]:
    """``with_document(case, change)`` → a copy of the case whose document was changed, as if the scan had said so."""

    def make(case: Path, change: Callable[[dict[str, Any]], object]) -> Path:
        copy = tmp_path / "changed"
        shutil.copytree(case, copy)
        (copy / "review.sqlite").unlink(missing_ok=True)
        document = json.loads((copy / "results" / "incident.json").read_bytes())
        change(document)
        content = json.dumps(document).encode()
        (copy / "results" / "incident.json").write_bytes(content)
        key = json.loads((copy / "results" / "key.json").read_bytes())
        key["document_sha256"] = hashlib.sha256(content).hexdigest()
        (copy / "results" / "key.json").write_text(json.dumps(key))
        return copy

    return make


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright. Where one of them is missing or does not work, the tests are skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    if not _shows_a_page(program):
        pytest.skip("Chromium is installed and does not show a page here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def _shows_a_page(program: str) -> bool:
    """One without fonts, or in a container that forbids what it needs, ends at once."""
    command = [program, "--headless", "--no-sandbox", "--dump-dom", "data:text/html,<p>works</p>"]
    try:
        shown = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.returncode == 0 and b"<p>works</p>" in shown.stdout


@pytest.fixture(scope="session")
def served() -> Callable[[Path], AbstractContextManager[str]]:
    """``with served(case) as address``: the printed address of a review of the case."""

    @contextmanager
    def serve(case: Path) -> Iterator[str]:
        command = [sys.executable, "-m", "brokenseal", "review", str(case), "--no-browser"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as server:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
            server.send_signal(signal.SIGINT)
            assert server.wait(20) == 0

    return serve
