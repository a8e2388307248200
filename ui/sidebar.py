"""The sidebar: language, view, conversations, id, state of the service."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st

from ui.client import ServiceClient, ServiceProblem
from ui.markdown import plain_line
from ui.replies import ConversationLine, Health
from ui.session import CONVERSATION_ID, Asking, Session
from ui.texts import LANGUAGES, problem_sentence
from ui.words import Texts

# What fits beside the menu of its line.
TITLE_CHARS = 25
# A look at the health report costs no request of the key's allowance, but some time.
HEALTH_SECONDS = 15


def show_sidebar(session: Session, client: ServiceClient | None) -> None:
    """Draw the sidebar; without a client only what needs none."""
    with st.sidebar:
        st.title("Tanya", anchor=False)
        _choose_language(session)
        if client is None:
            return
        texts = session.texts
        health = _look_at(client)
        well = health is not None and health.status == "healthy"
        if not well:
            _show_state(health, texts)
        _choose_view(session, texts)
        st.button(
            texts.new_conversation,
            icon=":material/add:",
            width="stretch",
            shortcut="Alt+N",
            on_click=session.start_new,
        )
        _show_id(session, texts)
        _show_conversations(session, client, texts)
        if well:
            _show_state(health, texts)


def _choose_language(session: Session) -> None:
    st.segmented_control(
        session.texts.language,
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        default=session.language,
        required=True,
        key="language",
        label_visibility="collapsed",
        on_change=partial(_take, session, "language"),
    )


def _choose_view(session: Session, texts: Texts) -> None:
    labels = {"chat": texts.view_chat, "documents": texts.view_documents}
    # A button elsewhere may have changed the view.
    st.session_state["view"] = session.view
    st.segmented_control(
        texts.view,
        list(labels),
        format_func=labels.__getitem__,
        required=True,
        key="view",
        label_visibility="collapsed",
        width="stretch",
        on_change=partial(_take, session, "view"),
    )


def _take(session: Session, name: str) -> None:
    setattr(session, name, st.session_state[name])


def _show_conversations(session: Session, client: ServiceClient, texts: Texts) -> None:
    if session.lines is None:
        _load_lines(session, client)
    st.subheader(texts.conversations, anchor=False)
    if session.problem:
        st.error(problem_sentence(session.problem, texts))
    elif not session.lines:
        st.caption(texts.no_conversations)
    with st.container(gap="xxsmall"):
        for line in session.lines or ():
            _show_line(session, line)
    if session.next_cursor and st.button(texts.more, type="tertiary"):
        _load_lines(session, client, cursor=session.next_cursor)
        st.rerun()
    if st.button(texts.refresh, type="tertiary", icon=":material/refresh:"):
        session.lines = session.messages = session.documents = None
        st.rerun()


def _load_lines(
    session: Session, client: ServiceClient, *, cursor: str | None = None
) -> None:
    try:
        page = client.list_conversations(cursor=cursor)
    except ServiceProblem as exc:
        session.problem = exc.problem
        return
    session.problem = None
    session.lines = [*(session.lines or () if cursor else ()), *page.lines]
    session.next_cursor = page.next_cursor


def _show_line(session: Session, line: ConversationLine) -> None:
    texts = session.texts
    title = line.title
    if len(title) > TITLE_CHARS:
        title = title[: TITLE_CHARS - 1].rstrip() + "…"
    with st.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="distribute",
        vertical_alignment="center",
    ):
        st.button(
            plain_line(title),
            key=f"open-{line.id}",
            type="secondary" if line.id == session.conversation_id else "tertiary",
            help=plain_line(line.title) if title != line.title else None,
            on_click=partial(session.open, line.id),
        )
        action = st.menu_button(
            ":material/more_vert:",
            ["rename", "delete"],
            format_func={"rename": texts.rename, "delete": texts.delete}.__getitem__,
            key=f"actions-{line.id}",
            type="tertiary",
            help=texts.actions.format(plain_line(title)),
        )
    if action:
        session.ask_before(Asking(action, line.id, line.title))


def _show_id(session: Session, texts: Texts) -> None:
    with st.expander(texts.conversation_id, icon=":material/tag:"):
        st.code(session.conversation_id, language=None)
        st.caption(texts.conversation_id_help)
        with st.form("open-id", border=False, clear_on_submit=True):
            wanted = st.text_input(texts.open_id, max_chars=128).strip()
            if st.form_submit_button(texts.open):
                if CONVERSATION_ID.fullmatch(wanted):
                    session.open(wanted)
                    st.rerun()
                st.error(texts.open_id_invalid)


def _show_state(health: Health | None, texts: Texts) -> None:
    if health is None:
        st.error(texts.service_away, icon=":material/cloud_off:")
        return
    lines = [texts.state_names.get(health.state, "")]
    for name, state in health.components.items():
        if said := texts.component_states.get(state):
            lines.append(f"{texts.component_names.get(name, name)}: {said}.")
    text = " ".join(filter(None, lines))
    if health.status == "healthy":
        st.caption(f":material/check_circle: {texts.service_ok} {text}")
    else:
        st.warning(f"{texts.service_degraded} {text}", icon=":material/warning:")


def _look_at(client: ServiceClient) -> Health | None:
    now = time.monotonic()
    seen: tuple[float, Health | None] | None = st.session_state.get("health")
    if seen is None or now - seen[0] > HEALTH_SECONDS:
        try:
            seen = now, client.health()
        except ServiceProblem:
            seen = now, None
        st.session_state["health"] = seen
    return seen[1]
