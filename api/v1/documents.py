"""`/v1/documents`: files and texts come in, are watched, and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flask import Response, request
from pydantic import Field
from werkzeug.datastructures import FileStorage

from api.context import caller, edge, services
from api.openapi import REF, Responses, empty, errors_of, json_of
from api.routes import Parameters, Routes, json_response, read_json, refuse_encoded
from api.v1 import examples
from api.v1.conversations import PageQuery, foreign_cursor_is_absent
from api.v1.documents_schemas import (
    DocumentAccepted,
    DocumentBody,
    DocumentList,
    TextDocument,
    UploadForm,
)
from domain.documents import Upload
from domain.errors import (
    AppError,
    BadRequest,
    DocumentNotFound,
    DocumentTypeUnsupported,
    FieldProblem,
    MalformedBody,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    StoreBusy,
    StoreUnavailable,
    UnsupportedMediaType,
    UploadStorageFull,
    ValidationFailed,
)
from utils.validation import clean_file_name, trim, validate

MULTIPART = "multipart/form-data"
# Of texts, which have no mark of their own; other formats are known by their content.
TEXT_TYPES = "text/plain, text/markdown, text/html, text/csv"
MAX_PARTS = 16
# Also bounds what the parser holds of a file: two of its reads of 64 kB at least.
MAX_FIELD_BYTES = 256 * 1024


class DocumentPath(Parameters):
    """Which document."""

    refusals: ClassVar[Mapping[str, type[AppError]]] = {"document_id": DocumentNotFound}

    document_id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,128}$",
        json_schema_extra={"example": "doc_5f0c7a9be1d24c6fa3b1d0e8c94f7726"},
    )


def build_routes() -> Routes:
    """Return the blueprint of the documents."""
    routes = Routes(
        "documents",
        tag="Documents",
        about="What answers are made from.",
        models=(DocumentList, DocumentBody, DocumentAccepted, TextDocument, UploadForm),
        url_prefix="/v1/documents",
    )
    one = "/<string:document_id>"
    routes.post(
        "",
        operation_id="add_document",
        summary="Take a document in",
        openapi_extensions={"requestBody": _request_body()},
        responses=_upload_responses(),
    )(add_document)
    routes.get(
        "",
        operation_id="list_documents",
        summary="List documents, newest first",
        responses=_with(
            json_of(
                DocumentList,
                {"items": [examples.DOCUMENT], "next_cursor": None},
                description="A page.",
            ),
            NotFound,
            ValidationFailed,
        ),
    )(list_documents)
    routes.get(
        one,
        operation_id="get_document",
        summary="Read how far a document is",
        responses=_with(
            json_of(DocumentBody, examples.DOCUMENT, description="The document."),
            DocumentNotFound,
        ),
    )(get_document)
    routes.delete(
        one,
        operation_id="remove_document",
        summary="Remove a document and its passages",
        responses={"204": empty("Gone; no later answer uses it.")}
        | errors_of(BadRequest, DocumentNotFound, StoreBusy, StoreUnavailable),
    )(remove_document)
    return routes


def _with(answer: dict[str, Any], *errors: type[AppError]) -> Responses:
    return {"200": answer} | errors_of(BadRequest, StoreBusy, StoreUnavailable, *errors)


async def add_document() -> Response:
    """Take one file or text in; its ingestion goes on after the answer."""
    upload = await edge().blocking.run(_read_upload)
    document, is_new = await edge().blocking.run(
        services().documents.submit, caller().tenant, upload
    )
    body: dict[str, object] = {"document_id": document.id, "status": document.status}
    if not is_new:
        body = DocumentBody.of(document)
    return json_response(
        body,
        status=202 if is_new else 200,
        headers={"Location": f"/v1/documents/{document.id}"},
    )


async def list_documents(query: PageQuery) -> Response:
    """Return a page of the caller's documents."""
    with foreign_cursor_is_absent():
        page = await edge().blocking.run(
            services().documents.list_documents,
            caller().tenant,
            limit=query.limit,
            cursor=query.cursor,
        )
    items = [DocumentBody.of(document) for document in page.items]
    return json_response({"items": items, "next_cursor": page.next_cursor})


async def get_document(path: DocumentPath) -> Response:
    """Return one document."""
    document = await edge().blocking.run(
        services().documents.load_document, caller().tenant, path.document_id
    )
    return json_response(DocumentBody.of(document))


async def remove_document(path: DocumentPath) -> Response:
    """Remove one document and its passages."""
    await edge().blocking.run(
        services().documents.remove_document, caller().tenant, path.document_id
    )
    return Response(status=204)


def _read_upload() -> Upload:
    # In a thread: 50 MB of multipart take longer to split than a token may wait.
    if request.mimetype == "application/json":
        return _read_text()
    if request.mimetype == MULTIPART:
        return _read_file()
    raise UnsupportedMediaType(
        "Content-Type must be multipart/form-data or application/json."
    )


def _read_text() -> Upload:
    body = read_json(TextDocument)
    return Upload(
        content=body.text.encode(),
        file=clean_file_name(body.title.replace("/", "-")) + ".txt",
        media_type="text/plain",
        title=body.title,
        url=body.url,
        language=body.language,
        source=body.source,
    )


def _read_file() -> Upload:
    refuse_encoded()
    if (
        request.content_length
        and request.content_length > edge().options.document_bytes
    ):
        raise PayloadTooLarge
    request.max_form_parts = MAX_PARTS
    request.max_form_memory_size = MAX_FIELD_BYTES
    files, form = request.files, request.form
    repeated = [name for name in ("file", *UploadForm.model_fields) if _count(name) > 1]
    if repeated:
        raise ValidationFailed(
            problems=tuple(FieldProblem(name, "must be sent once") for name in repeated)
        )
    fields = validate(
        UploadForm, {name: text for name, text in form.items() if trim(text)}
    )
    file = files.get("file")
    if file is None:
        raise ValidationFailed(problems=(FieldProblem("file", "is required"),))
    return Upload(
        content=_content(file),
        file=clean_file_name(file.filename or ""),
        media_type=file.mimetype or None,
        title=fields.title,
        url=fields.url,
        language=fields.language,
        source=fields.source,
    )


def _count(name: str) -> int:
    return len(request.files.getlist(name)) + len(request.form.getlist(name))


def _content(file: FileStorage) -> bytes:
    content = file.stream.read()
    if not content:
        raise ValidationFailed(problems=(FieldProblem("file", "must not be empty"),))
    return content


def _request_body() -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {"$ref": REF + UploadForm.__name__},
                "encoding": {"file": {"contentType": TEXT_TYPES}},
            },
            "application/json": {
                "schema": {"$ref": REF + TextDocument.__name__},
                "example": examples.TEXT_DOCUMENT,
            },
        },
    }


def _upload_responses() -> Responses:
    identity = examples.DOCUMENT["document_id"]
    location = {"Location": "Where the document can be watched."}
    return {
        "200": json_of(
            DocumentBody,
            examples.DOCUMENT,
            description="These bytes were there already.",
            headers=location,
        ),
        "202": json_of(
            DocumentAccepted,
            {"document_id": identity, "status": "queued"},
            description="Taken in; ingestion goes on.",
            headers=location,
        ),
    } | errors_of(
        BadRequest,
        MalformedBody,
        RequestTimeout,
        PayloadTooLarge,
        UnsupportedMediaType,
        DocumentTypeUnsupported,
        ValidationFailed,
        UploadStorageFull,
        StoreBusy,
        StoreUnavailable,
    )
