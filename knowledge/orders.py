"""Sentences that give orders to a machine instead of telling a reader something."""

from __future__ import annotations

import re
import unicodedata

from language.sentences import Sentence, split_sentences

# Who is spoken to, when it is a machine.
_MACHINE = (
    r"(?:(?:ai|artificial intelligence|kecerdasan buatan)(?: (?:assistants?|models?|systems?"
    r"|agents?|bots?|language models?|chatbots?))?|llms?|(?:large )?language models?"
    r"|chat ?bots?|chat ?gpt|gpt(?:-?\d\w*)?|claude|gemini|copilot|llama|deepseek|mistral"
    r"|virtual assistants?|digital assistants?|assistant models?|rag systems?"
    r"|(?:asisten|model|sistem|agen|robot|mesin|bot) (?:ai|virtual|digital|bahasa|penjawab"
    r"|kecerdasan buatan|chat)|model bahasa(?: besar)?|asisten ai|robot penjawab)"
)
_RULES = (
    r"(?:instructions?|prompts?|directions?|directives?|commands?|guidelines?|guardrails?"
    r"|programming|training|constraints?|restrictions?|safety (?:rules|measures|filters?)"
    r"|system (?:message|prompt)s?|instruksi(?:mu|nya)?|perintah(?:mu|nya)?|arahan"
    r"|petunjuk|batasan|pedoman|prompt|panduan sistem|aturan)"
)
_DROP = (
    r"(?:ignore|disregard|forget|override|overrule|bypass|discard|neglect|skip|drop|delete"
    r"|erase|do not (?:follow|obey)|don'?t (?:follow|obey)|stop (?:following|obeying)"
    r"|abaikan(?:lah)?|lupakan(?:lah)?|hiraukan|acuhkan|kesampingkan(?:lah)?|langgar(?:lah)?"
    r"|hapus(?:lah)?|buang(?:lah)?|jangan (?:ikuti|patuhi|turuti|hiraukan|pedulikan)"
    r"|tidak usah (?:ikuti|patuhi)|mengabaikan|melupakan|tinggalkan)"
)
_WHICH = (
    r"(?:previous|prior|preceding|above|earlier|foregoing|existing|original|initial|system"
    r"|safety|your|all|any|every|other|sebelumnya|terdahulu|di atas|sebelum ini|semula|awal"
    r"|sistem|semua|seluruh|segala|kamu|anda|asli)"
)
_REPLY = r"(?:answers?|repl(?:y|ies)|responses?|outputs?|jawaban(?:mu)?|balasan(?:mu)?|respons?)"

# Each of these alone is an order to a machine.
_STRONG = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_DROP}\b[^.!?]{{0,40}}\b{_WHICH}\b[^.!?]{{0,40}}\b{_RULES}\b",
        rf"\b{_DROP}\b[^.!?]{{0,40}}\b{_RULES}\b[^.!?]{{0,30}}\b(?:above|before|previously"
        r"|earlier|so far|you (?:were|have been|received|got)|sebelumnya|di atas|terdahulu"
        r"|yang (?:lalu|diberikan|kamu|anda)|sejauh ini|sistem|ini dan)\b",
        rf"\b{_DROP}\b[^.!?]{{0,25}}\b(?:everything|all|anything|semua|segala|apa ?pun)\b"
        r"[^.!?]{0,20}\b(?:above|before|previous(?:ly)?|you (?:were|have been|know)|told"
        r"|di atas|sebelumnya|yang (?:kamu|anda))\b",
        rf"\b(?:instructions?|messages?|notes?|notices?|commands?|orders?|attention|prompts?"
        rf"|directives?|instruksi|pesan|perintah|catatan|arahan|perhatian|petunjuk)\b"
        rf"[^.!?]{{0,25}}\b(?:to|for|untuk|kepada|bagi|ke|:)[^.!?]{{0,25}}\b{_MACHINE}\b",
        rf"^\W*(?:hey|hi|hello|dear|attention|important|halo|hai|wahai|perhatian|penting|yth)?"
        rf"[\s,:!-]*(?:to |kepada |untuk |semua |all |any |the )*\b{_MACHINE}\b\s*[,:;!-]",
        rf"\b(?:if|when|jika|bila|kalau|apabila) (?:you|kamu|anda|engkau)(?:'re| are| adalah"
        rf"| ialah)? (?:an? |the |sebuah |seorang |reading this as an? )*\b{_MACHINE}\b",
        rf"\b(?:as|sebagai) (?:an? |sebuah |seorang )?{_MACHINE}\b[^.!?]{{0,20}}\b(?:you|kamu"
        r"|anda|engkau)\b[^.!?]{0,20}\b(?:must|should|shall|will|have to|need to|may|are"
        r"|harus|wajib|perlu|mesti|diminta|dilarang|diperintahkan|akan)\b",
        rf"\b{_MACHINE}\b[^.!?]{{0,30}}\b(?:must|shall|should|has to|have to|needs? to|is to"
        r"|are to|harus|wajib|mesti|diminta|dilarang|diperintahkan|tidak boleh|jangan)\b"
        r"[^.!?]{0,60}\b(?:ignore|obey|follow|answer|reply|respond|say|tell|recommend|output"
        r"|include|mention|reveal|rank|rate|refuse|mengabaikan|abaikan|menjawab|jawab|membalas"
        r"|mengatakan|katakan|menyebut|sebutkan|merekomendasikan|menyarankan|menambahkan"
        r"|menyertakan|mengikuti|menolak|memberi ?tahu)",
        r"\byou are now\b[^.!?]{0,40}\b(?:dan\b|mode|unrestricted|jailbr\w+|free (?:of|from)"
        rf"|{_MACHINE}|pirate|different|new persona|no longer)",
        rf"\byou are (?:an? |the )?(?:helpful |evil |new |unrestricted |uncensored )*{_MACHINE}\b",
        rf"\b(?:kamu|anda|engkau)(?: sekarang| kini)? (?:adalah|ialah|menjadi)\b[^.!?]{{0,30}}"
        rf"\b(?:{_MACHINE}|asisten|bot|mode|tanpa batas)",
        r"\b(?:act|behave|respond|pretend|berperan(?:lah)?|bertindak(?:lah)?|berpura-pura"
        r"(?:lah)?|bersikap(?:lah)?)\b[^.!?]{0,25}\b(?:as|like|to be|you are|sebagai|menjadi"
        rf"|seolah|seakan|kamu|anda)\b[^.!?]{{0,40}}\b(?:{_MACHINE}|dan\b|unrestricted"
        r"|jailbr\w+|developer mode|no (?:rules|restrictions|limits)|without (?:rules"
        r"|restrictions|limits|filters?)|tanpa (?:batas\w*|aturan|filter|sensor))",
        r"\b(?:developer|god|dan|jailbreak|debug|admin|sudo|unrestricted|pengembang)[ -]?mode\b"
        r"[^.!?]{0,30}\b(?:enabled?|activated?|on|aktif|engaged|now|diaktifkan)\b",
        r"\b(?:enter|enable|activate|switch to|aktifkan|masuk ke|beralih ke)\b[^.!?]{0,20}"
        r"\b(?:developer|god|dan|jailbreak|debug|unrestricted|pengembang)\b[ -]?(?:mode)?"
        r"|\b(?:aktifkan|masuk ke|beralih ke) mode (?:pengembang|dewa|tanpa batas|admin)",
        r"\b(?:reveal|show|print|repeat|output|display|disclose|leak|expose|dump|tell me|write"
        r"|tampilkan|ungkap(?:kan)?|bocorkan|cetak|tuliskan|sebutkan|ulangi|perlihatkan|kirim"
        r"(?:kan)?)\b[^.!?]{0,40}\b(?:system (?:prompt|message|instruction)s?|(?:your|hidden"
        r"|initial|secret) (?:system |initial |hidden )?(?:prompts?|instructions?)|api keys?"
        r"|prompt (?:sistem|rahasia|awal)|instruksi (?:sistem|rahasia|awal|tersembunyi|mu)"
        r"|instruksimu|perintah sistem|kunci api)",
        r"\b(?:new|updated|real|actual|true|hidden|secret|override|baru|sebenarnya|rahasia"
        r"|tersembunyi) (?:system )?(?:instructions?|prompts?|directives?) (?:is|are|:|follow)"
        r"|\b(?:instruksi|perintah|prompt) (?:baru|rahasia|tersembunyi|sebenarnya|sistem)"
        r" ?(?:adalah|ialah|:|berikut|untuk)",
        r"<\|?(?:im_start|im_end|system|endoftext|assistant|user|begin_of_text|eot_id"
        r"|start_header_id)\|?>|\[/?inst\]|<</?sys>>|\[/?system(?: prompt| message)?\]"
        r"|</?(?:system|instructions?|prompt|context|documents?|sources?)>",
        r"^\W*(?:#+ ?)?(?:begin |new |important |end )*system(?: prompt| message| override"
        r"| instruction| notice| command| update)?s? ?(?::|for\b)",
        r"^\W*(?:penting |baru )*(?:pesan|perintah|instruksi|prompt|pemberitahuan) sistem"
        r" ?(?::|untuk\b)",
        r"^\W*(?:#+ ?)(?:instruction|response|assistant|human)s? ?:",
        r"\bprompt injection (?:payload|string|test)\b|\bend of (?:system )?prompt\b",
        r"\b(?:this|ini) (?:overrides?|supersedes?|replaces?|menimpa|menggantikan)\b"
        rf"[^.!?]{{0,30}}\b(?:previous|prior|all|your|other|system|semua|sistem)\b"
        rf"[^.!?]{{0,20}}\b{_RULES}",
        rf"\b(?:append|add|include|insert|prepend|put|end|begin|start|prefix|finish"
        rf"|tambahkan|sertakan|sisipkan|masukkan|akhiri|awali|mulai(?:lah)?|bubuhkan)\b"
        rf"[^.!?]{{0,80}}\b(?:every|each|all (?:of )?your|your|any|setiap|semua|seluruh"
        rf"|tiap)\b[^.!?]{{0,15}}\b{_REPLY}\b(?! (?:sheets?|books?|ujian|keys?))",
        r"\b(?:do not|don'?t|never|jangan|dilarang)(?: pernah)?\b[^.!?]{0,20}\b(?:mention"
        r"|reveal|tell|disclose|acknowledge|show|sebut(?:kan)?|ungkap(?:kan)?|beri ?tahu(?:kan)?"
        r"|tunjukkan|bocorkan|akui)\b[^.!?]{0,30}\b(?:this (?:message|instruction|prompt|note"
        r"|text|command)|these (?:instructions|rules)|(?:your|the) (?:system )?(?:instructions"
        r"|prompt)|(?:pesan|instruksi|perintah|prompt|teks) ini)\b",
    )
)

_TRIGGER = re.compile(
    rf"{_DROP}|{_MACHINE}|system|sistem|prompt|instru|perintah|jawaban|balasan|repl|answer"
    r"|respon|output|pesan|message|you are|kamu|anda|mode|\|>|\[/?inst|<</?sys"
    r"|</?(?:instructions?|context|documents?|sources?)>|###"
)
# Letters of other scripts that look like ours, and digits that stand for letters.
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u0432\u043d\u043a\u043c\u0442"
    "\u03b1\u03b5\u03bf\u03c1\u03c5\u03c7\u03b9\u03ba\u03bd\u03c4",
    "aeopcyxijsdhbhkmtaeopuxikvt",
)
_SPACED = re.compile(r"\b(?:\w[ .\-_*]){3,}\w\b")
_SPACED_WORDS = re.compile(r"[ .\-_*]")
_LEET = str.maketrans("013457@$", "oieastas")
_QUOTED = re.compile(
    '["\u201c\u201e\u00ab\u2018\'][^"\u201d\u00bb\u2019]{5,300}["\u201d\u00bb\u2019\']'
)


def find_orders(text: str) -> tuple[str, ...]:
    """
    Return the sentences of *text*, verbatim, that give orders to a machine.

    English and Indonesian. What follows an order in the same paragraph belongs to it,
    unless the order is only quoted there.
    """
    if not _TRIGGER.search(_plain(text)):
        return ()
    flagged: list[str] = []
    ordered_at: Sentence | None = None
    for sentence in split_sentences(text):
        same_block = (
            ordered_at is not None
            and "\n\n" not in text[ordered_at.end : sentence.start]
        )
        plain = _plain(sentence.text)
        if is_order(plain):
            flagged.append(sentence.text)
            if not _is_quoted(sentence.text):
                ordered_at = sentence
        elif same_block:
            flagged.append(sentence.text)
    return tuple(dict.fromkeys(flagged))


def is_order(plain: str) -> bool:
    """Tell whether a sentence, in lower case, is an order to a machine by itself."""
    return any(pattern.search(plain) for pattern in _STRONG)


def _is_quoted(sentence: str) -> bool:
    """Tell whether the order stands in quotation marks only, as when one reports it."""
    rest = _QUOTED.sub(" ", sentence)
    return rest != sentence and not is_order(_plain(rest)) and len(rest.split()) > 3


def _plain(text: str) -> str:
    """Return *text* as it is read: compatibility forms, look-alikes, spaced letters."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_LOOKALIKES)
    text = text.replace("\u2019", "'")
    text = _SPACED.sub(lambda match: _SPACED_WORDS.sub("", match.group()), text)
    return re.sub(
        r"\b\w*[a-z]\d\w*\b|\b\w*\d[a-z]\w*\b", _unleet, re.sub(r"\s+", " ", text)
    )


def _unleet(match: re.Match[str]) -> str:
    return match.group().translate(_LEET)
