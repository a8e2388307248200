"""The web chat on a bad day: hostile texts, a stop, a service that fails or is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import (
    ask,
    launch_browser,
    open_profile,
    start_chat,
    wait_until_still,
)
from tests.fakes.http_service import KEY, FakeService, serve

# Each tries to run, load, hide or restyle something.
HOSTILE = [
    "<script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    "<img src=http://evil.example/a.png>",
    "<svg/onload=window.hit=1>",
    "<iframe src=http://evil.example></iframe>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<a href='javascript:window.hit=1'>click</a>",
    "<details open ontoggle=window.hit=1>",
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=http://evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<form action=http://evil.example><input name=key></form>",
    "<video src=http://evil.example/a.mp4 autoplay></video>",
    "<object data=http://evil.example></object>",
    "<base href=http://evil.example/>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=window.hit=1>",
    "![pixel](http://evil.example/p.png)",
    "![pixel](http://evil.example/p.png 'title')",
    "![pixel](<http://evil.example/p.png>)",
    "![pixel][ref]\n\n[ref]: http://evil.example/p.png",
    "[![pixel](http://evil.example/p.png)](http://evil.example)",
    "`![pixel](http://evil.example/p.png)`",
    "\\`![pixel](http://evil.example/p.png)\\`",
    "| a `b | ![pixel](http://evil.example/p.png)` | c |\n|--|--|--|\n| 1 | 2 | 3 |",
    "~~~\n```\n~~~\n![pixel](http://evil.example/p.png)",
    "```\ncode\n   ````\n![pixel](http://evil.example/p.png)",
    "[click](javascript:window.hit=1)",
    "[click](data:text/html,<script>window.hit=1</script>)",
    "<http://evil.example/auto>",
    ":material/warning: :red[red] :streamlit: :rainbow[x]",
    "$\\href{javascript:window.hit=1}{x}$ $$\\includegraphics{http://evil.example/a}$$",
    "# Heading\nText\n===",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "\u202egnp.exe <b>bold</b>",
]


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def chat_url(service: FakeService) -> Iterator[str]:
    with serve(service) as url, start_chat(url, KEY) as chat_url:
        yield chat_url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with open_profile(browser) as profile:
        yield profile.new_page()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch_browser() as browser:
        yield browser


def _wait_until_broken_off(page: Page, service: FakeService) -> None:
    for _ in range(100):
        if service.broken_off:
            break
        page.wait_for_timeout(100)
    assert service.broken_off == 1


def test_hostile_texts_neither_run_nor_load_nor_hide(
    page: Page, service: FakeService, chat_url: str
) -> None:
    for number, payload in enumerate(HOSTILE):
        text = f"PAYLOAD {number}\n\n{payload}\n\nEND {number}"
        service.add(f"{payload} title{number}", text, url="javascript:window.hit=1")
        answer = service._answer(f"payload title{number} {text}", "hostile")
        answer |= {"message_id": f"m{number}", "answer": text}
        service._store("hostile", payload, answer)

    page.goto(f"{chat_url}/?lang=en&conversation=hostile")

    messages = page.get_by_test_id("stChatMessage")
    expect(messages).to_have_count(2 * len(HOSTILE))
    wait_until_still(page)
    for number in range(len(HOSTILE)):
        expect(messages.nth(2 * number + 1)).to_contain_text(f"END {number}")
    main = page.get_by_test_id("stMain")
    assert page.evaluate("window.hit") is None
    forbidden = (
        "script,iframe,form,object,style,link,video,img,details:not([class]),"
        ".katex,h1,h2,[data-testid=stMarkdownContainer] [data-testid=stIconMaterial]"
    )
    drawn = messages.locator(f":is({forbidden})")
    assert drawn.evaluate_all("all => all.map(one => one.outerHTML)") == []
    links = main.locator("a[href]").evaluate_all("all => all.map(one => one.href)")
    assert [link for link in links if not link.startswith("http")] == []


def test_a_stop_reaches_the_service_and_nothing_is_stored(
    page: Page, service: FakeService, chat_url: str
) -> None:
    service.add("Long tale", "Once upon a time " + "and so on " * 200)
    service.pause_seconds = 0.05
    page.goto(f"{chat_url}/?lang=en")
    ask(page, "What happened upon a time?")
    expect(page.get_by_text("Once upon")).to_be_visible()

    page.get_by_test_id("stChatInput").get_by_role("button", name="Stop").click()

    _wait_until_broken_off(page, service)
    assert service.conversations == {}
    page.reload()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()


def test_a_question_after_a_stop_is_answered(
    page: Page, service: FakeService, chat_url: str
) -> None:
    service.add("Long tale", "Once upon a time " + "and so on " * 200)
    service.pause_seconds = 0.05
    page.goto(f"{chat_url}/?lang=en")
    ask(page, "What happened upon a time?")
    expect(page.get_by_text("Once upon")).to_be_visible()
    page.get_by_test_id("stChatInput").get_by_role("button", name="Stop").click()
    wait_until_still(page)
    service.pause_seconds = 0.0
    service.add("Library", "The library opens at eight.")

    ask(page, "When does the library open?")

    # While it is drawn the text may stand there twice for a moment.
    expect(page.get_by_text("The library opens at eight. [1]")).to_have_count(1)
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)


def test_leaving_for_another_conversation_ends_the_turn(
    page: Page, service: FakeService, chat_url: str
) -> None:
    service.add("Long tale", "Once upon a time " + "and so on " * 400)
    service.pause_seconds = 0.05
    page.goto(f"{chat_url}/?lang=en")
    ask(page, "What happened upon a time?")
    expect(page.get_by_text("Once upon")).to_be_visible()

    page.get_by_role("button", name="New conversation").click()

    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    expect(page.get_by_text("Once upon")).to_have_count(0)
    _wait_until_broken_off(page, service)


def test_a_long_answer_stays_readable(
    page: Page, service: FakeService, chat_url: str
) -> None:
    wide = "Supercalifragilistic" * 30
    table = "| a | b |\n|---|---|\n" + "| one | two |\n" * 60
    answer = service._answer("", "long") | {
        "answer": f"{wide}\n\n{table}\n\n" + "Long text. " * 900 + "THE END",
        "answered": True,
    }
    service._store("long", "Tell me everything", answer)

    page.goto(f"{chat_url}/?lang=en&conversation=long")

    expect(page.get_by_text("THE END")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_failed_turn_is_explained_and_asked_again_by_keyboard(
    page: Page, service: FakeService, chat_url: str
) -> None:
    service.add("Library", "The library opens at eight.")
    service.failures["/v1/chat"] = (503, {"code": "overloaded"}, {"retry-after": "2"})
    page.goto(f"{chat_url}/?lang=id")
    ask(page, "When does the library open?")
    expect(
        page.get_by_text("Layanan sedang penuh. Coba lagi dalam 2 detik.")
    ).to_be_visible()
    service.failures.clear()

    page.get_by_role("button", name="Tanyakan lagi").press("Enter")

    expect(page.get_by_text("The library opens at eight. [1]")).to_be_visible()
    assert len(set(service.idempotency_keys)) == 1


def test_degraded_parts_are_said_plainly(
    page: Page, service: FakeService, chat_url: str
) -> None:
    service.health |= {"status": "degraded", "redis": "unavailable"}

    page.goto(f"{chat_url}/?lang=en")

    expect(page.get_by_text("The service runs in part.")).to_be_visible()
    expect(page.get_by_text(re.compile("conversation store cannot"))).to_be_visible()


def test_a_service_that_is_gone_is_said_plainly(browser: Browser) -> None:
    with (
        start_chat("http://127.0.0.1:9", KEY) as chat_url,
        open_profile(browser) as profile,
    ):
        page = profile.new_page()
        page.goto(f"{chat_url}/?lang=id")

        expect(page.get_by_text("Layanan tidak dapat dihubungi.").first).to_be_visible()
        expect(page.get_by_text("Traceback")).to_have_count(0)
