"""A browser for the tests of the web chat: Playwright on the Chromium of the system."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
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
# A page is drawn within a second; a machine under test may be ten times slower.
WAIT_MS = 20_000


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
def launch_browser(*, arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """Yield a running Chromium; Playwright allows one at a time in a thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), args=[*ARGUMENTS, *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_profile(
    browser: Browser, *, size: tuple[int, int] = WIDE, locale: str = "en-US"
) -> Iterator[BrowserContext]:
    """Yield a fresh profile; a request to another host than this one fails the test."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale=locale
    )
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    strangers: list[str] = []

    def watch(url: str) -> None:
        parts = urlsplit(url)
        here = parts.hostname in {"127.0.0.1", "localhost"}
        if parts.scheme.startswith(("http", "ws")) and not here:
            strangers.append(url)

    context.on("request", lambda request: watch(request.url))
    try:
        yield context
    finally:
        context.close()
    assert strangers == [], f"the page loads from outside: {strangers}"


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def start_chat(
    service_url: str,
    key: str,
    *,
    command: Sequence[str] = ("streamlit.py",),
    folder: Path = ROOT,
) -> Iterator[str]:
    """
    Start the web chat as *command* for Python does; yield its URL.

    Raises:
        AssertionError: It ended or did not answer in time; the message says why.
    """
    port = free_port()
    environ = {
        **os.environ,
        "API_KEY": key,
        "SERVICE_URL": service_url,
        "UI_PORT": str(port),
        "STREAMLIT_SERVER_PORT": str(port),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    log.seek(0)
    raise AssertionError(f"the web chat did not start: {log.read().decode()[-2000:]}")


def ask(page: Page, question: str) -> None:
    """Type *question* and send it by the keyboard."""
    field = page.get_by_test_id("stChatInputTextArea")
    field.fill(question)
    field.press("Enter")


def wait_until_still(page: Page) -> None:
    """Wait until Streamlit has drawn everything it has to draw."""
    page.locator(
        '[data-testid="stApp"][data-test-script-state="notRunning"]'
    ).wait_for()


def open_sidebar(page: Page) -> None:
    """Open the sidebar, which a narrow screen hides at first."""
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarCollapseButton").wait_for()
