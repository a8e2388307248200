"""Documents: what there is to ask, uploads, deletions."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import streamlit as st

from ui.client import ServiceClient, ServiceProblem
from ui.markdown import plain_line
from ui.replies import DocumentLine
from ui.session import Asking, Session
from ui.texts import problem_sentence
from ui.words import Texts

FILE_TYPES = ["pdf", "docx", "html", "htm", "md", "txt", "csv", "xlsx", "pptx"]
# Each look costs one request of the key's allowance: soon at first, then rarely.
POLL_SECONDS = (0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)


def show_documents(session: Session, client: ServiceClient) -> None:
    """Draw the uploader and the list."""
    texts = session.texts
    st.header(texts.view_documents, anchor=False)
    files = st.file_uploader(
        texts.upload,
        type=FILE_TYPES,
        accept_multiple_files=True,
        help=texts.upload_help,
        key=f"upload-{session.uploads}",
    )
    if files:
        session.upload_notes = [
            _upload(client, texts, file.name, file.getvalue(), file.type)
            for file in files
        ]
        session.uploads += 1
        session.documents = None
        st.rerun()
    for kind, sentence in session.upload_notes:
        {"ok": st.success, "failed": st.error, "waiting": st.info}[kind](sentence)
    if session.documents is None:
        try:
            session.documents = client.list_documents()
        except ServiceProblem as exc:
            st.error(problem_sentence(exc.problem, texts))
            return
    _show_list(session, session.documents)


def _upload(
    client: ServiceClient, texts: Texts, name: str, content: bytes, media_type: str
) -> tuple[str, str]:
    shown = plain_line(name)
    bar = st.progress(0.0, text=shown)
    try:
        document, is_new = client.add_document(name, content, media_type=media_type)
        for seconds in POLL_SECONDS:
            if document.settled:
                break
            _draw_progress(bar, document, shown, texts)
            time.sleep(seconds)
            document = client.load_document(document.id)
    except ServiceProblem as exc:
        reason = problem_sentence(exc.problem, texts)
        return "failed", texts.upload_failed.format(shown, reason)
    if document.status == "failed":
        reason = plain_line(document.error or "")
        return "failed", texts.upload_failed.format(shown, reason)
    if document.status == "ready":
        sentence = texts.upload_done if is_new else texts.upload_known
        return "ok", sentence.format(plain_line(document.title or name))
    return "waiting", texts.upload_waiting.format(shown)


def _draw_progress(bar: Any, document: DocumentLine, name: str, texts: Texts) -> None:
    status = texts.document_status.get(document.status, document.status)
    bar.progress(document.progress, text=f"{name} · {status}")


def _show_list(session: Session, documents: tuple[DocumentLine, ...]) -> None:
    texts = session.texts
    st.subheader(texts.documents.format(len(documents)), anchor=False)
    if not documents:
        st.caption(texts.no_documents)
    for document in documents:
        row = st.container(
            border=True, horizontal=True, wrap=False, vertical_alignment="center"
        )
        with row:
            st.markdown(_line(document, texts), width="stretch")
            st.button(
                ":material/delete:",
                key=f"delete-{document.id}",
                type="tertiary",
                help=f"{texts.delete}: {plain_line(document.title)}",
                on_click=partial(
                    session.ask_before,
                    Asking("delete_document", document.id, document.title),
                ),
            )


def _line(document: DocumentLine, texts: Texts) -> str:
    facts = [texts.document_status.get(document.status, document.status)]
    if document.chunks:
        many = texts.passages.format(document.chunks)
        facts.append(texts.passage if document.chunks == 1 else many)
    if document.superseded:
        facts.append(texts.superseded)
    if document.error:
        facts.append(document.error)
    if document.file and document.file != document.title:
        facts.insert(0, document.file)
    small = " · ".join(map(plain_line, facts))
    return f"**{plain_line(document.title)}**  \n:small[:gray[{small}]]"
