"""
The same chat as most would build it: FastAPI, stock `ChatOpenAI`, LangGraph.

`bare_app`: a constant retriever and the in-memory saver; no key, no limit, no lock, no
check of citations. `worked_app`: what a careful team adds with standard parts: a key, a
limit and a lock for each conversation in Redis, the SQLite saver, and the product's own
search; still no check of citations.

Settings by environment: `MODEL_URL`, for `worked_app` also `REDIS_URL` and `DATA_DIR`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel
from redis.asyncio import Redis

from bench.model_stub import SENTENCES
from domain.documents import Passage, SearchQuery
from knowledge.search import PassageSearch
from stores.vectors import open_embedded

PROMPT = "Answer from the passages and cite them.\n\n{passages}"
LIMIT_PER_HOUR = 1_000_000


class ChatBody(BaseModel):
    """A question."""

    message: str
    stream: bool = False


class State(TypedDict, total=False):
    """Messages are kept, passages only carried."""

    messages: Annotated[list[AnyMessage], add_messages]
    passages: list[str]


class Retriever:
    """Finds the same passages for every question."""

    async def search(self, question: str) -> list[str]:
        """Return the texts of the passages."""
        return [". ".join(SENTENCES) + "."] if question else []


def build_graph(
    model: ChatOpenAI, retriever: Retriever, saver: BaseCheckpointSaver[Any]
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the two steps everybody writes first."""

    async def retrieve(state: State) -> State:
        question = str(state["messages"][-1].content)
        return {"passages": await retriever.search(question)}

    async def answer(state: State) -> State:
        system = SystemMessage(PROMPT.format(passages="\n\n".join(state["passages"])))
        reply = await model.ainvoke([system, *state["messages"]])
        return {"messages": [AIMessage(reply.content)]}

    graph = StateGraph(State)
    graph.add_node("retrieve", retrieve)
    graph.add_node("answer", answer)
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver)


def _model() -> ChatOpenAI:
    return ChatOpenAI(
        model="stub",
        base_url=os.environ.get("MODEL_URL", "http://127.0.0.1:1/v1"),
        api_key="none",
        streaming=True,
    )


async def _stream(
    graph: CompiledStateGraph[Any, Any, Any, Any], body: ChatBody, thread: str
) -> AsyncIterator[str]:
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    state = {"messages": [HumanMessage(body.message)]}
    text = ""
    pieces: AsyncIterator[Any] = graph.astream(state, config, stream_mode="messages")
    async for piece in pieces:
        delta = getattr(piece[0], "content", "")
        if delta:
            text += str(delta)
            data = json.dumps({"delta": delta})
            yield f"event: answer.delta\ndata: {data}\n\n"
    yield f"event: answer.completed\ndata: {json.dumps({'answer': text})}\n\n"


async def _whole(
    graph: CompiledStateGraph[Any, Any, Any, Any], body: ChatBody, thread: str
) -> dict[str, str]:
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    found = await graph.ainvoke({"messages": [HumanMessage(body.message)]}, config)
    return {"answer": str(found["messages"][-1].content)}


def make_bare_app() -> FastAPI:
    """Return the chat with nothing around it."""
    app = FastAPI()
    graph = build_graph(_model(), Retriever(), InMemorySaver())

    @app.get("/health")
    async def health() -> int:
        return os.getpid()

    @app.post("/v1/chat")
    async def chat(body: ChatBody, x_conversation_id: Annotated[str, Header()]) -> Any:
        if body.stream:
            return StreamingResponse(
                _stream(graph, body, x_conversation_id),
                media_type="text/event-stream",
            )
        return await _whole(graph, body, x_conversation_id)

    return app


class SearchedPassages(Retriever):
    """The product's own search over one document."""

    def __init__(self, folder: Path) -> None:
        self._store = open_embedded(folder, collection="reference")
        self._search = PassageSearch(self._store)

    def open(self) -> None:
        """Open the store and put the document in."""
        self._store.open()
        text = ". ".join(SENTENCES) + "."
        self._store.add([_passage(text)])

    async def search(self, question: str) -> list[str]:
        """Return the texts of the passages found."""
        query = SearchQuery(
            tenant="reference", text=question, alternatives=(), language="en", limit=5
        )
        return [one.text for one in (await self._search.search(query)).passages]


def _passage(text: str) -> Passage:
    return Passage(
        id="5f0c7a9b-e1d2-4c6f-a3b1-d0e8c94f7726",
        document_id="doc_reference",
        tenant="reference",
        ordinal=0,
        text=text,
        title="Library",
        file="library.txt",
        language="en",
        end=len(text),
    )


class Worked:
    """What a careful team puts around the turn, from standard parts."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._digest = hashlib.sha256(key.encode()).digest()

    async def admit(self, key: str) -> None:
        """Check the key and count the request."""
        asked = hashlib.sha256(key.encode()).digest()
        if not hmac.compare_digest(asked, self._digest):
            raise HTTPException(401)
        window = f"limit:{int(time.time() // 3600)}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.incr(window)
            pipe.expire(window, 3600)
            count, _ = await pipe.execute()
        if count > LIMIT_PER_HOUR:
            raise HTTPException(429)

    def turn(self, conversation: str) -> contextlib.AbstractAsyncContextManager[Any]:
        """Wait for the conversation."""
        return self._redis.lock(f"lock:{conversation}", timeout=60, sleep=0.01)


def make_worked_app() -> FastAPI:
    """Return the chat with key, limit, lock, store and search."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415

    folder = Path(os.environ.get("DATA_DIR", ".data")) / "reference"
    parts: dict[str, Any] = {}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        folder.mkdir(parents=True, exist_ok=True)
        retriever = SearchedPassages(folder / "vectors")
        await asyncio.to_thread(retriever.open)
        redis = Redis.from_url(os.environ["REDIS_URL"])
        saver_file = str(folder / "checkpoints.sqlite")
        async with AsyncSqliteSaver.from_conn_string(saver_file) as saver:
            parts["graph"] = build_graph(_model(), retriever, saver)
            parts["worked"] = Worked(redis, os.environ["API_KEY"])
            yield
        await redis.aclose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health() -> int:
        return os.getpid()

    @app.post("/v1/chat")
    async def chat(
        body: ChatBody,
        x_conversation_id: Annotated[str, Header()],
        x_api_key: Annotated[str, Header()],
    ) -> Any:
        worked: Worked = parts["worked"]
        await worked.admit(x_api_key)
        if body.stream:

            async def events() -> AsyncIterator[str]:
                async with worked.turn(x_conversation_id):
                    async for event in _stream(parts["graph"], body, x_conversation_id):
                        yield event

            return StreamingResponse(events(), media_type="text/event-stream")
        async with worked.turn(x_conversation_id):
            return await _whole(parts["graph"], body, x_conversation_id)

    return app
