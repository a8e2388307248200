"""The page: sidebar, conversation or documents."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.client import ServiceClient
from ui.conversation import show_conversation
from ui.dialogs import show_dialog
from ui.documents import show_documents
from ui.session import Session, current_session, mirror_in_address
from ui.sidebar import show_sidebar

# A local picture: Streamlit fetches icons given by name from a font host.
ICON = Path(__file__).with_name("icon.png")


def show_chat(
    url: str,
    *,
    key: str | None = None,
    key_file: Path | None = None,
    client: ServiceClient | None = None,
) -> None:
    """
    Draw the whole page once.

    Args:
        url: Base URL of the service.
        key: API key.
        key_file: Where the key is read when none is given; `make run` writes it.
        client: Speaks to the service instead of one made from the above.
    """
    st.set_page_config(
        page_title="Tanya",
        page_icon=str(ICON),
        layout="centered",
        initial_sidebar_state="auto",
    )
    session = current_session()
    if client is None:
        key = session.own_key or key or _find_key(key_file)
        client = _connect(url, key) if key else None
    show_sidebar(session, client)
    mirror_in_address(session)
    if client:
        show_dialog(session, client)
    if client is None or (
        session.problem and session.problem.code == "not_authenticated"
    ):
        _ask_for_key(session)
    elif session.view == "documents":
        show_documents(session, client)
    else:
        show_conversation(session, client)


def _find_key(key_file: Path | None) -> str | None:
    try:
        return key_file.read_text("utf-8").strip() if key_file else None
    except OSError:
        return None


def _open_client(url: str, key: str) -> ServiceClient:
    return ServiceClient(url, key)


# One client an address and key, whatever the number of browser tabs.
_connect = st.cache_resource(_open_client, show_spinner=False, max_entries=32)


def _ask_for_key(session: Session) -> None:
    texts = session.texts
    st.title("Tanya")
    st.info(texts.key_missing, icon=":material/key:")
    with st.form("key", border=False):
        key = st.text_input(texts.key_label, type="password", autocomplete="off")
        if st.form_submit_button(texts.key_use) and key.strip():
            session.own_key, session.problem = key.strip(), None
            st.rerun()
