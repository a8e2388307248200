"""One message on the screen: text, sources, opinion."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.client import ServiceClient, ServiceProblem
from ui.markdown import answer as answer_markdown
from ui.markdown import plain, plain_line, web_link
from ui.replies import ChatMessage, Source
from ui.session import Session
from ui.texts import problem_sentence
from ui.words import Texts


def show_question(text: str) -> None:
    """Draw what the reader asked, letter by letter."""
    with st.chat_message("user", avatar=":material/person:"):
        st.markdown(plain(text))


def show_answer(session: Session, client: ServiceClient, message: ChatMessage) -> None:
    """Draw an answer with its sources, or a refusal that looks like one."""
    texts = session.texts
    icon = ":material/menu_book:" if message.answered else ":material/search_off:"
    with st.chat_message("assistant", avatar=icon):
        if message.answered:
            st.markdown(answer_markdown(message.text))
        else:
            st.info(
                f"**{texts.refused}**\n\n{answer_markdown(message.text)}",
                icon=":material/search_off:",
            )
        if message.degraded:
            _show_degraded(message, texts)
        if message.sources:
            _show_sources(message.sources, texts)
        _ask_opinion(session, client, message)


def _show_degraded(message: ChatMessage, texts: Texts) -> None:
    parts = [texts.degraded_names.get(part, part) for part in message.degraded]
    st.caption(texts.degraded_answer.format(plain_line(", ".join(parts))))


def _show_sources(sources: tuple[Source, ...], texts: Texts) -> None:
    # Titles are in sight; quotes, often as long as the answer, are a click away.
    titles = dict.fromkeys(plain_line(source.title) for source in sources)
    label = f"{texts.sources.format(len(sources))}: {'; '.join(titles)}"
    with st.expander(label, icon=":material/format_quote:"):
        for source in sources:
            place = [web_link(source.title, source.url)]
            if source.file and not source.url and source.file != source.title:
                place.append(plain_line(source.file))
            if source.page:
                place.append(texts.page.format(source.page))
            if source.section:
                place.append(plain_line(source.section))
            lines = [f"**\\[{source.index}\\]** " + " · ".join(place)]
            if source.quote:
                lines.append("> " + plain(source.quote).replace("\n", "\n> "))
            st.markdown("\n\n".join(lines))
            if not source.supported:
                st.caption(f":material/warning: {texts.not_supported}")


def _ask_opinion(session: Session, client: ServiceClient, message: ChatMessage) -> None:
    if message.id:
        key = f"opinion-{session.conversation_id}-{message.id}"
        st.feedback(
            "thumbs", key=key, on_change=partial(_send, session, client, message, key)
        )


def _send(
    session: Session, client: ServiceClient, message: ChatMessage, key: str
) -> None:
    value = st.session_state.get(key)
    if value is None:
        return
    try:
        client.send_feedback(session.conversation_id, message.id, positive=bool(value))
    except ServiceProblem as exc:
        st.toast(problem_sentence(exc.problem, session.texts))
    else:
        st.toast(session.texts.feedback_thanks)
