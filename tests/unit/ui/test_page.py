"""The page, drawn without a browser against a service in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.fakes.http_service import KEY, FakeService
from ui.client import ServiceClient
from ui.session import OpenQuestion
from ui.words_en import ENGLISH
from ui.words_id import INDONESIAN

SECONDS = 20


def _page(client: object, key_file: object) -> None:
    """Run as a script of its own, so that even the annotations stand alone."""
    from ui.chat import show_chat  # noqa: PLC0415

    show_chat("http://fake", key_file=key_file, client=client)  # type: ignore[arg-type]


Open = Callable[..., AppTest]


@pytest.fixture
def service() -> FakeService:
    service = FakeService()
    service.add("Library guide", "The library opens at eight.", url="https://x.example")
    return service


@pytest.fixture
def open_page(service: FakeService) -> Open:
    def open_page(**address: str) -> AppTest:
        client = ServiceClient("http://fake", KEY, transport=service.transport())
        page = AppTest.from_function(_page, args=(client, None))
        for name, value in address.items():
            page.query_params[name] = value
        return _checked(page.run(timeout=SECONDS))

    return open_page


def _checked(page: AppTest) -> AppTest:
    assert not page.exception, page.exception[0].message
    return page


def _ask(page: AppTest, question: str) -> AppTest:
    return _checked(page.chat_input[0].set_value(question).run(timeout=SECONDS))


def _press(page: AppTest, label: str) -> AppTest:
    (button,) = [button for button in page.button if button.label == label]
    return _checked(button.click().run(timeout=SECONDS))


def _texts(page: AppTest) -> str:
    """Return everything a reader sees, escapes undone."""
    parts = [
        element.value
        for kind in ("markdown", "info", "warning", "error", "success", "caption")
        for element in getattr(page, kind)
    ]
    parts += [button.label for button in page.button]
    parts += [
        element.value
        for kind in ("title", "header", "subheader")
        for element in getattr(page, kind)
    ]
    return "\n".join(map(str, parts)).replace("\\", "")


def _conversation_id(page: AppTest) -> str:
    return str(page.code[0].value)


def test_an_empty_conversation_offers_questions_about_the_documents(
    open_page: Open,
) -> None:
    page = open_page()

    assert page.header[0].value == ENGLISH.welcome
    assert "Library guide" in _texts(page)
    asked = _press(page, r"Tell me about Library guide\.")
    assert len(asked.chat_message) == 2


def test_superseded_and_failed_documents_are_no_examples(
    service: FakeService, open_page: Open
) -> None:
    old, failed = service.add("Old notice", "x"), service.add("Broken", "x")
    service.documents[old]["validity"] = "superseded"
    service.documents[failed]["status"] = "failed"

    texts = _texts(open_page())

    assert "Library guide" in texts
    assert "Old notice" not in texts
    assert "Broken" not in texts


def test_examples_in_the_readers_language_come_first(
    service: FakeService, open_page: Open
) -> None:
    for number in range(5):
        service.documents[service.add(f"English {number}", "x")]["language"] = "en"
    service.documents[service.add("Panduan", "x")]["language"] = "id"

    labels = [button.label for button in open_page(lang="id").button]

    examples = [label for label in labels if label.startswith("Apa itu")]
    assert examples[0] == "Apa itu Panduan?"
    assert len(examples) == 4


def test_without_documents_the_page_says_what_to_do(
    service: FakeService, open_page: Open
) -> None:
    service.documents.clear()

    assert ENGLISH.welcome_empty in _texts(open_page())


def test_an_answer_shows_its_sources(open_page: Open) -> None:
    page = _ask(open_page(), "When does the library open?")

    assert [message.name for message in page.chat_message] == ["user", "assistant"]
    assert "The library opens at eight. [1]" in _texts(page)
    sources = page.expander[0]
    labels = [element.value.replace("\\", "") for element in page.markdown]
    assert any("[Library guide](https://x.example)" in text for text in labels)
    assert any("page 3 · Main" in text for text in labels)
    assert sources is not None


def test_a_refusal_looks_different(open_page: Open) -> None:
    page = _ask(open_page(), "zzz")

    assert ENGLISH.refused in page.info[0].value
    assert not [e for e in page.expander if e.label.startswith("Sources")]


def test_what_was_asked_before_is_asked_once(
    service: FakeService, open_page: Open
) -> None:
    page = _ask(open_page(), "When does the library open?")

    page.run(timeout=SECONDS)
    page.run(timeout=SECONDS)

    assert len(service.idempotency_keys) == 1


def test_an_answer_that_did_without_a_part_says_so(
    service: FakeService, open_page: Open
) -> None:
    service.degraded = ["state", "something_new"]

    page = _ask(open_page(), "When does the library open?")

    assert "without: the main conversation store, something_new." in _texts(page)


def test_a_conversation_of_the_address_is_shown_with_its_history(
    service: FakeService, open_page: Open
) -> None:
    first = _ask(open_page(conversation="kiosk-7"), "When does the library open?")

    again = open_page(conversation="kiosk-7")

    assert _conversation_id(first) == _conversation_id(again) == "kiosk-7"
    assert len(again.chat_message) == 2
    assert "The library opens at eight." in _texts(again)


@pytest.mark.parametrize("wanted", ["a b", "../x", "x" * 129, "é"])
def test_an_impossible_id_in_the_address_is_not_used(
    open_page: Open, wanted: str
) -> None:
    page = open_page(conversation=wanted)

    assert _conversation_id(page).startswith("web-")


def test_an_id_can_be_entered(service: FakeService, open_page: Open) -> None:
    _ask(open_page(conversation="curl-1"), "When does the library open?")
    page = open_page()

    page.text_input[0].set_value("curl-1")
    _press(page, ENGLISH.open)

    assert _conversation_id(page) == "curl-1"
    assert len(page.chat_message) == 2
    assert page.query_params["conversation"] == "curl-1"


def test_a_malformed_id_is_explained(open_page: Open) -> None:
    page = open_page()
    before = _conversation_id(page)

    page.text_input[0].set_value("no spaces")
    _press(page, ENGLISH.open)

    assert ENGLISH.open_id_invalid in _texts(page)
    assert _conversation_id(page) == before


def test_conversations_are_listed_opened_and_left(open_page: Open) -> None:
    page = _ask(open_page(conversation="c1"), "When does the library open?")
    _press(page, ENGLISH.new_conversation)
    _ask(page, "And at night?")
    page = open_page()

    _press(page, "When does the library ope…"[:24] + "…")

    assert _conversation_id(page) == "c1"


def test_a_new_conversation_is_empty(open_page: Open) -> None:
    page = _ask(open_page(conversation="c1"), "When does the library open?")

    _press(page, ENGLISH.new_conversation)

    assert len(page.chat_message) == 0
    assert _conversation_id(page) != "c1"


def test_a_conversation_is_renamed(service: FakeService, open_page: Open) -> None:
    page = _ask(open_page(conversation="c1"), "When does the library open?")
    _checked(page.menu_button[0].click("rename").run(timeout=SECONDS))
    (field,) = [f for f in page.text_input if f.label == ENGLISH.rename_label]

    field.set_value("Opening *hours*")
    _press(page, ENGLISH.save)

    assert service.conversations["c1"]["title"] == "Opening *hours*"
    assert "Opening *hours*" in _texts(page)


def test_a_conversation_is_deleted_after_a_second_click(
    service: FakeService, open_page: Open
) -> None:
    page = _ask(open_page(conversation="c1"), "When does the library open?")
    _checked(page.menu_button[0].click("delete").run(timeout=SECONDS))
    assert "c1" in service.conversations

    _press(page, ENGLISH.delete)

    assert service.conversations == {}
    assert len(page.chat_message) == 0
    assert ENGLISH.no_conversations in _texts(page)


def test_the_language_changes_every_text(open_page: Open) -> None:
    page = open_page(lang="id")

    assert page.header[0].value == INDONESIAN.welcome
    assert page.chat_input[0].placeholder == INDONESIAN.ask_placeholder
    assert page.query_params["lang"] == "id"
    english = [t for t in _strings(ENGLISH) if len(t) > 12 and t in _texts(page)]
    assert english == []


def _strings(words: object) -> list[str]:
    fields = [getattr(words, name) for name in type(words).__dataclass_fields__]  # type: ignore[attr-defined]
    return [text for text in fields if isinstance(text, str)]


def test_the_language_can_be_switched_within_a_conversation(open_page: Open) -> None:
    page = _ask(open_page(conversation="c1"), "zzz")

    _checked(
        page.segmented_control(key="language").set_value("id").run(timeout=SECONDS)
    )

    assert INDONESIAN.refused in page.info[0].value
    assert _conversation_id(page) == "c1"


def test_an_opinion_reaches_the_service(service: FakeService, open_page: Open) -> None:
    page = _ask(open_page(conversation="c1"), "When does the library open?")

    _checked(page.feedback[0].set_value(1).run(timeout=SECONDS))

    assert [item["kind"] for item in service.feedback] == ["positive"]
    assert page.toast[0].value == ENGLISH.feedback_thanks


def test_a_failed_question_can_be_asked_again_under_the_same_key(
    service: FakeService, open_page: Open
) -> None:
    service.failures["/v1/chat"] = (503, {"code": "overloaded"}, {"retry-after": "5"})
    page = _ask(open_page(conversation="c1"), "When does the library open?")
    assert "Try again in 5 seconds." in page.error[0].value
    assert "r-1" in page.error[0].value
    service.failures.clear()

    _press(page, ENGLISH.ask_again)

    assert "The library opens at eight." in _texts(page)
    assert not page.error


def test_a_stopped_question_is_told_and_can_be_asked_again(
    service: FakeService, open_page: Open
) -> None:
    page = open_page(conversation="c1")
    stopped = OpenQuestion("When does the library open?", "key-of-the-first-try")
    page.session_state["session"].open_question = stopped
    _checked(page.run(timeout=SECONDS))
    assert page.warning[0].value == ENGLISH.stopped

    _press(page, ENGLISH.ask_again)

    assert service.idempotency_keys == ["key-of-the-first-try"]
    assert "The library opens at eight." in _texts(page)


def test_a_question_after_a_failed_one_takes_its_place(
    service: FakeService, open_page: Open
) -> None:
    service.failures["/v1/chat"] = (504, {"code": "turn_timeout"}, {})
    page = _ask(open_page(conversation="c1"), "First?")
    service.failures.clear()

    _ask(page, "When does the library open?")

    assert not page.error
    assert len(page.chat_message) == 2


def test_a_used_up_allowance_names_the_variable(
    service: FakeService, open_page: Open
) -> None:
    wait = {"retry-after": "1800"}
    service.failures["/v1/chat"] = (429, {"code": "rate_limited"}, wait)

    page = _ask(open_page(lang="id"), "Kapan?")

    assert "RATE_LIMIT_PER_HOUR" in page.error[0].value
    assert "30 menit" in page.error[0].value


def test_degraded_parts_are_named(service: FakeService, open_page: Open) -> None:
    service.health |= {"status": "degraded", "redis": "file"}
    service.health["components"]["qdrant"] = "unavailable"

    said = open_page().warning[0].value

    assert "kept in a file" in said
    assert "Document search: cannot be reached." in said


def test_an_absent_service_is_a_sentence() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = ServiceClient("http://fake", KEY, transport=httpx.MockTransport(refuse))
    page = AppTest.from_function(_page, args=(client, None)).run(timeout=SECONDS)

    assert ENGLISH.service_away in _texts(_checked(page))
    assert ENGLISH.problems["service_unreachable"] in _texts(page)


@pytest.mark.parametrize(
    ("left", "looks"), [(90, [("GET", "/v1/conversations/c1")]), (10, [])]
)
def test_few_requests_left_are_spent_on_questions_only(
    service: FakeService, open_page: Open, left: int, looks: list[tuple[str, str]]
) -> None:
    service.requests_left = left
    page = open_page(conversation="c1")
    before = len(service.requests)

    _ask(page, "When does the library open?")

    spent = [r for r in service.requests[before:] if r[1] != "/health"]
    assert spent == [("POST", "/v1/chat"), *looks]
    assert "The library opens at eight." in _texts(page)


def test_a_missing_key_is_asked_for(tmp_path: Path) -> None:
    missing = tmp_path / "api_key"

    page = AppTest.from_function(_page, args=(None, missing)).run(timeout=SECONDS)

    assert ENGLISH.key_missing in _texts(_checked(page))
    assert not page.chat_input


def test_a_refused_key_is_asked_for_again(service: FakeService) -> None:
    client = ServiceClient("http://fake", "stale", transport=service.transport())

    page = AppTest.from_function(_page, args=(client, None)).run(timeout=SECONDS)

    assert ENGLISH.problems["not_authenticated"] in _texts(_checked(page))
    assert ENGLISH.key_label in [field.label for field in page.text_input]


def test_documents_are_listed_and_deleted(
    service: FakeService, open_page: Open
) -> None:
    page = open_page(view="documents")
    assert "Library guide" in _texts(page)
    (bin_button,) = [b for b in page.button if b.label == ":material/delete:"]

    _checked(bin_button.click().run(timeout=SECONDS))
    _press(page, ENGLISH.delete)

    assert service.documents == {}
    assert ENGLISH.no_documents in _texts(page)


def test_an_upload_is_ready_for_questions(
    service: FakeService, open_page: Open
) -> None:
    page = open_page(view="documents")

    page.file_uploader[0].set_value(
        [("bus.txt", b"The bus leaves at noon.", "text/plain")]
    )
    _checked(page.run(timeout=SECONDS))

    assert "bus.txt is ready for questions." in page.success[0].value.replace("\\", "")
    assert len(service.documents) == 2


def test_an_upload_that_cannot_be_read_says_why(open_page: Open) -> None:
    page = open_page(view="documents")

    page.file_uploader[0].set_value([("empty.txt", b" ", "text/plain")])
    _checked(page.run(timeout=SECONDS))

    said = page.error[0].value.replace("\\", "")
    assert said == "empty.txt could not be read. This type of file is not supported."


def test_a_hostile_text_stays_text(service: FakeService, open_page: Open) -> None:
    hostile = "<img src=x onerror=alert(1)> ![x](https://evil.example/a.png)"
    service.add(hostile, f"The gate is {hostile}", url="javascript:alert(1)")

    page = _ask(open_page(conversation="c1"), "Where is the gate?")

    for element in page.markdown:
        assert not element.allow_html
        assert "![" not in element.value.replace("!\\[", "").replace("\\!\\[", "")
        assert "](javascript" not in element.value
