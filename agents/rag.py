"""
Who answers: a LangGraph graph compiled once, run for every turn.

    understand -> retrieve -> decide -> answer -> check -> commit
         |                      |
         `-> reply -> commit    `-> refuse -> commit
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agents.commit_once import COMMIT_KEY, CommitOnce
from agents.curated import CuratedBook
from agents.event_task import events_of
from agents.evidence import PassageReader
from agents.steps import Steps
from agents.turn_state import TurnContext, TurnState
from agents.upstream import ChatModel
from domain.errors import InternalError
from domain.ports import (
    ConversationStore,
    CuratedAnswers,
    FeedbackStore,
    Retriever,
    TurnLease,
)
from domain.turns import Answer, AnswerCompleted, Turn, TurnEvent, TurnStarted

log = logging.getLogger(__name__)

Graph = CompiledStateGraph[TurnState, TurnContext, TurnState, TurnState]


class RagAgent:
    """
    Answers from passages, with citations, or says that it cannot.

    Args:
        retriever: Finds passages.
        conversations: Gives the right to run a turn.
        checkpointer: Keeps the messages.
        model: Writes answers; None: the best sentences are quoted.
        feedback: Takes down refused questions; None: nobody does.
        curated: Answers that people wrote, given before any search; None: there are
            none.
    """

    def __init__(
        self,
        *,
        retriever: Retriever,
        conversations: ConversationStore,
        checkpointer: BaseCheckpointSaver[Any],
        model: ChatModel | None = None,
        feedback: FeedbackStore | None = None,
        curated: CuratedAnswers | None = None,
    ) -> None:
        self._conversations = conversations
        steps = Steps(
            retriever=retriever,
            model=model,
            feedback=feedback,
            reader=PassageReader(),
            curated=CuratedBook(curated) if curated is not None else None,
        )
        self._graph = build_graph(steps, CommitOnce(checkpointer))
        self._forgetful = build_graph(steps, None)

    def stream(self, turn: Turn) -> AsyncGenerator[TurnEvent]:
        """
        Answer *turn*: started, retrieval, deltas, completed. Close it to cancel.

        Raises:
            AppError: The turn failed; nothing of it was stored.
        """
        return events_of(partial(self._run, turn), deadline=turn.deadline)

    async def _run(self, turn: Turn, emit: Callable[[TurnEvent], None]) -> None:
        """Hold the conversation, run the graph, report what is stored."""
        context = TurnContext(turn=turn, emit=emit)
        started = TurnStarted(turn.conversation_id, turn.message_id)
        if not turn.kept:
            emit(started)
            await _run_graph(self._forgetful, {}, context)
        else:
            async with self._conversations.turn(
                turn.caller.tenant, turn.conversation_id, deadline=turn.deadline
            ) as lease:
                emit(started)
                await _run_graph(self._graph, _configure(lease, context), context)
                lease.describe(title=context.title, turns=context.turns)
            context.degrade(*lease.degraded)
        answer = _complete(context)
        log.info(
            "turn_answered",
            extra={
                "tenant": turn.caller.tenant,
                "answered": answer.answered,
                "citations": len(answer.citations),
                "confidence": answer.confidence,
                **{
                    f"{name}_seconds": spent for name, spent in answer.exec_time.items()
                },
            },
        )
        emit(AnswerCompleted(answer))


def build_graph(steps: Steps, saver: BaseCheckpointSaver[Any] | None) -> Graph:
    """
    Return the graph of one turn, compiled once for the life of the process.

    Without a saver it starts with nothing and leaves nothing.
    """
    graph = StateGraph(TurnState, context_schema=TurnContext)
    graph.add_node("understand", steps.understand)
    graph.add_node("retrieve", steps.retrieve)
    graph.add_node("decide", steps.decide)
    graph.add_node("refuse", steps.refuse)
    graph.add_node("answer", steps.answer)
    graph.add_node("check", steps.check)
    graph.add_node("reply", steps.reply)
    graph.add_node("commit", steps.commit)
    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", steps.after_understanding)
    graph.add_edge("retrieve", "decide")
    graph.add_conditional_edges("decide", steps.after_decision)
    graph.add_edge("refuse", "commit")
    graph.add_edge("answer", "check")
    graph.add_edge("check", "commit")
    graph.add_edge("reply", "commit")
    graph.add_edge("commit", END)
    return graph.compile(checkpointer=saver)


async def _run_graph(
    graph: Graph, config: RunnableConfig, context: TurnContext
) -> None:
    await graph.ainvoke(
        {"question": context.turn.question.text},
        config,
        context=context,
        # Of the values of each step nobody needs a copy.
        stream_mode="custom",
        durability="exit" if graph.checkpointer else None,
    )


def _configure(lease: TurnLease, context: TurnContext) -> RunnableConfig:
    return {"configurable": {**lease.configurable, COMMIT_KEY: context.commit}}


def _complete(context: TurnContext) -> Answer:
    if context.answer is None:
        raise InternalError
    total = round(time.monotonic() - context.started, 4)
    answer = context.answer
    return Answer(
        text=answer.text,
        citations=answer.citations,
        answered=answer.answered,
        confidence=answer.confidence,
        language=answer.language,
        conversation_id=answer.conversation_id,
        message_id=answer.message_id,
        degraded=tuple(context.degraded),
        exec_time={**answer.exec_time, "total": total},
    )
