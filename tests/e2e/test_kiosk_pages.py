"""The pages with a microphone, in a real browser that hears a recording."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import NARROW, WIDE
from tests.e2e.kiosk_service import HALL, KEY, QUESTION, Kiosk, start_kiosks
from tests.e2e.microphone import (
    BUTTON,
    launch_with_microphone,
    open_page,
    played_seconds,
    speak_and_be_heard,
    wait_for_state,
)
from tests.fakes.spoken import speak
from tests.service import RunningService

PUBLIC_URL = "https://tanya.example.ac.id"
OPENING = "07.30"
TITLE = "PANDUAN LAYANAN PERPUSTAKAAN PUSAT"
# The page listens a moment after it was told to.
GONE_SECONDS = 20.0
LEAD_SECONDS, SPOKEN_SECONDS = 1.5, 2.5


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with start_kiosks(PUBLIC_URL=PUBLIC_URL) as running:
        yield running


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("sound") / "question.wav"
    path.write_bytes(speak(QUESTION, language="id", lead=LEAD_SECONDS, tail=30))
    return path


def sign_in(page: Page, key: str = KEY) -> None:
    page.locator("#key").fill(key)
    page.locator("#key").press("Enter")
    expect(page.locator(BUTTON)).to_be_visible()


def expect_the_answer(page: Page) -> None:
    turn = page.locator(".turn").last
    expect(turn.locator(".question")).to_contain_text("perpustakaan")
    expect(turn.locator(".answer")).to_contain_text(OPENING)
    expect(turn.locator(".source")).to_contain_text([TITLE])


def test_a_question_is_heard_answered_spoken_and_hushed(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(browser, f"{service.url}/voice") as page,
    ):
        sign_in(page)
        status = page.get_by_role("status")
        expect(status).to_have_text("Tekan, lalu bicara")

        speak_and_be_heard(page, by_hand=LEAD_SECONDS + SPOKEN_SECONDS + 0.5)

        expect_the_answer(page)
        expect(status).to_have_text("Sedang menjawab")
        expect(page.locator(BUTTON)).to_have_attribute("aria-label", "Hentikan suara")
        expect(page.locator(".mark").first).to_have_text("1")
        assert played_seconds(page) > 1
        page.locator(BUTTON).click()
        wait_for_state(page, "idle")
        expect(status).to_have_text("Tekan untuk bertanya lagi")
        page.reload()
        expect_the_answer(page)


def test_the_answer_is_played_to_its_end(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(browser, f"{service.url}/voice", locale="en-US") as page,
    ):
        sign_in(page)
        page.locator("#spoken").select_option("id")

        # By keyboard alone: the button has the focus.
        page.keyboard.press("Enter")
        wait_for_state(page, "listening")
        page.wait_for_timeout((LEAD_SECONDS + SPOKEN_SECONDS + 0.5) * 1000)
        page.keyboard.press("Space")
        with page.expect_response("**/v1/audio") as answered:
            wait_for_state(page, "speaking")
        wait_for_state(page, "idle")

        assert answered.value.headers["content-type"].startswith("text/event-stream")
        assert played_seconds(page) > 3
        expect(page.get_by_role("status")).to_have_text("Press to ask again")


def test_a_microphone_that_is_not_allowed_is_explained(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(
            browser, f"{service.url}/voice", allowed=False, locale="en-US"
        ) as page,
    ):
        sign_in(page)

        page.locator(BUTTON).click()

        wait_for_state(page, "error")
        expect(page.get_by_role("status")).to_contain_text("Allow it for this page")
        page.get_by_role("button", name="Bahasa Indonesia").click()
        expect(page.locator("html")).to_have_attribute("lang", "id")
        expect(page.get_by_role("status")).to_contain_text("belum diizinkan")
        page.locator(BUTTON).click()
        wait_for_state(page, "error")
        expect(page.get_by_role("status")).to_contain_text("belum diizinkan")


def test_a_missing_microphone_is_explained(service: RunningService) -> None:
    with (
        launch_with_microphone(None) as browser,
        open_page(browser, f"{service.url}/voice", locale="en-US") as page,
    ):
        sign_in(page)

        page.locator(BUTTON).click()

        wait_for_state(page, "error")
        expect(page.get_by_role("status")).to_contain_text("There is no microphone")


def test_a_key_is_asked_for_once_and_forgotten_with_the_tab(
    service: RunningService,
) -> None:
    with (
        launch_with_microphone(None) as browser,
        open_page(browser, f"{service.url}/voice", locale="en-US") as page,
    ):
        page.locator("#key").fill("wrong")
        page.locator("#key").press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This key is not known.")

        sign_in(page)
        page.reload()
        expect(page.locator(BUTTON)).to_be_visible()
        assert page.evaluate("JSON.stringify(localStorage)") == "{}"
        other = page.context.new_page()
        other.goto(f"{service.url}/voice")
        expect(other.locator("#key")).to_be_visible()


def test_the_next_visitor_of_a_kiosk_sees_nothing(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(browser, f"{service.url}/kiosk") as page,
        service.client() as staff,
    ):
        set_up(page)
        with page.expect_response("**/v1/kiosk/sessions") as begun:
            speak_and_be_heard(page)
        session = begun.value.json()
        expect_the_answer(page)
        assert staff.get(path_of(session)).status_code == 200
        assert page.locator(".turn a[href^='http']").count() == 0

        with page.expect_response("**/v1/kiosk/sessions/current") as ended:
            page.get_by_role("button", name="Selesai").click()

        expect(page.locator(".turn")).to_have_count(0)
        expect(page.locator(".hello").first).to_have_text("Tanya apa saja")
        assert ended.value.status == 204
        assert_blank(page, session["session"])
        assert staff.get(path_of(session)).status_code == 404
        expect(page.get_by_role("status")).to_contain_text("Terima kasih")
        expect(page.get_by_role("status")).to_have_text("Tekan, lalu bicara")
        page.reload()
        assert_blank(page, session["session"])
        page.go_back()
        page.go_forward()
        assert_blank(page, session["session"])

        with page.expect_response("**/v1/kiosk/sessions") as next_one:
            page.locator(BUTTON).click()
        assert next_one.value.json()["conversation_id"] != session["conversation_id"]


def set_up(page: Page) -> None:
    """Type the device's key, after an ordinary one was refused."""
    page.locator("#key").fill(KEY)
    page.locator("#key").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("bukan kunci perangkat")
    assert KEY not in page.evaluate("JSON.stringify(localStorage)")
    sign_in(page, HALL)


def assert_blank(page: Page, secret: str) -> None:
    """Nothing of a visitor is in the page, nor where the browser keeps things."""
    everything = page.content() + page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])"
    )
    for trace in (OPENING, TITLE, "perpustakaan", secret):
        assert trace not in everything


def path_of(session: dict[str, str]) -> str:
    return f"/v1/conversations/{session['conversation_id']}"


def test_whoever_leaves_the_page_is_gone(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(browser, f"{service.url}/kiosk") as page,
        Kiosk(service) as kiosk,
    ):
        sign_in(page, HALL)
        with page.expect_response("**/v1/kiosk/sessions") as begun:
            page.locator(BUTTON).click()
        session = begun.value.json()["session"]
        assert kiosk.current(session, "POST", "/touch").status_code == 200

        page.goto(f"{service.url}/docs")

        # The page is gone before the answer to its last request.
        end = time.monotonic() + GONE_SECONDS
        while kiosk.current(session, "POST", "/touch").status_code != 410:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_silence_is_counted_and_clears_the_screen(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(browser, "about:blank", allowed=False) as page,
    ):
        page.clock.install()
        page.context.grant_permissions(["microphone"], origin=service.url)
        page.goto(f"{service.url}/kiosk")
        sign_in(page, HALL)
        speak_and_be_heard(page)
        expect_the_answer(page)
        page.locator(BUTTON).click()
        wait_for_state(page, "idle")

        page.clock.fast_forward(50_000)
        expect(page.get_by_role("dialog")).to_contain_text("Masih di sini?")
        page.get_by_role("button", name="Ya, lanjut").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect_the_answer(page)
        page.clock.fast_forward(61_000)

        expect(page.locator(".turn")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_conversation_goes_on_on_a_phone(
    service: RunningService, recording: Path
) -> None:
    with (
        launch_with_microphone(recording) as browser,
        open_page(browser, f"{service.url}/kiosk") as page,
    ):
        sign_in(page, HALL)
        speak_and_be_heard(page)
        expect_the_answer(page)
        with page.expect_response("**/current/link") as made:
            page.get_by_role("button", name="Lanjut di ponsel").click()
        link = made.value.json()["url"].replace(PUBLIC_URL, service.url)
        code = page.get_by_role("img", name="Pindai dengan ponsel")
        expect(code).to_be_visible()
        assert code.evaluate("image => image.naturalWidth") > 0

        with open_page(browser, link, size=NARROW) as phone:
            assert "#" not in phone.url
            phone.get_by_role("button", name="Buka percakapan").click()
            expect_the_answer(phone)
            page.get_by_role("button", name="Tutup").click()
            page.get_by_role("button", name="Selesai").click()
            expect(page.locator(".turn")).to_have_count(0)

            phone.get_by_role("textbox").fill("Berapa denda keterlambatan buku?")
            phone.get_by_role("textbox").press("Enter")
            expect(phone.locator(".turn").last).to_contain_text("Rp1.000")
            phone.reload()
            expect(phone.locator(".turn")).to_have_count(2)

        with open_page(browser, link, size=NARROW, locale="en-US") as second:
            second.get_by_role("button", name="Open the conversation").click()
            expect(second.get_by_role("alert")).to_contain_text("This link was used")
            assert OPENING not in second.content()


def test_a_page_that_is_only_looked_at_leaves_the_link_whole(
    service: RunningService,
) -> None:
    with Kiosk(service) as kiosk, launch_with_microphone(None) as browser:
        session = kiosk.begin()["session"]
        link = kiosk.current(session, "POST", "/link").json()["url"]
        here = link.replace(PUBLIC_URL, service.url)

        with open_page(browser, here, locale="en-US") as preview:
            expect(preview.get_by_role("button", name="Open")).to_be_visible()

        token = {"token": link.partition("#")[2]}
        opened = httpx.post(f"{service.url}/v1/visits", json=token, trust_env=False)
        assert opened.status_code == 201


@pytest.mark.parametrize("name", ["voice", "kiosk", "visit"])
def test_a_page_fits_every_screen_and_loads_from_here_alone(
    service: RunningService, name: str
) -> None:
    reply = httpx.get(f"{service.url}/{name}", trust_env=False)
    policy = reply.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "microphone=(self)" in reply.headers["permissions-policy"]
    assert not re.search(
        r"<script(?! type=\"module\" src=)|<style|\son\w+=", reply.text
    )
    with launch_with_microphone(None) as browser:
        for size in (WIDE, NARROW, (320, 568)):
            with open_page(browser, f"{service.url}/{name}", size=size) as page:
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                wider = "document.documentElement.scrollWidth - innerWidth"
                assert page.evaluate(wider) <= 0


def test_parts_are_named_and_fresh(service: RunningService) -> None:
    url = f"{service.url}/pages/microphone.js"
    first = httpx.get(url, trust_env=False)
    again = httpx.get(
        url, headers={"If-None-Match": first.headers["etag"]}, trust_env=False
    )

    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    assert again.status_code == 304
    for name in ("README.md", "voice.html", "..%2Fpeople.py", "nothing.js"):
        reply = httpx.get(f"{service.url}/pages/{name}", trust_env=False)
        assert reply.status_code == 404
