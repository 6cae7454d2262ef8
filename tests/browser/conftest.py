"""One headless Chromium for all tests; they are skipped where none is installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from gatewise.report import Contents, write_page
from tests.browser import pages

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write a page of `pages.py` once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            contents: Contents = getattr(pages, name)()
            write_page(contents, path)
        return path

    return write


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a page offline; the test fails on an error in the console and on any request for more."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def show(path: Path, address: str = "", *, width: int = 1280, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(8_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("console", lambda message: _note(wrong, message))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        url = path.as_uri()
        page.on(
            "request",
            lambda request: (
                None
                if request.url.split("#")[0] == url
                else wrong.append(f"request: {request.url[:80]}")
            ),
        )
        page.goto(url + address)
        page.wait_for_selector("html[data-ready=yes]")
        settle(page)
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


def _note(wrong: list[str], message: ConsoleMessage) -> None:
    # The tests themselves read pixels back, of which Chromium disapproves.
    if "willReadFrequently" not in message.text:
        wrong.append(f"{message.type}: {message.text}")


def settle(page: Page) -> None:
    """Wait until what was asked for is decoded and drawn, and the address written."""
    page.evaluate(
        """async () => {
          await new Promise((done) => setTimeout(() => requestAnimationFrame(done), 250));
          while (!gatewise.upToDate()) await new Promise((done) => setTimeout(done, 10));
        }"""
    )
