"""Questions asked before something changes or goes away."""

from __future__ import annotations

import streamlit as st

from ui.client import ServiceClient, ServiceProblem
from ui.markdown import plain_line
from ui.replies import ConversationLine, DocumentLine
from ui.session import Session
from ui.texts import problem_sentence

MAX_TITLE_CHARS = 200


def rename(session: Session, client: ServiceClient, line: ConversationLine) -> None:
    """Ask for another title."""
    texts = session.texts

    def draw() -> None:
        with st.form("rename", border=False):
            title = st.text_input(
                texts.rename_label, value=line.title, max_chars=MAX_TITLE_CHARS
            ).strip()
            if not st.form_submit_button(texts.save, type="primary") or not title:
                return
        try:
            client.rename_conversation(line.id, title=title)
        except ServiceProblem as exc:
            st.error(problem_sentence(exc.problem, texts))
            return
        session.retitle(line.id, title)
        st.rerun()

    st.dialog(texts.rename, icon=":material/edit:")(draw)()


def confirm_delete(
    session: Session, client: ServiceClient, line: ConversationLine
) -> None:
    """Delete a conversation after a second click."""
    texts = session.texts

    def draw() -> None:
        st.markdown(f"**{plain_line(line.title)}**")
        st.markdown(texts.delete_confirm)
        if not st.button(texts.delete, type="primary", key="confirm-delete"):
            return
        try:
            client.delete_conversation(line.id)
        except ServiceProblem as exc:
            if exc.problem.status != 404:
                st.error(problem_sentence(exc.problem, texts))
                return
        session.forget(line.id)
        st.rerun()

    st.dialog(texts.delete, icon=":material/delete:")(draw)()


def confirm_delete_document(
    session: Session, client: ServiceClient, document: DocumentLine
) -> None:
    """Delete a document and its passages after a second click."""
    texts = session.texts

    def draw() -> None:
        st.markdown(f"**{plain_line(document.title)}**")
        st.markdown(texts.delete_document_confirm)
        if not st.button(texts.delete, type="primary", key="confirm-delete"):
            return
        try:
            client.remove_document(document.id)
        except ServiceProblem as exc:
            if exc.problem.status != 404:
                st.error(problem_sentence(exc.problem, texts))
                return
        session.documents = None
        st.rerun()

    st.dialog(texts.delete, icon=":material/delete:")(draw)()
