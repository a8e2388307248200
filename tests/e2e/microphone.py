"""A browser whose microphone hears a file, and what is asked of a page with one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser import WIDE, launch_browser, open_profile

# A cold engine on a busy machine; a warm one answers in a second.
ANSWER_MS = 60_000
BUTTON = "#microphone"


@contextmanager
def launch_with_microphone(recording: Path | None) -> Iterator[Browser]:
    """
    Yield a browser that hears *recording* once, from when a page begins to listen.

    None: there is no microphone.
    """
    heard = (
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}%noloop",
    )
    with launch_browser(arguments=heard if recording else ()) as browser:
        yield browser


@contextmanager
def open_page(
    browser: Browser,
    url: str,
    *,
    allowed: bool = True,
    size: tuple[int, int] = WIDE,
    locale: str = "id-ID",
) -> Iterator[Page]:
    """
    Yield *url* in a fresh profile; a script that fails, fails the test.

    Args:
        browser: Where.
        url: What.
        allowed: The page may use the microphone.
        size: Of the window.
        locale: Language of the browser.
    """
    with open_profile(browser, size=size, locale=locale) as profile:
        if allowed:
            allow_microphone(profile, url)
        page = profile.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on(
            "console",
            lambda line: (
                broken.append(line.text)
                if "Content Security Policy" in line.text
                else None
            ),
        )
        page.goto(url)
        yield page
        assert broken == []


def allow_microphone(profile: BrowserContext, url: str) -> None:
    """Let the pages of *url*'s origin listen."""
    origin = "/".join(url.split("/")[:3])
    profile.grant_permissions(["microphone"], origin=origin)


def wait_for_state(page: Page, *states: str) -> None:
    """Wait until the button is in one of *states*."""
    wanted = ", ".join(f'{BUTTON}[data-state="{state}"]' for state in states)
    expect(page.locator(wanted)).to_be_visible(timeout=ANSWER_MS)


def speak_and_be_heard(page: Page, *, by_hand: float | None = None) -> None:
    """
    Press the button, let the recording be heard, wait for the first sound.

    Args:
        page: With the button.
        by_hand: Seconds after which the button is pressed again; None: the page
            notices the silence itself.
    """
    page.locator(BUTTON).click()
    wait_for_state(page, "listening")
    if by_hand is not None:
        page.wait_for_timeout(by_hand * 1000)
        page.locator(BUTTON).click()
    wait_for_state(page, "speaking")


def played_seconds(page: Page) -> float:
    """Return the seconds of sound that were handed to the loudspeaker."""
    return float(page.locator(BUTTON).get_attribute("data-played") or 0)
