"""Questions asked before something changes or goes away."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ui.client import ServiceClient, ServiceProblem
from ui.markdown import plain_line
from ui.session import Session
from ui.texts import problem_sentence

MAX_TITLE_CHARS = 200


def show_dialog(session: Session, client: ServiceClient) -> None:
    """Draw the dialog that is open, if one is; it stays until answered or closed."""
    asking = session.asking
    if asking is None:
        return
    texts = session.texts
    is_rename = asking.what == "rename"
    dialog = st.dialog(
        texts.rename if is_rename else texts.delete,
        icon=":material/edit:" if is_rename else ":material/delete:",
        on_dismiss=session.stop_asking,
    )
    dialog(partial(_draw_rename if is_rename else _draw_delete, session, client))()


def _draw_rename(session: Session, client: ServiceClient) -> None:
    texts, asking = session.texts, session.asking
    if asking is None:
        return
    with st.form("rename", border=False):
        title = st.text_input(
            texts.rename_label, value=asking.title, max_chars=MAX_TITLE_CHARS
        ).strip()
        if not st.form_submit_button(texts.save, type="primary") or not title:
            return
    rename = partial(client.rename_conversation, asking.item_id, title=title)
    if _done(session, rename):
        session.retitle(asking.item_id, title)
        session.stop_asking()
        st.rerun()


def _draw_delete(session: Session, client: ServiceClient) -> None:
    texts, asking = session.texts, session.asking
    if asking is None:
        return
    is_document = asking.what == "delete_document"
    st.markdown(f"**{plain_line(asking.title)}**")
    st.markdown(texts.delete_document_confirm if is_document else texts.delete_confirm)
    if not st.button(texts.delete, type="primary", key="confirm-delete"):
        return
    delete = client.remove_document if is_document else client.delete_conversation
    if _done(session, partial(delete, asking.item_id)):
        if is_document:
            session.documents = None
        else:
            session.forget(asking.item_id)
        session.stop_asking()
        st.rerun()


def _done(session: Session, change: Callable[[], None]) -> bool:
    """Make the change; what is gone already counts as changed."""
    try:
        change()
    except ServiceProblem as exc:
        if exc.problem.status != 404:
            st.error(problem_sentence(exc.problem, session.texts))
            return False
    return True
