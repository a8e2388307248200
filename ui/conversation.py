"""A conversation: what was said, the answer being written, the next question."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import replace
from functools import partial

import streamlit as st

from ui.client import Delta, Searched, ServiceClient, ServiceProblem
from ui.markdown import answer as answer_markdown
from ui.markdown import plain_line
from ui.messages import show_answer, show_question
from ui.replies import ChatMessage, ConversationLine, DocumentLine
from ui.session import OpenQuestion, Session
from ui.texts import problem_sentence
from ui.words import Texts

MAX_QUESTION_CHARS = 5000
EXAMPLES = 4
# Below this many requests the history is not fetched after an answer: what is left
# of the key's allowance belongs to questions.
SPARE_REQUESTS = 30


def show_conversation(session: Session, client: ServiceClient) -> None:
    """Draw the open conversation and answer what was just asked."""
    texts = session.texts
    typed = st.chat_input(
        texts.ask_placeholder,
        key="question",
        max_chars=MAX_QUESTION_CHARS,
        submit_mode="stop",
    )
    asked = (typed or session.asked or "").strip()
    session.asked = None
    if session.messages is None and not _load_messages(session, client):
        return
    messages = session.messages or []
    for message in messages:
        if message.role == "user":
            show_question(message.text)
        else:
            show_answer(session, client, message)
    # A place of its own, emptied at once: what stood here does not linger in grey
    # below the answer that is being written.
    place = st.empty()
    if asked:
        place.empty()
        session.open_question = OpenQuestion(asked, secrets.token_hex(16))
        _answer(session, client)
    elif session.open_question:
        with place.container():
            again = _show_open_question(session, session.open_question)
        if again:
            place.empty()
            session.open_question = replace(session.open_question, problem=None)
            _answer(session, client)
    elif not messages:
        with place.container():
            _show_welcome(session, client)


def _load_messages(session: Session, client: ServiceClient) -> bool:
    try:
        found = client.find_conversation(session.conversation_id)
    except ServiceProblem as exc:
        st.error(problem_sentence(exc.problem, session.texts))
        return False
    session.messages = list(found[1]) if found else []
    return True


def _answer(session: Session, client: ServiceClient) -> None:
    """Stream the answer of the open question; a stop leaves the question open."""
    question = session.open_question
    if question is None:
        return
    texts = session.texts
    show_question(question.text)
    try:
        with st.chat_message("assistant", avatar=":material/menu_book:"):
            done = _stream(session, client, question, texts)
    except ServiceProblem as exc:
        session.open_question = replace(question, problem=exc.problem)
        st.rerun()
    session.open_question = None
    _keep(session, client, question, done)
    st.rerun()


def _stream(
    session: Session, client: ServiceClient, question: OpenQuestion, texts: Texts
) -> ChatMessage:
    note, body = st.empty(), st.empty()
    note.caption(texts.searching)
    text = ""
    steps = client.ask(
        session.conversation_id,
        question.text,
        idempotency_key=question.idempotency_key,
    )
    # Streamlit stops this script by an exception; the service must hear of it.
    with closing(steps):
        for step in steps:
            if isinstance(step, ChatMessage):
                note.empty()
                body.markdown(answer_markdown(step.text))
                return step
            if isinstance(step, Searched):
                note.caption(texts.writing.format(step.passages))
            elif isinstance(step, Delta):
                text += step.text
                body.markdown(answer_markdown(text) + " ▌")
    raise AssertionError("the steps of a turn end with its answer or a problem")


def _keep(
    session: Session, client: ServiceClient, question: OpenQuestion, done: ChatMessage
) -> None:
    """Show what the service keeps: other doors may have added turns meanwhile."""
    left = client.requests_left
    if left is None or left > SPARE_REQUESTS:
        try:
            found = client.find_conversation(session.conversation_id)
        except ServiceProblem:
            found = None
        if found:
            line, messages = found
            session.messages = [
                done if message.id == done.id else message for message in messages
            ]
            session.touch(line)
            return
    asked = ChatMessage(id="", role="user", text=question.text)
    session.messages = [*(session.messages or ()), asked, done]
    title = (session.line() or ConversationLine("", question.text)).title
    session.touch(ConversationLine(session.conversation_id, title))


def _show_open_question(session: Session, question: OpenQuestion) -> bool:
    """Draw it and why it has no answer; True when it is to be asked again."""
    texts = session.texts
    show_question(question.text)
    if question.problem:
        st.error(problem_sentence(question.problem, texts), icon=":material/error:")
    else:
        st.warning(texts.stopped, icon=":material/stop_circle:")
    return bool(st.button(texts.ask_again, icon=":material/refresh:"))


def _show_welcome(session: Session, client: ServiceClient) -> None:
    texts = session.texts
    st.header(texts.welcome, anchor=False)
    if session.documents is None:
        try:
            session.documents = client.list_documents()
        except ServiceProblem as exc:
            st.error(problem_sentence(exc.problem, texts))
            return
    ready = [document for document in session.documents if document.status == "ready"]
    if not ready:
        st.info(texts.welcome_empty, icon=":material/upload_file:")
        return
    st.markdown(texts.welcome_hint.format(len(ready)))
    st.caption(texts.examples)
    for document in _choose_examples(ready, session.language):
        question = texts.example_question.format(" ".join(document.title.split()))
        st.button(
            plain_line(question),
            key=f"example-{document.id}",
            width="stretch",
            on_click=partial(session.ask, question),
        )


def _choose_examples(
    documents: list[DocumentLine], language: str
) -> list[DocumentLine]:
    """Return current documents, those in the reader's language first."""
    current = [document for document in documents if not document.superseded]
    return sorted(current, key=lambda one: one.language != language)[:EXAMPLES]
