"""Every word of the web chat, in Indonesian and in English."""

from __future__ import annotations

from dataclasses import dataclass

from ui.client import Problem

LANGUAGES = {"id": "Indonesia", "en": "English"}


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language; `{}` takes what changes."""

    tagline: str
    language: str
    view: str
    view_chat: str
    view_documents: str
    new_conversation: str
    conversations: str
    no_conversations: str
    more: str
    refresh: str
    actions: str
    rename: str
    rename_label: str
    save: str
    delete: str
    delete_confirm: str
    conversation_id: str
    conversation_id_help: str
    open_id: str
    open_id_invalid: str
    ask_placeholder: str
    welcome: str
    welcome_hint: str
    welcome_empty: str
    examples: str
    example_question: str
    searching: str
    writing: str
    sources: str
    page: str
    not_supported: str
    refused: str
    helpful: str
    feedback_thanks: str
    stopped: str
    ask_again: str
    degraded_answer: str
    upload: str
    upload_help: str
    upload_done: str
    upload_known: str
    upload_failed: str
    upload_waiting: str
    documents: str
    no_documents: str
    passages: str
    superseded: str
    delete_document_confirm: str
    document_status: dict[str, str]
    key_missing: str
    key_label: str
    key_use: str
    service_ok: str
    service_degraded: str
    service_away: str
    state_names: dict[str, str]
    component_names: dict[str, str]
    component_states: dict[str, str]
    degraded_names: dict[str, str]
    wait_seconds: str
    wait_minutes: str
    reference: str
    problems: dict[str, str]
    problem_unknown: str
    too_long: str


INDONESIAN = Texts(
    tagline="Jawaban dari dokumen Anda sendiri, lengkap dengan sumbernya.",
    language="Bahasa",
    view="Tampilan",
    view_chat="Percakapan",
    view_documents="Dokumen",
    new_conversation="Percakapan baru",
    conversations="Percakapan",
    no_conversations="Belum ada percakapan.",
    more="Tampilkan lagi",
    refresh="Muat ulang",
    actions="Tindakan untuk {}",
    rename="Ganti nama",
    rename_label="Nama percakapan",
    save="Simpan",
    delete="Hapus",
    delete_confirm="Hapus percakapan ini untuk selamanya?",
    conversation_id="ID percakapan",
    conversation_id_help=(
        "Program yang memakai ID ini di X-Conversation-Id meneruskan percakapan"
        " yang sama."
    ),
    open_id="Buka ID lain",
    open_id_invalid="Gunakan 1 sampai 128 huruf, angka, titik, '_' atau '-'.",
    ask_placeholder="Tulis pertanyaan Anda",
    welcome="Apa yang ingin Anda tanyakan?",
    welcome_hint="Jawaban dikutip dari {} dokumen, dan selalu menyebut sumbernya.",
    welcome_empty=(
        "Belum ada dokumen. Unggah dokumen lebih dulu agar ada yang bisa dijawab."
    ),
    examples="Contoh pertanyaan",
    example_question="Apa isi dokumen {}?",
    searching="Mencari di dokumen …",
    writing="{} bagian dokumen ditemukan, menulis jawaban …",
    sources="Sumber ({})",
    page="halaman {}",
    not_supported="Kutipan ini tidak sepenuhnya mendukung kalimatnya.",
    refused="Tidak ditemukan dalam dokumen",
    helpful="Apakah jawaban ini membantu?",
    feedback_thanks="Terima kasih atas penilaian Anda.",
    stopped="Dihentikan sebelum selesai. Jawaban ini tidak disimpan.",
    ask_again="Tanyakan lagi",
    degraded_answer="Dijawab tanpa: {}.",
    upload="Unggah dokumen",
    upload_help="PDF, DOCX, HTML, Markdown, TXT, CSV, XLSX atau PPTX, paling besar 50 MB.",
    upload_done="{} siap ditanyakan.",
    upload_known="{} sudah ada.",
    upload_failed="{} tidak dapat dibaca. {}",
    upload_waiting="{} masih diproses; lihat statusnya di daftar.",
    documents="Dokumen ({})",
    no_documents="Belum ada dokumen.",
    passages="{} bagian",
    superseded="sudah digantikan",
    delete_document_confirm="Hapus dokumen ini? Jawaban tidak akan memakainya lagi.",
    document_status={
        "queued": "menunggu",
        "parsing": "dibaca",
        "embedding": "diindeks",
        "ready": "siap",
        "failed": "gagal",
    },
    key_missing=(
        "Kunci API belum diketahui. Isi di sini untuk sesi ini, atau atur API_KEY"
        " sebelum halaman ini dijalankan."
    ),
    key_label="Kunci API",
    key_use="Pakai kunci ini",
    service_ok="Layanan berjalan baik.",
    service_degraded="Layanan berjalan sebagian.",
    service_away="Layanan tidak dapat dihubungi.",
    state_names={
        "ok": "Percakapan disimpan di Redis.",
        "embedded": "Percakapan disimpan di Redis bawaan.",
        "file": "Redis tidak ada: percakapan disimpan dalam berkas untuk sementara.",
        "unavailable": "Penyimpanan percakapan tidak dapat dihubungi.",
    },
    component_names={
        "qdrant": "Pencarian dokumen",
        "database": "Basis data",
        "model": "Model bahasa",
        "speech_to_text": "Pengenalan suara",
        "text_to_speech": "Suara jawaban",
    },
    component_states={
        "degraded": "terganggu",
        "unavailable": "tidak dapat dihubungi",
    },
    degraded_names={
        "state": "penyimpanan percakapan utama",
        "retrieval": "sebagian pencarian",
        "dense": "pencarian makna",
        "model": "model bahasa",
    },
    wait_seconds="Coba lagi dalam {} detik.",
    wait_minutes="Coba lagi dalam {} menit.",
    reference="Kode untuk petugas: {}",
    problems={
        "service_unreachable": "Layanan tidak dapat dihubungi. Apakah sudah berjalan?",
        "service_slow": "Layanan tidak menjawab tepat waktu.",
        "stream_broken": "Sambungan terputus sebelum jawaban selesai.",
        "reply_unreadable": "Jawaban layanan tidak dapat dibaca.",
        "not_authenticated": "Kunci API tidak diterima.",
        "rate_limited": (
            "Jatah permintaan kunci ini habis (RATE_LIMIT_PER_HOUR mengaturnya)."
        ),
        "conversation_busy": "Pertanyaan lain di percakapan ini masih dijawab.",
        "conversation_id_invalid": "ID percakapan tidak sah.",
        "conversation_not_found": "Percakapan ini tidak ada lagi.",
        "message_not_found": "Jawaban ini tidak ada lagi.",
        "document_not_found": "Dokumen ini tidak ada lagi.",
        "document_type_unsupported": "Jenis berkas ini tidak didukung.",
        "payload_too_large": "Berkas atau teks terlalu besar.",
        "validation_failed": "Sebagian isian tidak dapat diterima.",
        "turn_still_running": "Pertanyaan ini masih dijawab.",
        "turn_superseded": "Pertanyaan yang lebih baru mengambil alih.",
        "turn_timeout": "Jawaban memakan waktu terlalu lama.",
        "state_unavailable": "Penyimpanan percakapan tidak dapat dihubungi.",
        "state_corrupt": "Percakapan ini rusak dan disisihkan.",
        "state_full": "Penyimpanan percakapan penuh.",
        "retrieval_unavailable": "Pencarian dokumen tidak dapat dihubungi.",
        "store_unavailable": "Basis data tidak dapat dihubungi.",
        "upload_storage": "Tidak ada tempat untuk unggahan saat ini.",
        "upstream_busy": "Model bahasa sedang sibuk.",
        "upstream_quota": "Anggaran model bahasa habis.",
        "upstream_error": "Model bahasa gagal menjawab.",
        "upstream_bad_response": "Jawaban model bahasa tidak dapat dibaca.",
        "overloaded": "Layanan sedang penuh.",
        "server_restarting": "Layanan sedang dimulai ulang.",
        "internal_error": "Ada yang salah di pihak kami.",
    },
    problem_unknown="Permintaan gagal.",
    too_long="Pertanyaan paling panjang {} huruf.",
)

ENGLISH = Texts(
    tagline="Answers from your own documents, with their sources.",
    language="Language",
    view="View",
    view_chat="Chat",
    view_documents="Documents",
    new_conversation="New conversation",
    conversations="Conversations",
    no_conversations="No conversations yet.",
    more="Show more",
    refresh="Reload",
    actions="Actions for {}",
    rename="Rename",
    rename_label="Name of the conversation",
    save="Save",
    delete="Delete",
    delete_confirm="Delete this conversation for good?",
    conversation_id="Conversation ID",
    conversation_id_help=(
        "A program that sends this ID in X-Conversation-Id continues the same"
        " conversation."
    ),
    open_id="Open another ID",
    open_id_invalid="Use 1 to 128 letters, digits, dots, '_' or '-'.",
    ask_placeholder="Write your question",
    welcome="What would you like to know?",
    welcome_hint="Answers are quoted from {} documents and always name their source.",
    welcome_empty=(
        "There are no documents yet. Upload some first, so that there is something"
        " to answer from."
    ),
    examples="Questions to start with",
    example_question="What does the document {} say?",
    searching="Searching the documents …",
    writing="{} passages found, writing the answer …",
    sources="Sources ({})",
    page="page {}",
    not_supported="This quote does not fully support its sentence.",
    refused="Not found in the documents",
    helpful="Was this answer helpful?",
    feedback_thanks="Thank you for your opinion.",
    stopped="Stopped before it was complete. This answer was not stored.",
    ask_again="Ask again",
    degraded_answer="Answered without: {}.",
    upload="Upload documents",
    upload_help="PDF, DOCX, HTML, Markdown, TXT, CSV, XLSX or PPTX, 50 MB at most.",
    upload_done="{} is ready for questions.",
    upload_known="{} was already there.",
    upload_failed="{} could not be read. {}",
    upload_waiting="{} is still being processed; its status is in the list.",
    documents="Documents ({})",
    no_documents="No documents yet.",
    passages="{} passages",
    superseded="superseded",
    delete_document_confirm="Delete this document? Answers will no longer use it.",
    document_status={
        "queued": "waiting",
        "parsing": "being read",
        "embedding": "being indexed",
        "ready": "ready",
        "failed": "failed",
    },
    key_missing=(
        "The API key is not known. Enter it here for this session, or set API_KEY"
        " before this page is started."
    ),
    key_label="API key",
    key_use="Use this key",
    service_ok="The service is well.",
    service_degraded="The service runs in part.",
    service_away="The service cannot be reached.",
    state_names={
        "ok": "Conversations are kept in Redis.",
        "embedded": "Conversations are kept in the embedded Redis.",
        "file": "Redis is away: conversations are kept in a file for now.",
        "unavailable": "The conversation store cannot be reached.",
    },
    component_names={
        "qdrant": "Document search",
        "database": "Database",
        "model": "Language model",
        "speech_to_text": "Speech recognition",
        "text_to_speech": "Spoken answers",
    },
    component_states={
        "degraded": "disturbed",
        "unavailable": "cannot be reached",
    },
    degraded_names={
        "state": "the main conversation store",
        "retrieval": "a part of the search",
        "dense": "search by meaning",
        "model": "the language model",
    },
    wait_seconds="Try again in {} seconds.",
    wait_minutes="Try again in {} minutes.",
    reference="Code for the operator: {}",
    problems={
        "service_unreachable": "The service cannot be reached. Is it running?",
        "service_slow": "The service did not answer in time.",
        "stream_broken": "The connection broke before the answer was complete.",
        "reply_unreadable": "The reply of the service could not be read.",
        "not_authenticated": "The API key was not accepted.",
        "rate_limited": (
            "This key has used up its requests (RATE_LIMIT_PER_HOUR sets how many)."
        ),
        "conversation_busy": "Another question of this conversation is being answered.",
        "conversation_id_invalid": "The conversation ID is not valid.",
        "conversation_not_found": "This conversation no longer exists.",
        "message_not_found": "This answer no longer exists.",
        "document_not_found": "This document no longer exists.",
        "document_type_unsupported": "This type of file is not supported.",
        "payload_too_large": "The file or text is too large.",
        "validation_failed": "Some of the input is not acceptable.",
        "turn_still_running": "This question is still being answered.",
        "turn_superseded": "A newer question took over.",
        "turn_timeout": "The answer took too long.",
        "state_unavailable": "The conversation store cannot be reached.",
        "state_corrupt": "This conversation is damaged and was set aside.",
        "state_full": "The conversation store is full.",
        "retrieval_unavailable": "The document search cannot be reached.",
        "store_unavailable": "The database cannot be reached.",
        "upload_storage": "There is no room for uploads at the moment.",
        "upstream_busy": "The language model is busy.",
        "upstream_quota": "The budget of the language model is used up.",
        "upstream_error": "The language model could not answer.",
        "upstream_bad_response": "The language model's answer could not be read.",
        "overloaded": "The service is at its limit.",
        "server_restarting": "The service is restarting.",
        "internal_error": "Something went wrong on our side.",
    },
    problem_unknown="The request failed.",
    too_long="A question has at most {} characters.",
)

TEXTS = {"id": INDONESIAN, "en": ENGLISH}


def problem_sentence(problem: Problem, texts: Texts) -> str:
    """Return what went wrong, what to do and what to quote, for a reader."""
    parts = [texts.problems.get(problem.code) or problem.detail]
    parts[0] = parts[0] or texts.problem_unknown
    if wait := problem.retry_after_seconds:
        parts.append(
            texts.wait_seconds.format(wait)
            if wait <= 90
            else texts.wait_minutes.format(-(-wait // 60))
        )
    if problem.status >= 500 and problem.request_id:
        parts.append(texts.reference.format(problem.request_id))
    return " ".join(parts)
