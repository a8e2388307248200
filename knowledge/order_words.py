"""Vocabulary and shapes of orders to a machine, in English and Indonesian."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Alternatives, separated by `|`; blanks around line ends do not count.
WORDS: Final[Mapping[str, str]] = {
    # Who is spoken to, when it is a machine.
    "machine": r"""
        (?:ai|artificial intelligence)(?: (?:language )?(?:assistants?|models?|systems?
        |agents?|chatbots?|bots?|readers?|tools?))?|llms?|(?:large )?language models?
        |chat ?bots?|chat ?gpt|gpt(?:-?\d\w*)?|claude|gemini|copilot|llama|deepseek
        |mistral|(?:virtual|digital) assistants?|assistant models?|rag systems?
        |automated (?:assistants?|readers?|systems?)|summari[sz]ers?
        |(?:asisten|model|sistem|agen|robot|mesin|bot) (?:ai|virtual|digital|bahasa
        |penjawab|kecerdasan buatan|obrolan|chat)|model bahasa(?: besar)?
        |kecerdasan buatan|robot penjawab
    """,
    "drop": r"""
        ignore|disregard|forget|override|overrule|bypass|discard|neglect|skip|drop
        |delete|erase|abandon|set aside|(?:do not|don'?t|never|no longer) (?:follow|obey
        |apply|comply with)|stop (?:following|obeying)|pay no attention to
        |abaikan(?:lah)?|lupakan(?:lah)?|kesampingkan(?:lah)?|langgar(?:lah)?
        |hapus(?:lah)?|buang(?:lah)?|tinggalkan|(?:jangan|tidak usah|tidak perlu
        |berhenti)
        (?:lagi )?(?:ikuti|mengikuti|patuhi|mematuhi|turuti|menuruti|hiraukan|pedulikan)
        |mengabaikan|melupakan
    """,
    "which": r"""
        previous(?:ly)?|prior|preceding|above|earlier|foregoing|existing|original
        |initial|current|system|safety|developer|your|all|any|every|other|sebelumnya
        |terdahulu|di atas|sebelum ini|semula|awal|sistem|semua|seluruh|segala|kamu
        |anda|asli|pengembang
    """,
    "rules": r"""
        instructions?|prompts?|directions?|directives?|commands?|guidelines?|guardrails?
        |programming|training|constraints?|restrictions?|safety (?:rules|measures
        |filters?)|system messages?|instruksi(?:mu|nya)?|perintah(?:mu|nya)?
        |arahan(?:mu)?
        |petunjuk(?:mu)?|batasan(?:mu)?|pedoman(?:mu)?|prompt(?:mu)?
    """,
    "rulebook": r"""
        rules|policies|settings|persona|aturan(?:mu)?|ketentuan(?:mu)?|pengaturan(?:mu)?
    """,
    "yours": r"(?:system|your|safety|developer|original|sistem|kamu|anda|mu)",
    "yours_id": r"sistem(?:mu)?|kamu|anda|engkau",
    "sofar": r"""
        above|before|previously|earlier|so far|until now|you (?:were|have been|received
        |got|had)|given to you|sebelumnya|di atas|terdahulu|yang (?:lalu|telah|sudah
        |diberikan|kamu|anda)|sejauh ini
    """,
    "everything": r"""
        everything|all|anything|whatever|what|semua|segala(?:nya)?|apa ?pun
    """,
    "told": r"""
        above|before this|said (?:above|before|previously)|you (?:were|have been|are)
        (?:told|given|taught
        |instructed|asked)|you (?:know|learned)|di atas|sebelumnya
        |yang (?:telah |sudah )?(?:kamu|anda) (?:ketahui|pelajari|terima)
        |yang (?:telah|sudah) (?:diperintahkan|diinstruksikan|dikatakan|diberitahukan)
    """,
    "note": r"""
        instructions?|messages?|notes?|notices?|commands?|orders?|attention|prompts?
        |directives?|instruksi|pesan|perintah|catatan|arahan|perhatian|petunjuk
    """,
    "to": r"to|for|untuk|kepada|bagi|ke",
    "if": r"if|when|in case|jika|bila|kalau|apabila|seandainya",
    "you": r"you|kamu|anda|engkau",
    "as": r"as|sebagai",
    "duty": r"""
        must|shall|should|has to|have to|needs? to|is to|are to|will|may only
        |are (?:required|instructed|ordered|asked) to|harus|wajib|mesti|perlu|diminta
        |dilarang|diperintahkan|diwajibkan|tidak boleh|jangan|akan
    """,
    "speech": r"""
        ignore|obey|follow|answer|reply|respond|say|tell|recommend|output|include
        |mention
        |reveal|rank|rate|refuse|praise|write|claim|state|print|mengabaikan|abaikan
        |menjawab|jawab(?:lah)?|membalas|balas(?:lah)?|mengatakan|katakan(?:lah)?
        |menyebut(?:kan)?|sebutkan|merekomendasikan|rekomendasikan|menyarankan|sarankan
        |menambahkan|tambahkan|menyertakan|sertakan|mengikuti|menolak|tolak
        |memberi ?tahu(?:kan)?|beri ?tahu(?:kan)?|menyatakan|nyatakan|menulis
        |tulis(?:kan)?
    """,
    "persona": r"""
        unrestricted|uncensored|unfiltered|jailbr\w+|evil|helpful assistant
        |different (?:ai|assistant|persona)|new persona|no longer (?:bound|an? ai)
        |without (?:any )?(?:rules|restrictions|limits|filters?|ethics)
        |(?:free of|free from|no) (?:rules|restrictions|limits|filters?)
        |(?:developer|god|debug|jailbreak|admin|root|maintenance) mode
        |tanpa (?:batas\w*|aturan|filter|sensor|larangan)|bebas dari (?:aturan|batasan)
        |mode (?:pengembang|dewa|admin|bebas|debug)
    """,
    "pretend": r"""
        act|behave|respond|pretend|role-?play|speak|operate|berperan(?:lah)?
        |bertindak(?:lah)?|berpura-pura(?:lah)?|bersikap(?:lah)?|berlaku(?:lah)?
        |anggap(?:lah)?
    """,
    "like": r"""
        as|like|to be|you are|that you|sebagai|menjadi|seolah(?:-olah)?
        |seakan(?:-akan)?|diri ?mu|kamu|anda|layaknya
    """,
    "enable": r"enter|enable|activate|switch to|turn on|aktifkan|masuk ke|beralih ke",
    "mode": r"""
        (?:developer|god|jailbreak|debug|unrestricted|admin) ?-?mode
        |mode (?:pengembang|dewa|tanpa batas|admin|debug)
    """,
    "on": r"enabled|activated|engaged|unlocked|is on|now on|aktif|diaktifkan",
    "reveal": r"""
        reveal|show|print|repeat|output|display|disclose|leak|expose|dump|tell|write
        |recite|share|return|tampilkan|ungkap(?:kan)?|bocorkan|cetak|tulis(?:kan)?
        |sebutkan|ulangi|perlihatkan|kirim(?:kan)?|bagikan|keluarkan
    """,
    "secret": r"""
        system (?:prompt|message|instruction)s?|(?:your|hidden|initial|secret)
        (?:system |initial |hidden |secret )?(?:prompts?|instructions?)|api keys?
        |prompt (?:sistem|rahasia|awal|asli)|instruksi (?:sistem|rahasia|awal
        |tersembunyi|asli|mu|kamu|anda)|instruksimu|promptmu|perintah sistem|kunci api
    """,
    "fresh": r"""
        new|updated|real|actual|true|hidden|secret|additional|high(?:er|est)? priority
    """,
    "fresh_id": r"""
        (?:instruksi|perintah|prompt|arahan) (?:baru|rahasia|tersembunyi|sebenarnya
        |tambahan|sistem|prioritas)(?: untuk\w*| sistem)?
    """,
    "follows": r"(?:is|are|follows?|below|adalah|ialah|berikut|sebagai berikut)?\s*:",
    "append": r"""
        append|add|include|insert|prepend|put|end|begin|start|prefix|finish|close|sign
        |tambahkan|sertakan|sisipkan|masukkan|akhiri|awali|mulai(?:lah)?|bubuhkan|tutup
    """,
    "thing": r"""
        (?:the |this |following |exact )*(?:words?|phrases?|tokens?|sentences?|links?
        |strings?|texts?|urls?|codes?|messages?|emoji)|kata(?:-kata)?|frasa|token
        |kalimat|tautan|teks|kode|slogan|iklan
    """,
    "each": r"every|each|all(?: of)?(?: your)?|your|any|setiap|semua|seluruh|tiap",
    "reply": r"""
        answers?|repl(?:y|ies)|responses?|outputs?|jawaban(?:mu)?|balasan(?:mu)?
        |respons?(?:mu)?
    """,
    "hush": r"do not|don'?t|never|without|jangan(?: pernah)?|dilarang|tanpa",
    "mention": r"""
        mention(?:ing)?|reveal(?:ing)?|tell(?:ing)?|disclos(?:e|ing)|acknowledg(?:e|ing)
        |show(?:ing)?|repeat(?:ing)?|menyebut(?:kan)?|sebut(?:kan)?|ungkap(?:kan)?
        |mengungkap(?:kan)?|beri ?tahu(?:kan)?|memberi ?tahu(?:kan)?|tunjukkan|bocorkan
        |membocorkan|akui
    """,
    "this": r"""
        this (?:message|instruction|prompt|note|text|command|sentence|paragraph)
        |these (?:instructions|rules|lines)|(?:your|the) (?:system )?(?:instructions
        |prompt)|(?:pesan|instruksi|perintah|prompt|teks|kalimat|arahan) ini
        |(?:adanya|keberadaan) (?:instruksi|perintah|pesan)
    """,
    "always": r"""
        only|always|every question|all questions|any question|hanya|selalu
        |semua pertanyaan|setiap pertanyaan|apa ?pun
    """,
    "exactly": r"""
        (?:the|this|these|following|exact)(?: exact| following)? (?:words?|phrases?
        |sentences?|strings?|texts?|tokens?)|(?:kata|frasa|kalimat|teks) (?:berikut|ini
        |persis)
    """,
    "no_matter": r"""
        no matter (?:what|which)|regardless of (?:the |what |which )?(?:question|user
        |they
        |is asked|anyone)|whatever (?:the user|they|you are|is asked|anyone|the
        question)
        |apa ?pun (?:yang ditanyakan|pertanyaannya|yang diminta|isi pertanyaan)
        |tanpa memedulikan pertanyaan
    """,
    "identity": r"""
        (?:that )?you(?:'re| are)|who you are|bahwa (?:kamu|anda)|siapa (?:kamu|diri
        ?mu)
    """,
    "send": r"send|forward|post|upload|transmit|e?-?mail|kirim(?:kan)?|teruskan|unggah",
    "history": r"""
        (?:the |this |whole |entire |all |user'?s? )*(?:conversations?|chat history|chat
        |user data|credentials|context window|private data)|(?:isi |riwayat |seluruh )*
        (?:percakapan|obrolan)|data pengguna|kredensial
    """,
}

# Words of a shape are looked up in WORDS; `~40` is a gap, `+` one separator. The keys
# of a shape are groups of KEYS: without a word of each the shape is not tried.
SHAPES: Final = (
    ("drop rules", "drop ~40 which ~40 rules"),
    ("drop rulebook", "drop ~40 yours ~25 rulebook"),
    ("drop rules", "drop ~40 rules ~30 sofar"),
    ("drop rules", "drop ~15 rules ~6 yours_id"),
    ("drop rulebook", "drop ~15 rulebook ~6 yours_id"),
    ("drop told", "drop ~25 everything ~20 told"),
    ("drop you", "drop ~15 identity"),
    ("note machine", "note ~25 to ~25 machine"),
    ("you machine", "if + you ~25 machine"),
    ("you machine", "as ~15 machine ~20 you ~20 duty"),
    ("machine speech", "machine ~30 duty ~60 speech"),
    ("pretend machine", "pretend ~25 like ~20 machine"),
    ("you persona", "you ~25 persona"),
    ("pretend persona", "pretend ~25 like ~40 persona"),
    ("mode enable", "enable ~20 mode"),
    ("mode enable", "mode ~20 on"),
    ("reveal secret", "reveal ~40 secret"),
    ("fresh rules", "fresh ~15 rules ~10 follows"),
    ("fresh rules", "fresh_id ~10 follows"),
    ("append reply", "append ~60 thing ~60 each ~15 reply"),
    ("append reply", "append ~40 each ~15 reply ~20 thing"),
    ("mention this", "hush ~20 mention ~30 this"),
    ("speech exactly", "speech ~20 always ~40 exactly"),
    ("speech no_matter", "speech ~80 no_matter"),
    ("speech no_matter", "no_matter ~60 speech"),
    ("send history", "send ~20 history ~30 to"),
)

# First five letters of the words that a shape cannot do without.
KEYS: Final = {
    name: frozenset(letters.split())
    for name, letters in {
        "drop": """ignor disre forge overr bypas disca negle skip drop delet erase aband
            aside follo obey apply compl atten abaik lupak kesam langg hapus buang tingg
            ikuti mengi patuh memat turut menur hirau pedul menga melup""",
        "machine": """ai artif llm llms langu chat chatb chatg gpt claud gemin copil
            llama deeps mistr virtu digit assis rag autom summa asist model siste agen
            robot mesin bot kecer""",
        "persona": """unres uncen unfil jailb evil helpf diffe perso longe witho free no
            mode tanpa bebas""",
        "mode": "mode devel",
        "enable": """enter enabl activ switc turn engag unloc on aktif diakt masuk
            beral""",
        "reveal": """revea show print repea outpu displ discl leak expos dump tell write
            recit share retur tampi ungka bocor cetak tulis sebut ulang perli kirim
            bagik kelua""",
        "secret": "syste promp instr api perin kunci",
        "system": "syste siste",
        "rules": """instr promp direc comma guide guard progr train const restr rules
            messa perin araha petun batas pedom""",
        "rulebook": "rules polic setti perso atura keten penga",
        "told": """above befor said told given taugh instr asked know learn atas sebel
            kamu anda diper diins dikat diber""",
        "you": "you kamu anda engka who siapa bahwa",
        "note": """instr messa note notes notic comma order atten promp direc pesan
        perin
            catat araha perha petun""",
        "pretend": """act behav respo prete role rolep speak opera berpe berti berpu
            bersi berla angga""",
        "fresh": """new updat real actua true hidde secre addit high highe baru rahas
            terse seben tamba siste prior""",
        "speech": """ignor obey follo answe reply respo say tell recom outpu inclu menti
            revea rank rate refus prais write claim state print menga abaik menja jawab
            memba balas katak menye sebut merek rekom menya saran menam tamba serta
            mengi menol tolak membe beri berit menul tulis nyata""",
        "append": """appen add inclu inser prepe put end begin start prefi finis close
            sign tamba serta sisip masuk akhir awali mulai bubuh tutup""",
        "reply": "answe repl repli reply respo outpu jawab balas",
        "mention": """menti revea tell telli discl ackno show showi repea menye sebut
            ungka mengu beri berit membe tunju bocor membo akui""",
        "this": """messa instr promp note text comma sente parag rules lines pesan perin
            teks kalim araha""",
        "exactly": """word words phras sente strin text texts token kata frasa kalim
            teks""",
        "no_matter": "matte regar whate apa apapu meman memed tanpa",
        "send": "send forwa post uploa trans mail email kirim terus ungga",
        "history": """conve chat user crede conte priva perca obrol data kred kreds
            krede""",
        "dan": "dan",
    }.items()
}

# What cannot be put in shapes, each with its key; without a key: marks of chat
# templates, which begin with one of SIGNS.
MARKS: Final = (
    (
        "",
        (
            r"<\|?(?:im_start|im_end|system|endoftext|assistant|user|begin_of_text"
            r"|eot_id|start_header_id)\|?>|\[/?inst\]|<</?sys>>|\[/?system(?: prompt"
            r"| message)?\]|</?(?:system|instructions?|prompt|context|documents?"
            r"|sources?"
            r"|passages?)>"
        ),
    ),
    (
        "",
        (r"^\W*#+ ?(?:instruction|response|assistant|human)s? ?:"),
    ),
    (
        "system",
        (
            r"^\W*(?:#+ ?)?(?:begin |new |important |end )*system(?: prompt| message"
            r"| override| instruction| notice| command| update)?s? ?(?::|for\b)"
        ),
    ),
    (
        "system",
        (
            r"^\W*(?:penting |baru )*(?:pesan|perintah|instruksi|prompt|pemberitahuan)"
            r" sistem ?(?::|untuk\b)"
        ),
    ),
    (
        "secret",
        (
            r"\bend of (?:the )?(?:system )?prompt\b|\bprompt injection (?:payload"
            r"|string)"
        ),
    ),
    (
        "machine",
        (
            r"\byou are (?:an? |the )?(?:helpful |evil |new |very |unrestricted )*"
            r"{machine}"
        ),
    ),
    (
        "machine",
        (
            r"\b(?:kamu|anda|engkau)(?: sekarang| kini)? (?:adalah|ialah|menjadi)(?:"
            r" sebuah| seorang)? {machine}"
        ),
    ),
    (
        "machine",
        (
            r"^\W*(?:hey|hi|hello|dear|attention|important|halo|hai|wahai|perhatian"
            r"|penting|yth|note|catatan|untuk|kepada|to|for|all|any|the|semua|para"
            r"|[\s,:!-])*{machine}\s*[,:;!\u2014-]"
        ),
    ),
    (
        "machine",
        (
            r"^\W*(?:dear|attention|to|for|untuk|kepada|wahai|halo|perhatian)\b[\w"
            r" ]{0,20}{machine}[\w ]{0,30}\s*[,:;!\u2014-]"
        ),
    ),
    (
        "reply",
        (
            r"\b(?:from now on|mulai (?:sekarang|saat ini)),? (?:answer|reply|respond"
            r"|say|jawab(?:lah)?|balas(?:lah)?|katakan(?:lah)?)\b"
        ),
    ),
    (
        "reply",
        r"^\W*(?:assistant|asisten|chat ?bot)\s*[,:]\s*(?:answer|reply|respond|jawab)",
    ),
    ("", r"^\W*\[(?:system|sistem|inst|instructions?|instruksi)\]"),
    (
        "dan",
        (r"\byou(?: are|'re)(?: now)? (?:called |named )?dan\b|\bdan mode\b"),
    ),
)
SIGNS: Final = ("<", "[", "#")

Keys = frozenset[str]


def compile_patterns(*, loose: bool) -> tuple[tuple[Keys, re.Pattern[str]], ...]:
    """
    Return shapes and marks as patterns for text in lower case, with their keys.

    A pattern without keys is worth a try where one of SIGNS stands.

    Args:
        loose: Find openings of sentences anywhere, to look through a whole passage.
    """
    machine = _alternatives("machine")
    shapes = [
        (frozenset(keys.split()), re.compile("".join(map(_part, shape.split()))))
        for keys, shape in SHAPES
    ]
    marks = [
        (
            frozenset(keys.split()),
            re.compile(
                mark.replace(r"^\W*", "" if loose else r"^\W*").replace(
                    "{machine}", machine
                )
            ),
        )
        for keys, mark in MARKS
    ]
    return (*shapes, *marks)


def find_keys(words: set[str]) -> Keys:
    """Return the names of KEYS of which *words*, cut to five letters, hold one."""
    return frozenset(name for name, key in KEYS.items() if not key.isdisjoint(words))


def _part(word: str) -> str:
    if word.startswith("~"):
        return rf".{{0,{word[1:]}}}"
    if word == "+":
        return r"\W{1,3}"
    return _alternatives(word)


def _alternatives(name: str) -> str:
    words = re.sub(r"\s*\n\s*", " ", WORDS[name].strip()).replace(" |", "|")
    edge = "" if name == "follows" else r"\b"
    return rf"{edge}(?:{words}){edge}"
