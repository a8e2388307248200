"""What comes in and what goes out of `/v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from api.openai import examples
from api.openai.fields import (
    OneChoice,
    PlainText,
    TextContent,
    TextModalities,
    ToolChoice,
    content_schema,
)
from api.openai.models import CHAT
from api.v1.fields import Characters, Incoming, Outgoing
from api.v1.schemas import ChatAnswer
from utils.validation import trim

Role = Literal["user", "assistant", "system", "developer", "tool", "function"]


def _describe_message(schema: dict[str, Any]) -> None:
    others = [role for role in get_args(Role) if role != "user"]
    kinds = [
        ({"const": "user"}, ["role", "content"], False),
        ({"enum": others}, ["role"], True),
    ]
    schema["anyOf"] = [
        {
            "properties": {
                "role": role,
                "content": content_schema(may_be_empty=may_be_empty),
            },
            "required": required,
        }
        for role, required, may_be_empty in kinds
    ]
    del schema["properties"], schema["required"]


class ChatMessage(Incoming):
    """
    What somebody said.

    The last message of the user is the question; earlier ones, and those of the
    assistant, are its history. Other roles are ignored.
    """

    model_config = ConfigDict(json_schema_extra=_describe_message)

    role: Role
    content: TextContent = Field("", validate_default=True)

    @field_validator("content")
    @classmethod
    def _let_users_say_something(cls, content: str, info: ValidationInfo) -> str:
        if info.data.get("role") != "user":
            return content
        trimmed = trim(content)
        if not trimmed:
            raise ValueError("must not be empty")
        return trimmed


class StreamOptions(Incoming):
    """How a stream is told."""

    include_usage: bool | None = Field(
        None, description="A last chunk with the estimate of the tokens."
    )


class CompletionRequest(Incoming):
    """
    A conversation whose last user message is the question.

    Every other field of OpenAI's (`temperature`, `max_tokens`, `tools`, ...) is taken
    and has no effect.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [examples.COMPLETION_REQUEST]}
    )

    model: Annotated[
        str, Field(description="As listed.", json_schema_extra={"enum": [CHAT]})
    ]
    messages: Annotated[
        list[ChatMessage],
        Field(
            min_length=1,
            description="The whole conversation, oldest first.",
            json_schema_extra={
                "contains": {
                    "type": "object",
                    "properties": {"role": {"const": "user"}},
                    "required": ["role"],
                }
            },
        ),
    ]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Characters(320)] | None = Field(
        None, description="Who asks, as the client calls them; quoted data."
    )
    n: OneChoice = None
    tool_choice: ToolChoice = None
    response_format: PlainText = None
    modalities: TextModalities = None


class URLCitation(Outgoing):
    """Where a `[1]` of the text is, in characters, and what it points at."""

    start_index: Annotated[int, Field(ge=0)]
    end_index: Annotated[int, Field(ge=1)]
    title: str
    url: str = Field(description="The document's URL, else its file name and page.")


class Annotation(Outgoing):
    """One mark of the text."""

    type: Literal["url_citation"]
    url_citation: URLCitation


class AnswerMessage(Outgoing):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: str | None
    annotations: list[Annotation]


class Choice(Outgoing):
    """The one answer."""

    index: Literal[0]
    message: AnswerMessage
    finish_reason: Literal["stop"]
    logprobs: None


class Usage(Outgoing):
    """An estimate, four characters a token; nothing is measured by it."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Outgoing):
    """The whole result; `tanya` is what `/v1/chat` answers."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    tanya: ChatAnswer


class ChunkDelta(Outgoing):
    """What a chunk adds."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    annotations: list[Annotation] | None = None


class ChunkChoice(Outgoing):
    """The one answer, as it grows."""

    index: Literal[0]
    delta: ChunkDelta
    finish_reason: Literal["stop"] | None
    logprobs: None


class CompletionChunk(Outgoing):
    """The data of one event; `[DONE]` ends the stream."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    tanya: ChatAnswer | None = None


class StreamLine(Outgoing):
    """One event of a stream; `data` is the text of a JSON object."""

    data: str
