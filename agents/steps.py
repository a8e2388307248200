"""The steps of a turn: understand, retrieve, decide, answer, check, commit."""

from __future__ import annotations

import asyncio
import logging
import time
import unicodedata
from typing import Literal

from langgraph.runtime import Runtime

from agents.curated import CuratedBook, write_answer
from agents.evidence import PassageReader
from agents.extractive import build_citation, compose_quote
from agents.follow_ups import Understanding, is_follow_up, understand
from agents.gate import (
    REFUSE_BELOW,
    REFUSE_BELOW_WITH_MODEL,
    Judgement,
    judge,
)
from agents.history import (
    find_replay,
    last_language,
    last_quote,
    list_told,
    prefer_cited,
    read_history,
)
from agents.ranking import Candidate, rank_sentences
from agents.selection import SELECTION_ID, build_selection, describe_selection
from agents.small_talk import find_reply
from agents.turn_state import Draft, TurnContext, TurnState
from agents.upstream import ChatModel
from agents.writer import ModelWriter, find_quote
from domain.conversations import Message
from domain.documents import SearchQuery
from domain.errors import RetrievalUnavailable, StoreUnavailable
from domain.ports import FeedbackStore, Retriever
from domain.turns import Answer, AnswerDelta, RetrievalCompleted
from language.detection import detect_language
from prompts import rag as texts
from stores.messages import to_langchain

log = logging.getLogger(__name__)

Run = Runtime[TurnContext]

_TITLE_CHARACTERS = 60
_ABOUT_SELECTION = 0.25
"""Share of the question's words from which it is about the selected text."""
_SELECTION_CONFIDENCE = 0.6
_CANDIDATE_PASSAGES = 8
"""Passages searched at least: rarity of words is counted among them."""


class Steps:
    """
    The nodes of the graph; each takes the state and returns what it adds.

    Args:
        retriever: Finds passages.
        model: Writes answers; None: the best sentences are quoted.
        feedback: Takes down questions that were refused; None: nobody does.
        reader: Takes passages apart.
        curated: Finds answers that people wrote; None: there are none.
    """

    def __init__(
        self,
        *,
        retriever: Retriever,
        model: ChatModel | None,
        feedback: FeedbackStore | None,
        reader: PassageReader,
        curated: CuratedBook | None = None,
    ) -> None:
        self._retriever = retriever
        self._writer = ModelWriter(model) if model else None
        self._feedback = feedback
        self._reader = reader
        self._curated = curated

    async def understand(self, state: TurnState, runtime: Run) -> TurnState:
        """Read the history, find the language, make the question searchable."""
        context = runtime.context
        turn, question = context.turn, context.turn.question
        with context.stage("understand"):
            history = read_history(state.get("messages"), context.turn.seed)
            asked = [message.text for message in history if message.role == "user"]
            context.turns = len(asked) + 1
            context.title = make_title(asked[0] if asked else question.text)
            language = question.language or detect_language(
                question.text, default=last_language(history)
            )
            found: TurnState = {"history": history, "language": language}
            replay = find_replay(history, turn.question_id)
            if replay is not None:
                context.replayed = True
                context.turns = len(asked)
                found["draft"] = replay
                return found
            ready = await self._find_ready(context, asked, language)
            if ready is not None:
                found["draft"] = ready
                return found
            understanding = understand(
                question.text, language, asked=asked, told=last_quote(history)
            )
            if self._writer is not None and understanding.follow_up:
                understanding = await self._writer.rewrite(
                    understanding, history, deadline=turn.deadline
                )
            found["understanding"] = understanding
        return found

    async def _find_ready(
        self, context: TurnContext, asked: list[str], language: str
    ) -> Draft | None:
        """Return what needs no search: small talk, or an answer that people wrote."""
        question = context.turn.question
        if question.selected_text:
            return None
        told = list_told(asked, question.user)
        reply = find_reply(question.text, language, told=told)
        if reply is not None:
            return Draft(text=reply)
        if self._curated is None:
            return None
        answer = await self._curated.find(
            context.turn.caller.tenant, question.text, language
        )
        if answer is None:
            return None
        log.info("curated_answer_given", extra={"answer_id": answer.id})
        text, citations = write_answer(answer)
        return Draft(text=text, citations=citations)

    def after_understanding(self, state: TurnState) -> Literal["retrieve", "reply"]:
        """Choose the way on: small talk and replays need no documents."""
        return "reply" if "draft" in state else "retrieve"

    async def retrieve(self, state: TurnState, runtime: Run) -> TurnState:
        """Search for both forms of the question; the selected text comes first."""
        context = runtime.context
        turn, question = context.turn, context.turn.question
        language = state["language"]
        selection = build_selection(
            question, tenant=turn.caller.tenant, language=language
        )
        understanding = state["understanding"]
        also: tuple[str, ...] = ()
        if selection is not None:
            also = (f"{question.text} {describe_selection(selection)}",)
        query = plan_search(
            understanding,
            tenant=turn.caller.tenant,
            max_results=question.max_results,
            also=also,
        )
        with context.stage("retrieve"):
            try:
                result = await self._retriever.search(query)
                passages = result.passages
                context.degrade(*result.degraded)
            except RetrievalUnavailable:
                # The selected text alone can still be answered about.
                if selection is None:
                    raise
                passages = ()
                context.degrade("retrieval")
        if understanding.follow_up:
            passages = prefer_cited(passages, state["history"])
        if selection is not None:
            passages = (selection, *passages)
        given = question.max_results + (1 if selection is not None else 0)
        context.emit(RetrievalCompleted(passages=len(passages[:given])))
        return {"passages": passages}

    async def decide(self, state: TurnState, runtime: Run) -> TurnState:
        """Rank the sentences and judge whether they suffice."""
        context = runtime.context
        understanding, language = state["understanding"], state["language"]
        with context.stage("decide"):
            evidence = self._reader.gather(
                understanding.text,
                state["passages"],
                language=language,
                context=understanding.context,
            )
            limit = context.turn.question.max_results
            candidates = [
                one
                for one in rank_sentences(evidence)
                if one.found.rank <= limit or one.passage.id == SELECTION_ID
            ]
            judgement = judge(
                evidence,
                candidates,
                refuse_below=REFUSE_BELOW_WITH_MODEL if self._writer else REFUSE_BELOW,
            )
            if context.turn.question.selected_text:
                candidates, judgement = _prefer_selection(
                    candidates, judgement, understanding
                )
        return {
            "evidence": evidence,
            "candidates": candidates,
            "judgement": judgement,
        }

    def after_decision(self, state: TurnState) -> Literal["answer", "refuse"]:
        """Choose the way on: no evidence, no answer."""
        return "refuse" if state["judgement"].decision == "refuse" else "answer"

    async def refuse(self, state: TurnState, runtime: Run) -> TurnState:
        """Say that the documents do not answer; takes the question down."""
        context = runtime.context
        draft = Draft(
            text=refusal(context.turn.question.text, state["language"]),
            answered=False,
            confidence=state["judgement"].confidence,
        )
        context.emit(AnswerDelta(draft.text))
        return {"draft": draft}

    async def answer(self, state: TurnState, runtime: Run) -> TurnState:
        """Let the model write, or quote the best sentences."""
        context = runtime.context
        with context.stage("generate"):
            if self._writer is None:
                return {"draft": _quote(state, context)}
            question = context.turn.question
            given = [
                passage
                for rank, passage in enumerate(state["passages"], start=1)
                if rank <= question.max_results or passage.id == SELECTION_ID
            ]
            checker = await self._writer.write(
                question,
                given,
                history=state["history"],
                understanding=state["understanding"],
                deadline=context.turn.deadline,
                say=lambda text: context.emit(AnswerDelta(text)),
            )
        return {"given": given, "checker": checker}

    async def check(self, state: TurnState, runtime: Run) -> TurnState:
        """Keep what the model wrote where passages carry it; else quote or refuse."""
        if "draft" in state:
            return {}
        context, judgement = runtime.context, state["judgement"]
        checker, given = state["checker"], state["given"]
        if checker.supported:
            citations = tuple(
                build_citation(
                    given[cited.number - 1],
                    index=cited.index,
                    quote=find_quote(given[cited.number - 1], cited.sentence),
                    supported=cited.supported,
                )
                for cited in checker.citations()
            )
            return {
                "draft": Draft(
                    text=checker.text,
                    citations=citations,
                    confidence=judgement.confidence,
                )
            }
        if checker.gave_up or judgement.decision != "answer":
            return await self.refuse(state, runtime)
        log.warning("answer_replaced_by_quote")
        context.degrade("model")
        return {"draft": _quote(state, context)}

    async def reply(self, state: TurnState, runtime: Run) -> TurnState:
        """Say the short reply or the stored answer."""
        runtime.context.emit(RetrievalCompleted(passages=0))
        runtime.context.emit(AnswerDelta(state["draft"].text))
        return {}

    async def commit(self, state: TurnState, runtime: Run) -> TurnState:
        """Put question and answer into the state together, and allow the write."""
        context = runtime.context
        turn, draft = context.turn, state["draft"]
        if not draft.answered:
            await self._record_unanswered(context, state["language"])
        answer = _build_answer(context, draft, language=state["language"])
        context.answer = answer
        if context.replayed:
            return {}
        now = time.time()
        question = Message(
            id=turn.question_id,
            role="user",
            text=turn.question.text,
            created_at=now,
            language=answer.language,
        )
        reply = Message(
            id=turn.message_id,
            role="assistant",
            text=answer.text,
            created_at=now,
            citations=answer.citations,
            answered=answer.answered,
            language=answer.language,
            confidence=answer.confidence,
            extra={"degraded": list(answer.degraded)} if answer.degraded else {},
        )
        seed = () if state.get("messages") else turn.seed
        context.commit.ready = True
        return {
            "messages": [to_langchain(one) for one in (*seed, question, reply)],
        }

    async def _record_unanswered(self, context: TurnContext, language: str) -> None:
        if self._feedback is None:
            return
        turn = context.turn
        try:
            await asyncio.to_thread(
                self._feedback.add_unanswered,
                turn.caller.tenant,
                turn.question.text,
                language=language,
                asked_at=time.time(),
            )
        except StoreUnavailable:
            # A list for the owner of the documents is no reason to fail a turn.
            log.warning("unanswered_not_recorded")


def plan_search(
    understanding: Understanding,
    *,
    tenant: str,
    max_results: int,
    also: tuple[str, ...] = (),
) -> SearchQuery:
    """Return what is looked for to answer a question: by this alone it is found."""
    return SearchQuery(
        tenant=tenant,
        text=understanding.searched,
        alternatives=(*understanding.alternatives, *also),
        language=understanding.language,
        limit=max(max_results, _CANDIDATE_PASSAGES),
    )


def _quote(state: TurnState, context: TurnContext) -> Draft:
    judgement = state["judgement"]
    quote = compose_quote(
        state["candidates"], state["language"], partly=judgement.decision == "partly"
    )
    for piece in quote.pieces:
        context.emit(AnswerDelta(piece))
    return Draft(
        text=quote.text, citations=quote.citations, confidence=judgement.confidence
    )


def refusal(question: str, language: str) -> str:
    """Return the fixed sentence that names what was searched."""
    searched = " ".join(question.split())
    if len(searched) > texts.SEARCHED_CHARACTERS:
        searched = searched[: texts.SEARCHED_CHARACTERS - 1].rstrip() + "…"
    return texts.REFUSALS[language].format(searched=searched)


def make_title(question: str) -> str:
    """Return *question* as a title: one line, without controls, 60 characters."""
    line = " ".join(question.split())
    clean = "".join(one for one in line if unicodedata.category(one)[0] != "C")
    if len(clean) <= _TITLE_CHARACTERS:
        return clean
    return clean[: _TITLE_CHARACTERS - 1].rstrip() + "…"


def _prefer_selection(
    candidates: list[Candidate], judgement: Judgement, understanding: Understanding
) -> tuple[list[Candidate], Judgement]:
    """Put the selected text first where the question is about it."""
    own = [one for one in candidates if one.passage.id == SELECTION_ID]
    if not own:
        return candidates, judgement
    points_at_it = is_follow_up(understanding.text, understanding.language)
    if own[0].coverage < _ABOUT_SELECTION:
        if not points_at_it:
            return candidates, judgement
        # "What does this mean?" has no word of its own: the selection from its start.
        own.sort(key=lambda one: one.position)
    others = [one for one in candidates if one.passage.id != SELECTION_ID]
    confidence = max(judgement.confidence, _SELECTION_CONFIDENCE)
    return own + others, Judgement("answer", confidence)


def _build_answer(context: TurnContext, draft: Draft, *, language: str) -> Answer:
    stages = {name: round(spent, 4) for name, spent in context.stages.items()}
    stages["total"] = round(time.monotonic() - context.started, 4)
    return Answer(
        text=draft.text,
        citations=draft.citations if draft.answered else (),
        answered=draft.answered,
        confidence=round(draft.confidence, 4),
        language=language,
        conversation_id=context.turn.conversation_id,
        message_id=draft.message_id or context.turn.message_id,
        degraded=tuple(context.degraded),
        exec_time=stages,
    )
