"""A chat without a model on real state: what a turn does to the stores."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from domain.conversations import Message
from domain.deadlines import Deadline
from domain.ports import ConversationStore, TurnLease
from stores.messages import to_langchain

_NUMBERS = itertools.count(1)


class ChatState(TypedDict, total=False):
    """What the graph keeps between turns."""

    messages: Annotated[list[BaseMessage], add_messages]
    question: str
    documents: list[dict[str, str]]


class Chat:
    """
    Asks questions; the answer to `Q` is `answer to Q`.

    Args:
        durability: LangGraph's; the product uses `exit`.
        documents: Put into the state by every turn, as retrieval would.
    """

    def __init__(
        self,
        store: ConversationStore,
        saver: BaseCheckpointSaver[Any],
        *,
        durability: Any = "exit",
        documents: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self.store = store
        self.saver: Any = saver
        self.durability = durability
        self.documents = [dict(entry) for entry in documents]
        self.before_answer = _nothing
        graph = StateGraph(ChatState)
        graph.add_node("retrieve", self._retrieve)
        graph.add_node("answer", self._answer)
        graph.add_edge(START, "retrieve")
        graph.add_edge("retrieve", "answer")
        graph.add_edge("answer", END)
        self.graph = graph.compile(checkpointer=saver)

    async def ask(
        self,
        question: str,
        *,
        conversation: str = "desk",
        tenant: str = "acme",
        seconds: float = 30.0,
    ) -> TurnLease:
        """Run one whole turn and return its lease, with `degraded` as it was."""
        deadline = Deadline.after(seconds)
        async with self.store.turn(tenant, conversation, deadline=deadline) as lease:
            messages = await self.run(question, lease)
            questions = [entry for entry in messages if entry.type == "human"]
            lease.describe(title=str(questions[0].text)[:40], turns=len(questions))
        return lease

    async def run(self, question: str, lease: TurnLease) -> list[BaseMessage]:
        """Run the graph under *lease* and return all messages."""
        result = await self.graph.ainvoke(
            {"question": question},
            {"configurable": dict(lease.configurable)},
            durability=self.durability,
        )
        messages: list[BaseMessage] = result["messages"]
        return messages

    async def texts(
        self, *, conversation: str = "desk", tenant: str = "acme"
    ) -> list[str]:
        """Return what was said so far."""
        found = await self.store.load_conversation(tenant, conversation)
        return [message.text for message in found.messages]

    async def _retrieve(self, state: ChatState) -> ChatState:
        del state
        return {"documents": self.documents}

    async def _answer(self, state: ChatState) -> ChatState:
        await self.before_answer()
        question = state["question"]
        return {
            "messages": [
                to_langchain(make_message("user", question)),
                to_langchain(make_message("assistant", f"answer to {question}")),
            ]
        }


def make_message(role: Any, text: str, **fields: Any) -> Message:
    """Return a message with an id of its own."""
    number = f"{time.time_ns():x}{next(_NUMBERS):x}"
    return Message(
        id=f"msg_{number}", role=role, text=text, created_at=time.time(), **fields
    )


def turns_of(*questions: str) -> list[str]:
    """Return the texts of a conversation in which *questions* were answered."""
    return [text for name in questions for text in (name, f"answer to {name}")]


async def _nothing() -> None:
    await asyncio.sleep(0)
