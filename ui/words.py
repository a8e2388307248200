"""The list of words a language has to bring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language; `{}` takes what changes."""

    language: str
    view: str
    view_chat: str
    view_documents: str
    new_conversation: str
    conversations: str
    no_conversations: str
    more: str
    refresh: str
    actions: str
    rename: str
    rename_label: str
    save: str
    delete: str
    delete_confirm: str
    conversation_id: str
    conversation_id_help: str
    open_id: str
    open: str
    open_id_invalid: str
    ask_placeholder: str
    welcome: str
    welcome_hint: str
    welcome_empty: str
    examples: str
    example_question: str
    searching: str
    writing: str
    sources: str
    page: str
    not_supported: str
    refused: str
    helpful: str
    feedback_thanks: str
    stopped: str
    ask_again: str
    degraded_answer: str
    upload: str
    upload_help: str
    upload_done: str
    upload_known: str
    upload_failed: str
    upload_waiting: str
    documents: str
    no_documents: str
    passage: str
    passages: str
    superseded: str
    delete_document_confirm: str
    document_status: dict[str, str]
    key_missing: str
    key_label: str
    key_use: str
    service_ok: str
    service_degraded: str
    service_away: str
    state_names: dict[str, str]
    component_names: dict[str, str]
    component_states: dict[str, str]
    degraded_names: dict[str, str]
    wait_seconds: str
    wait_minutes: str
    reference: str
    problems: dict[str, str]
    problem_unknown: str
    too_long: str
