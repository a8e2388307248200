"""Headers of requests that start a turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.routes import Parameters
from api.v1.schemas import ConversationID
from domain.errors import AppError, BadRequest, InvalidConversationID
from utils.validation import is_idempotency_key

_CONVERSATION, _KEY = "X-Conversation-Id", "Idempotency-Key"


def _check_key(key: str) -> str:
    if not is_idempotency_key(key):
        raise ValueError("must be 1 to 255 visible ASCII characters")
    return key


def _hide_key(schema: dict[str, Any]) -> None:
    # A tool that makes up values sends one key with several bodies and is refused,
    # rightly; the key is told in the description of the operation instead.
    del schema["properties"][_KEY]
    schema["required"] = [_CONVERSATION]


class _TurnHeaders(Parameters):
    model_config = ConfigDict(json_schema_extra=_hide_key)
    refusals: ClassVar[Mapping[str, type[AppError]]] = {
        _CONVERSATION: InvalidConversationID,
        _KEY: BadRequest,
    }

    idempotency_key: Annotated[str, AfterValidator(_check_key)] | None = Field(
        None, alias=_KEY
    )


class ChatHeaders(_TurnHeaders):
    """Headers of a typed turn."""

    conversation_id: ConversationID = Field(alias=_CONVERSATION)


class VoiceHeaders(_TurnHeaders):
    """Headers of a spoken turn; a device's conversation is that of its visitor."""

    conversation_id: ConversationID | SkipJsonSchema[None] = Field(
        None, alias=_CONVERSATION
    )
