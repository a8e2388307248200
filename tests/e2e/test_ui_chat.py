"""The web chat as people use it: a real browser, a real service, real documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import (
    NARROW,
    ROOT,
    ask,
    launch_browser,
    open_profile,
    open_sidebar,
    start_chat,
    wait_until_still,
)
from tests.service import RunningService, start_service

SAMPLES = ROOT / "samples" / "documents"
FIRST = "How much is the monthly living allowance of the Mercusuar Scholarship?"
SECOND, DATE = "When do applications for it close?", "25 September"
WEDNESDAY = "The robotics workshop of the Kelana club meets every Wednesday at 16:45."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("service") / "data"
    folder.mkdir(mode=0o700)
    with start_service(data_dir=folder) as service:
        with service.client() as client:
            for name in ("01-profil-universitas.md", "04-scholarships.html"):
                content = (SAMPLES / name).read_bytes()
                sent = client.post("/v1/documents", files={"file": (name, content)})
                _wait_until_ready(client, sent.json()["document_id"])
        yield service


@pytest.fixture(scope="module")
def chat_url(service: RunningService) -> Iterator[str]:
    with start_chat(service.url, service.key) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with open_profile(browser) as profile:
        yield profile.new_page()


def _wait_until_ready(client: httpx.Client, document_id: str) -> None:
    for _ in range(300):
        status = client.get(f"/v1/documents/{document_id}").json()["status"]
        assert status != "failed"
        if status == "ready":
            return
    raise AssertionError("the document did not become ready")


def _answers(page: Page) -> list[str]:
    wait_until_still(page)
    return page.get_by_test_id("stChatMessage").all_inner_texts()[1::2]


def _ask_over_http(service: RunningService, conversation: str, text: str) -> str:
    with service.client() as client:
        reply = client.post(
            "/v1/chat",
            json={"message": text},
            headers={"X-Conversation-Id": conversation},
        )
    return str(reply.json()["answer"])


def test_a_question_is_answered_with_its_source(page: Page, chat_url: str) -> None:
    page.goto(f"{chat_url}/?lang=en")

    ask(page, FIRST)

    expect(page.get_by_text(re.compile("^Sources"))).to_be_visible()
    assert "Rp950,000" in _answers(page)[0]
    sources = page.get_by_test_id("stExpander").filter(has_text="Sources")
    expect(sources.get_by_text("Scholarships and Financial Aid").first).to_be_visible()
    sources.get_by_text(re.compile("^Sources")).click()
    expect(sources.locator("blockquote").first).to_contain_text("Rp950,000")


def test_a_reload_brings_the_history_back(page: Page, chat_url: str) -> None:
    page.goto(f"{chat_url}/?lang=id&conversation=reloaded")
    ask(page, "Kapan ULS berdiri?")
    expect(page.get_by_test_id("stExpander").filter(has_text="Sumber")).to_be_visible()
    before = _answers(page)

    page.reload()

    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    assert _answers(page) == before
    assert "17 Maret 1968" in before[0]


def test_a_follow_up_is_understood(page: Page, chat_url: str) -> None:
    page.goto(f"{chat_url}/?lang=en")
    ask(page, FIRST)
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    wait_until_still(page)

    ask(page, SECOND)

    expect(page.get_by_test_id("stChatMessage")).to_have_count(4)
    assert DATE in _answers(page)[1]


def test_a_refusal_says_that_nothing_was_found(page: Page, chat_url: str) -> None:
    page.goto(f"{chat_url}/?lang=en")

    ask(page, "What is the boiling point of tungsten?")

    expect(page.get_by_text("Not found in the documents")).to_be_visible()
    wait_until_still(page)
    expect(page.get_by_text(re.compile("^Sources"))).to_have_count(0)


def test_an_uploaded_document_answers_at_once(
    page: Page, chat_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "kelana.txt"
    file.write_text(f"Kelana club\n\n{WEDNESDAY}\n")
    page.goto(f"{chat_url}/?lang=en&view=documents")

    page.locator('input[type="file"]').set_input_files(str(file))

    expect(page.get_by_text("is ready for questions.")).to_be_visible()
    expect(page.get_by_text("Documents (3)")).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_text("Chat", exact=True).click()
    wait_until_still(page)
    ask(page, "When does the robotics workshop of the Kelana club meet?")
    expect(page.get_by_text(re.compile("^Sources"))).to_be_visible()
    assert "Wednesday at 16:45" in _answers(page)[0]


def test_what_curl_began_goes_on_in_the_browser(
    page: Page, chat_url: str, service: RunningService
) -> None:
    _ask_over_http(service, "begun-by-curl", FIRST)

    page.goto(f"{chat_url}/?lang=id&conversation=begun-by-curl")

    expect(page.get_by_text(FIRST).last).to_be_visible()
    ask(page, SECOND)
    expect(page.get_by_test_id("stChatMessage")).to_have_count(4)
    assert DATE in _answers(page)[1]


def test_what_the_browser_began_goes_on_by_curl(
    page: Page, chat_url: str, service: RunningService
) -> None:
    page.goto(f"{chat_url}/?lang=id&conversation=begun-by-browser")
    ask(page, FIRST)
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    wait_until_still(page)

    answer = _ask_over_http(service, "begun-by-browser", SECOND)

    assert DATE in answer
    page.get_by_role("button", name="Muat ulang").click()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(4)


def test_an_id_can_be_typed_into_the_page(
    page: Page, chat_url: str, service: RunningService
) -> None:
    _ask_over_http(service, "typed.id_1", "Kapan ULS berdiri?")
    page.goto(f"{chat_url}/?lang=en")
    page.get_by_text("Conversation ID").click()

    page.get_by_label("Open another ID").fill("typed.id_1")
    page.get_by_label("Open another ID").press("Enter")

    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    expect(page).to_have_url(re.compile("conversation=typed.id_1"))


def test_a_conversation_is_renamed_and_deleted_for_every_door(
    page: Page, chat_url: str, service: RunningService
) -> None:
    _ask_over_http(service, "to-delete", "Kapan ULS berdiri?")
    page.goto(f"{chat_url}/?lang=en&conversation=to-delete")
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    menu = page.locator(".st-key-actions-to-delete").get_by_role("button")

    menu.click()
    page.get_by_role("menuitem", name="Rename").or_(
        page.get_by_role("option", name="Rename")
    ).click()
    page.get_by_label("Name of the conversation").fill("Old times")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Old times")).to_be_visible()
    wait_until_still(page)
    menu.click()
    page.get_by_role("menuitem", name="Delete").or_(
        page.get_by_role("option", name="Delete")
    ).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_test_id("stChatMessage")).to_have_count(0)
    expect(page.get_by_role("button", name="Old times")).to_have_count(0)
    with service.client() as client:
        assert client.get("/v1/conversations/to-delete").status_code == 404


def test_the_language_switches_all_texts(page: Page, chat_url: str) -> None:
    page.goto(f"{chat_url}/?lang=en")
    expect(page.get_by_text("What would you like to know?")).to_be_visible()

    page.get_by_text("Indonesia", exact=True).click()

    expect(page.get_by_text("Apa yang ingin Anda tanyakan?")).to_be_visible()
    field = page.get_by_test_id("stChatInputTextArea")
    expect(field).to_have_attribute("placeholder", "Tulis pertanyaan Anda")
    page.reload()
    expect(page.get_by_text("Apa yang ingin Anda tanyakan?")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "welcome"),
    [
        ("id-ID", "Apa yang ingin Anda tanyakan?"),
        ("en-GB", "What would you like to know?"),
        ("fr-FR", "What would you like to know?"),
    ],
)
def test_the_first_language_is_the_browsers(
    browser: Browser, chat_url: str, locale: str, welcome: str
) -> None:
    with open_profile(browser, locale=locale) as profile:
        page = profile.new_page()
        page.goto(chat_url)

        expect(page.get_by_text(welcome)).to_be_visible()


def test_a_narrow_screen_has_room_for_everything(
    browser: Browser, chat_url: str
) -> None:
    with open_profile(browser, size=NARROW, locale="id-ID") as profile:
        page = profile.new_page()
        page.goto(chat_url)

        ask(page, "Kapan ULS berdiri?")

        expect(
            page.get_by_test_id("stExpander").filter(has_text="Sumber")
        ).to_be_visible()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW[0]
        open_sidebar(page)
        expect(page.get_by_role("button", name="Percakapan baru")).to_be_visible()


def test_an_opinion_is_kept(page: Page, chat_url: str) -> None:
    page.goto(f"{chat_url}/?lang=en&conversation=rated")
    ask(page, "Kapan ULS berdiri?")
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    wait_until_still(page)

    page.get_by_role("radio", name="Thumbs up").press("Space")

    expect(page.get_by_text("Thank you for your opinion.")).to_be_visible()
