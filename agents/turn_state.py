"""What one turn knows while it runs, and the little of it that is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypedDict

from langchain_core.messages import BaseMessage
from langgraph.channels import UntrackedValue
from langgraph.graph.message import add_messages

from agents.commit_once import Commit
from agents.evidence import Evidence
from agents.follow_ups import Understanding
from agents.gate import Judgement
from agents.grounding import AnswerChecker
from agents.ranking import Candidate
from domain.conversations import Message
from domain.documents import Citation, Passage
from domain.turns import Answer, Turn, TurnEvent


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer on its way to the store, with its marks `[1]` in the text."""

    text: str
    citations: tuple[Citation, ...] = ()
    answered: bool = True
    confidence: float = 1.0
    message_id: str | None = None


class TurnState(TypedDict, total=False):
    """
    State of the graph.

    Only `messages` is stored: every other channel is untracked, so that no passage and
    no half answer ever reaches the conversation store.
    """

    messages: Annotated[list[BaseMessage], add_messages]
    question: Annotated[str, UntrackedValue]
    history: Annotated[tuple[Message, ...], UntrackedValue]
    language: Annotated[str, UntrackedValue]
    understanding: Annotated[Understanding, UntrackedValue]
    passages: Annotated[tuple[Passage, ...], UntrackedValue]
    evidence: Annotated[Evidence, UntrackedValue]
    candidates: Annotated[list[Candidate], UntrackedValue]
    judgement: Annotated[Judgement, UntrackedValue]
    given: Annotated[list[Passage], UntrackedValue]
    checker: Annotated[AnswerChecker, UntrackedValue]
    draft: Annotated[Draft, UntrackedValue]


@dataclass(slots=True)
class TurnContext:
    """
    What the steps of one turn share beside the state; never stored.

    Attributes:
        emit: Takes what is told while the turn runs. The graph's own stream would cost
            a queue and a task a token.
        started: Monotonic seconds.
        stages: Seconds by stage.
        degraded: Parts the turn had to do without.
        replayed: The answer was stored by an earlier try of the same question.
        answer: The whole result, set by the last step.
        turns: Questions of the conversation with this one.
        title: First question of the conversation, as a title.
    """

    turn: Turn
    emit: Callable[[TurnEvent], None]
    commit: Commit = field(default_factory=Commit)
    started: float = field(default_factory=time.monotonic)
    stages: dict[str, float] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)
    replayed: bool = False
    answer: Answer | None = None
    turns: int = 1
    title: str = ""

    def degrade(self, *parts: str) -> None:
        """Remember what the turn had to do without, each part once."""
        self.degraded.extend(part for part in parts if part not in self.degraded)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block under *name*."""
        begun = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - begun
            self.stages[name] = self.stages.get(name, 0.0) + spent
