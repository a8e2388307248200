"""What one browser tab holds between two runs of the script."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import streamlit as st

from ui.client import Problem
from ui.replies import ChatMessage, ConversationLine, DocumentLine
from ui.texts import TEXTS
from ui.words import Texts

View = Literal["chat", "documents"]
CONVERSATION_ID = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """
    A question whose answer is not complete.

    Attributes:
        idempotency_key: The same for every attempt, so that none is answered twice.
        problem: Why the last attempt failed; None when the reader stopped it.
    """

    text: str
    idempotency_key: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A dialog that is open: what it is about to do, to what, under which title."""

    what: Literal["rename", "delete", "delete_document"]
    item_id: str
    title: str


@dataclass(slots=True)
class Session:
    """
    State of one tab; lives in `st.session_state`, mirrored in the address.

    Attributes:
        messages: Of the open conversation; None before they were fetched.
        lines: Newest conversations; None before they were fetched.
        documents: None before they were fetched.
        problem: Why the last look-up failed.
        asked: A question to be answered in this run.
        mirrored: The conversation that was last written into the address.
        uploads: Counter in the uploader's key: a new key is an empty uploader.
    """

    language: str
    conversation_id: str
    view: View = "chat"
    messages: list[ChatMessage] | None = None
    lines: list[ConversationLine] | None = None
    next_cursor: str | None = None
    documents: tuple[DocumentLine, ...] | None = None
    problem: Problem | None = None
    asked: str | None = None
    open_question: OpenQuestion | None = None
    mirrored: str | None = None
    uploads: int = 0
    upload_notes: list[tuple[str, str]] = field(default_factory=list)
    own_key: str | None = None
    asking: Asking | None = None

    @property
    def texts(self) -> Texts:
        """The words of the chosen language."""
        return TEXTS[self.language]

    def open(self, conversation_id: str) -> None:
        """Go to a conversation; its messages are fetched when they are drawn."""
        self.conversation_id = conversation_id
        self.messages = None
        self.open_question = None
        self.asked = None
        self.problem = None
        self.view = "chat"

    def start_new(self) -> None:
        """Go to a conversation that nobody began."""
        self.open(new_conversation_id())
        self.messages = []

    def ask(self, question: str) -> None:
        """Have *question* answered in the next run."""
        self.asked = question

    def touch(self, line: ConversationLine) -> None:
        """Move a conversation to the top of the list."""
        others = [other for other in self.lines or () if other.id != line.id]
        self.lines = [line, *others]

    def forget(self, conversation_id: str) -> None:
        """Take a deleted conversation out of the list."""
        self.lines = [line for line in self.lines or () if line.id != conversation_id]
        if conversation_id == self.conversation_id:
            self.start_new()

    def retitle(self, conversation_id: str, title: str) -> None:
        """Show another title in the list."""
        self.lines = [
            replace(line, title=title) if line.id == conversation_id else line
            for line in self.lines or ()
        ]

    def ask_before(self, asking: Asking) -> None:
        """Open a dialog."""
        self.asking = asking

    def stop_asking(self) -> None:
        """Close the dialog."""
        self.asking = None

    def line(self) -> ConversationLine | None:
        """Return the list's line of the open conversation."""
        lines = self.lines or ()
        return next((line for line in lines if line.id == self.conversation_id), None)


def new_conversation_id() -> str:
    """Return an id that is short enough to type and long enough to be alone."""
    return "web-" + secrets.token_hex(5)


def current_session() -> Session:
    """Return the state of this tab; the address decides what a new tab opens."""
    if "session" not in st.session_state:
        st.session_state["session"] = _new_session()
    session = cast("Session", st.session_state["session"])
    wanted = st.query_params.get("conversation", "")
    # Only the browser's "back" and "forward" change the address without us.
    moved = wanted not in (session.mirrored, session.conversation_id)
    if moved and session.mirrored and CONVERSATION_ID.fullmatch(wanted):
        session.open(wanted)
    return session


def mirror_in_address(session: Session) -> None:
    """Write the state that a reload or a bookmark should bring back."""
    wanted = {"conversation": session.conversation_id, "lang": session.language}
    if session.view != "chat":
        wanted["view"] = session.view
    session.mirrored = session.conversation_id
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def _new_session() -> Session:
    wanted = st.query_params.get("conversation", "")
    known = CONVERSATION_ID.fullmatch(wanted)
    language = st.query_params.get("lang") or (st.context.locale or "")[:2]
    return Session(
        language=language if language in TEXTS else "en",
        conversation_id=wanted if known else new_conversation_id(),
        view="documents" if st.query_params.get("view") == "documents" else "chat",
        messages=None if known else [],
    )
