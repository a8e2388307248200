"""
Every error a caller may see.

    AppError
    |-- BadRequest                  400 bad_request
    |   |-- InvalidConversationID   400 conversation_id_invalid
    |   |-- MalformedBody           400 body_malformed
    |   |-- AudioUnreadable         400 audio_unreadable
    |   `-- VisitorSessionRequired  400 visitor_session_required
    |-- ValidationFailed            422 validation_failed
    |   |-- AudioTooLong            422 audio_too_long
    |   `-- NoSpeech                422 no_speech
    |-- NotAuthenticated            401 not_authenticated
    |-- Forbidden                   403 forbidden
    |-- NotFound                    404 not_found
    |   |-- ConversationNotFound    404 conversation_not_found
    |   |-- DocumentNotFound        404 document_not_found
    |   |-- MessageNotFound         404 message_not_found
    |   `-- ModelNotFound           404 model_not_found
    |-- MethodNotAllowed            405 method_not_allowed
    |-- NotAcceptable               406 not_acceptable
    |-- RequestTimeout              408 request_timeout
    |-- Conflict                    409 conflict
    |   |-- ConversationBusy        409 conversation_busy
    |   `-- TurnStillRunning        409 turn_still_running
    |-- Gone                        410 gone
    |   |-- VisitorSessionEnded     410 visitor_session_ended
    |   `-- LinkUsed                410 link_used
    |-- IdempotencyKeyReused        422 idempotency_key_reused
    |-- PayloadTooLarge             413 payload_too_large
    |   `-- AudioTooLarge           413 audio_too_large
    |-- UnsupportedMediaType        415 media_type_unsupported
    |   |-- DocumentTypeUnsupported 415 document_type_unsupported
    |   `-- AudioTypeUnsupported    415 audio_type_unsupported
    |-- HeadersTooLarge             431 headers_too_large
    |-- RateLimited                 429 rate_limited
    |-- Unavailable                 503 unavailable
    |   |-- Overloaded              503 overloaded
    |   |-- ServerRestarting        503 server_restarting
    |   |-- StateUnavailable        503 state_unavailable
    |   |   |-- StateCorrupt        503 state_corrupt
    |   |   `-- StateFull           503 state_full
    |   |-- RetrievalUnavailable    503 retrieval_unavailable
    |   |-- StoreUnavailable        503 store_unavailable
    |   |   `-- StoreBusy           503 store_busy
    |   |-- UploadStorageFull       503 upload_storage
    |   |-- SpeechEngineUnavailable 503 speech_engine_unavailable
    |   |-- LinksUnavailable        503 links_unavailable
    |   |-- UpstreamBusy            503 upstream_busy
    |   `-- UpstreamQuotaExhausted  503 upstream_quota
    |-- UpstreamError               502 upstream_error
    |   |-- RecognitionFailed       502 stt_failed
    |   |-- SynthesisFailed         502 tts_failed
    |   |-- EmotionFailed           502 emotion_failed
    |   `-- UpstreamBadResponse     502 upstream_bad_response
    |-- TurnTimeout                 504 turn_timeout
    |-- LeaseLost                   409 turn_superseded
    |-- ConfigurationError          500 configuration_invalid (at start only)
    `-- InternalError               500 internal_error
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field of a request and what is wrong with it."""

    field: str
    reason: str


class AppError(Exception):
    """
    The root: a sentence for people, a code for programs.

    Args:
        detail: One sentence that is safe to show: no path, host, secret, user text.
        retry_after_seconds: When the same request may be tried again.
        problems: Fields that were refused, for validation errors.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after_seconds: float | None = None,
        problems: tuple[FieldProblem, ...] = (),
    ) -> None:
        self.detail = detail or (type(self).__doc__ or self.title).strip()
        self.retry_after_seconds = retry_after_seconds
        self.problems = problems
        super().__init__(self.detail)


class BadRequest(AppError):
    """The request cannot be understood."""

    code, status, title = "bad_request", 400, "Bad request"


class InvalidConversationID(BadRequest):
    """X-Conversation-Id is required: 1 to 128 letters, digits, '.', '_' or '-'."""

    code, title = "conversation_id_invalid", "Conversation id is invalid"


class MalformedBody(BadRequest):
    """The body is not what its content type says."""

    code, title = "body_malformed", "Body is malformed"


class AudioUnreadable(BadRequest):
    """The audio cannot be decoded."""

    code, title = "audio_unreadable", "Audio is unreadable"


class VisitorSessionRequired(BadRequest):
    """A device speaks for a visitor: X-Kiosk-Session is required."""

    code, title = "visitor_session_required", "Visitor session is required"


class ValidationFailed(AppError):
    """Some fields of the request are not acceptable."""

    code, status, title = "validation_failed", 422, "Validation failed"


class AudioTooLong(ValidationFailed):
    """The audio lasts longer than this service listens."""

    code, title = "audio_too_long", "Audio is too long"


class NoSpeech(ValidationFailed):
    """Nobody speaks in the audio."""

    code, title = "no_speech", "No speech"


class NotAuthenticated(AppError):
    """A valid API key is required."""

    code, status, title = "not_authenticated", 401, "Not authenticated"


class Forbidden(AppError):
    """This caller may not do that."""

    code, status, title = "forbidden", 403, "Forbidden"


class NotFound(AppError):
    """There is nothing here."""

    code, status, title = "not_found", 404, "Not found"


class ConversationNotFound(NotFound):
    """There is no such conversation."""

    code, title = "conversation_not_found", "Conversation not found"


class DocumentNotFound(NotFound):
    """There is no such document."""

    code, title = "document_not_found", "Document not found"


class MessageNotFound(NotFound):
    """There is no such message in this conversation."""

    code, title = "message_not_found", "Message not found"


class ModelNotFound(NotFound):
    """There is no such model; `GET /v1/models` lists them."""

    code, title = "model_not_found", "Model not found"


class MethodNotAllowed(AppError):
    """This resource does not answer to that method."""

    code, status, title = "method_not_allowed", 405, "Method not allowed"


class NotAcceptable(AppError):
    """No representation fits the Accept header."""

    code, status, title = "not_acceptable", 406, "Not acceptable"


class RequestTimeout(AppError):
    """The request did not arrive in time."""

    code, status, title, retryable = "request_timeout", 408, "Request timeout", True


class Conflict(AppError):
    """The request does not fit the present state."""

    code, status, title = "conflict", 409, "Conflict"


class ConversationBusy(Conflict):
    """Another turn of this conversation is running."""

    code, title, retryable = "conversation_busy", "Conversation is busy", True


class TurnStillRunning(Conflict):
    """The turn of this Idempotency-Key is still running."""

    code, title, retryable = "turn_still_running", "Turn is still running", True


class LeaseLost(Conflict):
    """A newer turn of this conversation took over; this answer was not stored."""

    code, title, retryable = "turn_superseded", "Turn was superseded", True


class Gone(AppError):
    """This is over and does not come back."""

    code, status, title = "gone", 410, "Gone"


class VisitorSessionEnded(Gone):
    """The visitor's session has ended; the next one begins anew."""

    code, title = "visitor_session_ended", "Visitor session has ended"


class LinkUsed(Gone):
    """This link was opened before, or it is too old."""

    code, title = "link_used", "Link was used"


class IdempotencyKeyReused(AppError):
    """This Idempotency-Key belongs to a request with another body."""

    code, status, title = "idempotency_key_reused", 422, "Idempotency key reused"


class PayloadTooLarge(AppError):
    """The body is larger than this route accepts."""

    code, status, title = "payload_too_large", 413, "Payload too large"


class AudioTooLarge(PayloadTooLarge):
    """The audio has more bytes than this service takes."""

    code, title = "audio_too_large", "Audio is too large"


class UnsupportedMediaType(AppError):
    """This route does not read that content type."""

    code, status, title = "media_type_unsupported", 415, "Unsupported media type"


class DocumentTypeUnsupported(UnsupportedMediaType):
    """Documents are PDF, DOCX, HTML, Markdown, TXT, CSV, XLSX or PPTX."""

    code, title = "document_type_unsupported", "Document type unsupported"


class HeadersTooLarge(AppError):
    """The request headers are too large."""

    code, status, title = "headers_too_large", 431, "Request headers too large"


class AudioTypeUnsupported(UnsupportedMediaType):
    """Audio is WAV, MP3, M4A, AAC, OGG, WebM, FLAC, AMR, AIFF, CAF or MP4."""

    code, title = "audio_type_unsupported", "Audio type unsupported"


class RateLimited(AppError):
    """Too many requests; wait before the next one."""

    code, status, title, retryable = "rate_limited", 429, "Too many requests", True


class Unavailable(AppError):
    """A part of the service is away for the moment."""

    code, status, title, retryable = "unavailable", 503, "Unavailable", True


class Overloaded(Unavailable):
    """The service is at its limit; try again shortly."""

    code, title = "overloaded", "Overloaded"


class ServerRestarting(Unavailable):
    """This server is going away; the same request will work on the next one."""

    code, title = "server_restarting", "Server is restarting"


class StateUnavailable(Unavailable):
    """The conversation store cannot be reached."""

    code, title = "state_unavailable", "State is unavailable"


class StateCorrupt(StateUnavailable):
    """The stored conversation is damaged; it was set aside."""

    code, title = "state_corrupt", "State is corrupt"


class StateFull(StateUnavailable):
    """The conversation store is full."""

    code, title = "state_full", "State is full"


class RetrievalUnavailable(Unavailable):
    """The document store cannot be reached."""

    code, title = "retrieval_unavailable", "Retrieval is unavailable"


class StoreUnavailable(Unavailable):
    """The database cannot be reached."""

    code, title = "store_unavailable", "Store is unavailable"


class StoreBusy(StoreUnavailable):
    """The database stayed locked by another writer."""

    code, title = "store_busy", "Store is busy"


class UploadStorageFull(Unavailable):
    """There is no room for uploads at the moment."""

    code, title = "upload_storage", "Upload storage is full"


class SpeechEngineUnavailable(Unavailable):
    """A speech engine is missing or did not answer in time."""

    code, title = "speech_engine_unavailable", "Speech engine is unavailable"


class LinksUnavailable(Unavailable):
    """PUBLIC_URL is not set, so no phone could find this service."""

    code, title, retryable = "links_unavailable", "Links are unavailable", False


class UpstreamBusy(Unavailable):
    """The model is busy; try again shortly."""

    code, title = "upstream_busy", "Model is busy"


class UpstreamQuotaExhausted(Unavailable):
    """The budget of the model is used up."""

    code, title, retryable = "upstream_quota", "Model budget is used up", False


class UpstreamError(AppError):
    """The model could not answer."""

    code, status, title, retryable = "upstream_error", 502, "Model failed", True


class RecognitionFailed(UpstreamError):
    """The speech could not be recognised; nothing was stored."""

    code, title = "stt_failed", "Recognition failed"


class SynthesisFailed(UpstreamError):
    """The answer could not be spoken."""

    code, title = "tts_failed", "Speech failed"


class EmotionFailed(UpstreamError):
    """The emotion of the speaker could not be read."""

    code, title = "emotion_failed", "Emotion failed"


class UpstreamBadResponse(UpstreamError):
    """The model's answer could not be read."""

    code, title = "upstream_bad_response", "Model answered badly"


class TurnTimeout(AppError):
    """The turn took longer than its budget."""

    code, status, title, retryable = "turn_timeout", 504, "Turn timed out", True


class ConfigurationError(AppError):
    """A setting is missing or wrong."""

    code, title = "configuration_invalid", "Configuration is invalid"


class InternalError(AppError):
    """Something went wrong on our side."""

    code, title, retryable = "internal_error", "Internal error", True
