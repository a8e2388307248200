"""Every way of starting the web chat draws the same page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.browser import ROOT, launch_browser, open_profile, start_chat
from tests.fakes.http_service import KEY, FakeService, serve

SCRIPT = str(ROOT / "streamlit.py")
# The console script `streamlit`, as an interpreter runs it.
COMMAND = str(Path(sys.executable).with_name("streamlit"))


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    service = FakeService()
    service.add("Library guide", "The library opens at eight.")
    with serve(service) as url:
        yield url


@pytest.fixture(scope="module")
def profile() -> Iterator[BrowserContext]:
    with launch_browser() as browser, open_profile(browser) as context:
        yield context


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        (["streamlit.py"], ROOT),
        ([SCRIPT], Path("/")),
        (["-m", "streamlit", "run", "streamlit.py"], ROOT),
        (["-m", "streamlit", "run", SCRIPT], Path("/")),
        ([COMMAND, "run", "streamlit.py"], ROOT),
        ([COMMAND, "run", SCRIPT], Path("/")),
    ],
    ids=[
        "python streamlit.py",
        "python streamlit.py elsewhere",
        "python -m streamlit run",
        "python -m streamlit run elsewhere",
        "streamlit run",
        "streamlit run elsewhere",
    ],
)
def test_the_page_is_drawn(
    service_url: str, profile: BrowserContext, command: list[str], folder: Path
) -> None:
    with start_chat(service_url, KEY, command=command, folder=folder) as url:
        page = profile.new_page()
        page.goto(url)

        expect(page.get_by_role("heading", name="Tanya")).to_be_visible()
        expect(page.get_by_text("Tell me about Library guide.")).to_be_visible()
        page.close()
