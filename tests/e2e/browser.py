"""A browser for the tests of the web chat: Playwright on the Chromium of the system."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing of the browser's own may leave this machine, and no profile is kept.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = (1280, 800)
NARROW = (390, 844)


class BrowserMissing(AssertionError):
    """There is no browser to test with."""


def find_browser() -> str:
    """
    Return the path of a Chromium.

    Raises:
        BrowserMissing: None is installed; a browser test never skips silently.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise BrowserMissing(
        "The browser tests need Chromium in PATH:"
        " install the package 'chromium' (Debian, Ubuntu: apt-get install chromium)."
    )


@contextmanager
def open_browser(
    *, size: tuple[int, int] = WIDE, locale: str = "en-US"
) -> Iterator[BrowserContext]:
    """Yield a fresh profile; a request to another host than this one fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=ARGUMENTS
        )
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=locale
        )
        context.set_default_timeout(20_000)
        strangers: list[str] = []

        def watch(url: str) -> None:
            parts = urlsplit(url)
            if parts.scheme.startswith(("http", "ws")) and parts.hostname not in {
                "127.0.0.1",
                "localhost",
            }:
                strangers.append(url)

        context.on("request", lambda request: watch(request.url))
        try:
            yield context
        finally:
            context.close()
            browser.close()
        assert strangers == [], f"the page loads from outside: {strangers}"
