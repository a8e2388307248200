"""What a question asks for, and what a sentence offers: a date, a price, a person, ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

KINDS: Final = (
    "number",
    "money",
    "percent",
    "date",
    "time",
    "duration",
    "unit",
    "person",
    "place",
    "reason",
    "definition",
    "manner",
    "name",
)
"""Every kind, in the order of the weights that belong to it."""

_UNITS = (
    r"m|meter|metre|metres|meters|km|kilomet(?:er|re)s?|cm|mm|kg|kilogram|gram|ton|tons"
    r"|tonnes?|hektare?|hectares?|ha|acres?|feet|foot|ft|miles?|inch(?:es)?|liters?"
    r"|litres?|liter|derajat|degrees?|°c|°f|km²|km2|mil|mph|km/h|watt|mw|gb|mb|persegi"
)
_SPANS = (
    r"detik|menit|jam|hari|minggu|pekan|bulan|semester|tahun|abad|dekade"
    r"|seconds?|minutes?|hours?|days?|weeks?|months?|semesters?|years?|decades?|centur(?:y|ies)"
)
_NUMBER_WORDS = (
    r"satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas|puluh|belas"
    r"|seratus|ratus|ribu|juta|miliar|triliun|setengah|sepertiga"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty"
    r"|forty|fifty|hundred|thousand|million|billion|half|third|dozen|twice|once"
)
NUMBER_WORDS: Final = frozenset(re.findall(r"[a-z]+", _NUMBER_WORDS))
"""Numbers written as words, in both languages."""

_MONTHS = (
    r"januari|februari|maret|april|mei|juni|juli|agustus|september|oktober|november"
    r"|desember|january|february|march|may|june|july|august|october|december"
)
# A number is read from its beginning and given back whole, or a row of digits would be
# read again from each of them.
_DIGITS = r"(?<![\d.,])\d[\d.,]*+"
_AMOUNT = rf"(?:{_DIGITS}|{_NUMBER_WORDS})"

_ASKED: Final[Mapping[str, re.Pattern[str]]] = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "money": r"\b(?:how much (?:is|are|was|were|does|do|did|will)|cost|costs|fee|fees|price|pay|paid|salary|rent|fine|fined|worth|earn"
        r"|allowance|tuition|revenue|budget|biaya|harga|denda|tarif|bayar|membayar|ongkos|sewa"
        r"|gaji|hadiah|dana|ukt|rupiah|beasiswa|uang|nilai jual)\b",
        "percent": r"\b(?:percent(?:age)?|persen(?:tase)?|proportion|what share|what fraction)\b",
        "date": r"\b(?:when|kapan(?:kah)?|tanggal|bilamana|deadline|what year|which year|what day"
        r"|what month|what date|what decade|what century|year (?:did|was|were)|tahun (?:berapa|apa)"
        r"|(?:pada|di) tahun|hari (?:apa|berapa)|bulan (?:apa|berapa)|paling lambat)\w*",
        "time": r"\b(?:what time|opening hours|open|pukul|jam (?:berapa|buka)|buka|tutup|hours)\b",
        "duration": r"\b(?:how long|berapa (?:lama|hari|bulan|tahun|jam|menit|semester|minggu)"
        r"|how many (?:years|days|hours|months|weeks|minutes|semesters)|selama apa|lamanya)\w*",
        "unit": r"\b(?:how (?:far|tall|high|big|large|wide|deep|heavy|fast|hot)|luas(?:nya)?"
        r"|tinggi(?:nya)?|panjang(?:nya)?|berat(?:nya)?|suhu|jarak|kecepatan|kedalaman"
        r"|seberapa|speed|height|length|distance|depth|weight|temperature|area)\b",
        "number": r"\b(?:how (?:many|much|old|often)|berapa\w*|number|nomor|jumlah|population"
        r"|populasi|seberapa)\b",
        "person": r"\b(?:who|whom|whose|siapa\w*|which (?:person|president|king|author|scientist))\b",
        "place": r"\b(?:where|di ?mana\w*|ke ?mana\w*|dari ?mana\w*|mana(?:kah)? letak|terletak"
        r"|(?:what|which) (?:city|country|state|place|town|region|building|room|continent|area)"
        r"|(?:negara|kota|daerah|gedung|provinsi|wilayah|pulau|kabupaten|benua|tempat) (?:apa|mana)\w*"
        r"|ibu ?kota|capital|lokasi|alamat)\b",
        "reason": r"\b(?:why|reason|cause[sd]?|because of what|mengapa\w*|kenapa|alasan|penyebab"
        r"|sebab|akibat|tujuan|purpose|how come)\b",
        "definition": r"^\W*(?:what (?:is|are|was|were) (?:a |an |the )?[\w-]+(?: [\w-]+)?\W*$"
        r"|what does .* (?:mean|stand for)|apa(?:kah)? (?:itu|arti|definisi|pengertian|yang dimaksud"
        r"|yang disebut|maksud|kepanjangan)|apa yang (?:dimaksud|disebut)|define|jelaskan"
        r"|what is (?:the )?(?:meaning|definition))",
        "manner": r"\b(?:how (?:do|does|did|can|could|is|are|was|were|to|should)|bagaimana\w*|cara)\b",
        "name": r"\b(?:what|which|apa\w*|mana\w*|nama|name)\b",
    }.items()
}

_NUMBER = re.compile(rf"\d|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE)
_OFFERED: Final[Mapping[str, re.Pattern[str]]] = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "money": r"\b(?:rp|idr|usd|us\$|sgd|eur)\.? ?\d|[$€£¥] ?\d"
        rf"|{_DIGITS} ?(?:rupiah|dollars?"
        r"|dolar|euros?|pounds?|cents?)|\b(?:free of charge|gratis|tidak dipungut|no (?:\w+ )?fee"
        r"|bebas biaya)\b|(?:juta|miliar|triliun|million|billion) (?:rupiah|dollars?|dolar)",
        "percent": r"\d ?%|\b(?:percent|persen|per cent)\b",
        "date": rf"\b(?:1[0-9]\d\d|20\d\d)\b|\b(?:{_MONTHS})\b|\b\d{{1,2}}[/-]\d{{1,2}}\b"
        r"|\babad\b|\bcentury\b|\b\d{2,3} ?(?:bc|ad|sm|m)\b|\b\d{2,4}-?an\b|\b1?\d{3}s\b",
        "time": r"\b\d{1,2}[.:]\d{2}\b|\b(?:pukul|jam) \d|\b\d{1,2} ?(?:am|pm|a\.m\.|p\.m\.|wib)\b",
        "duration": rf"\b{_AMOUNT}(?: \(\d+\))?[ -](?:{_SPANS})\b",
        "unit": rf"\b{_AMOUNT}(?: \(\d+\))? ?(?:{_UNITS})\b",
        "reason": r"\b(?:because|due to|since|so that|in order to|as a result|caused|led to|reason"
        r"|karena|sebab|akibat|sehingga|agar|supaya|untuk|disebabkan|dikarenakan|to \w+)\b",
        "definition": r"\b(?:is|are|was|were|means|refers to|known as|called|defined as|adalah|ialah"
        r"|merupakan|yaitu|yakni|berarti|disebut|kependekan|singkatan)\b",
        "manner": r"\b(?:by|using|through|via|with|dengan|melalui|menggunakan|secara|cara|oleh"
        r"|langkah|first|then|kemudian|must|harus)\b",
    }.items()
}
_CAPITAL_RUN = re.compile(
    r"(?<![.!?:;•\n] )(?<!^)(?:\b[A-Z][\w'’.&-]*)(?:\s(?:of|the|de|van|von|bin|al|dan|and|"
    r"[A-Z][\w'’.&-]*))*",
)
_TITLES = re.compile(
    r"\b(?:Dr|Prof|Mr|Mrs|Ms|Sir|Drs|Dra|Ir|H|Hj|King|Queen|President|Presiden|Raja|Ratu|Sultan"
    r"|Menteri|Rektor|Dekan|Ketua|Kepala|Direktur|Gubernur|Kapten|Captain)\b\.?"
)
_AT_PLACE = re.compile(
    r"\b(?:in|at|on|near|from|to|di|ke|dari|pada|dekat|terletak|located|situated|gedung"
    r"|building|lantai|floor|room|ruang|jalan|kota|provinsi|kabupaten)\s+(?:the\s+)?[A-Z]"
)


def find_asked_kinds(question: str) -> frozenset[str]:
    """Return the kinds *question* asks for; a bare what/which asks for a `name`."""
    found = {kind for kind, pattern in _ASKED.items() if pattern.search(question)}
    if found & {"money", "percent", "duration", "unit", "time"} and (
        "number" in found or "date" in found
    ):
        # "How much is the fee" wants money; any number at all is the weaker wish.
        found.add("number")
    elif "money" in found and found & {"date", "person", "place", "reason", "manner"}:
        # "When is the fee due?" speaks of money and asks for something else.
        found.discard("money")
    if found - {"name"}:
        found.discard("name")
    return frozenset(found)


def find_offered_kinds(sentence: str) -> frozenset[str]:
    """Return the kinds of answer *sentence* holds."""
    found = {kind for kind, pattern in _OFFERED.items() if pattern.search(sentence)}
    if _NUMBER.search(sentence):
        found.add("number")
    runs = _CAPITAL_RUN.findall(sentence)
    if runs:
        found.add("name")
    if any(" " in run for run in runs) or _TITLES.search(sentence):
        found.add("person")
    if _AT_PLACE.search(sentence):
        found.add("place")
    return frozenset(found)
