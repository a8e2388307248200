from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage

from domain.conversations import Message
from domain.documents import Citation
from stores.checkpoint_codec import FieldCodec, strict_serializer
from stores.messages import from_langchain, to_langchain

CITATION = Citation(
    index=1,
    document_id="doc_1",
    title="Panduan PMB",
    file="pmb.pdf",
    quote="dibuka 1 Maret",
    score=0.83,
    url=None,
    section="Jadwal",
    page=3,
    supported=False,
    metadata={"week": 2},
)
ANSWER = Message(
    id="msg_1",
    role="assistant",
    text="Dibuka 1 Maret [1].",
    created_at=1_700_000_000.25,
    citations=(CITATION,),
    answered=True,
    language="id",
    confidence=0.83,
    extra={"emotion": {"label": "calm"}, "degraded": ["retrieval"]},
)
QUESTION = Message(id="msg_0", role="user", text="Kapan?", created_at=1.0)


def test_messages_come_back_as_they_were() -> None:
    for message in (ANSWER, QUESTION):
        assert from_langchain(to_langchain(message)) == message


def test_they_also_do_through_the_serializer() -> None:
    codec, serde = FieldCodec(), strict_serializer()

    sealed = codec.dump(serde, b"f", [to_langchain(ANSWER), to_langchain(QUESTION)])
    found = codec.load(serde, b"f", sealed)

    assert [from_langchain(message) for message in found] == [ANSWER, QUESTION]


def test_a_refusal_stays_a_refusal() -> None:
    refusal = Message(
        id="m", role="assistant", text="No.", created_at=1.0, answered=False
    )

    assert from_langchain(to_langchain(refusal)).answered is False


def test_messages_of_others_are_read_without_our_fields() -> None:
    assert from_langchain(AIMessage("hi", id="x")).text == "hi"
    assert from_langchain(HumanMessage("hi")).role == "user"
    odd = AIMessage("hi", additional_kwargs={"tanya": "nonsense"})
    assert from_langchain(odd).citations == ()
    blocks = AIMessage([{"type": "text", "text": "block"}])
    assert from_langchain(blocks).text == "block"


def test_fields_of_a_later_version_are_left_out() -> None:
    message = to_langchain(ANSWER)
    message.additional_kwargs["tanya"]["citations"][0]["invented"] = 1

    assert from_langchain(message) == ANSWER
