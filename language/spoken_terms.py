"""Abbreviations and units as words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from language.spoken_acronyms import spell
from language.stopwords import ALL_STOP_WORDS

# Written | said in Indonesian | said in English. Empty: as in Indonesian. Nothing in
# front of the first column's dot is needed: the dots themselves are optional inside.
_TITLES = """
Prof.|Profesor|Professor
Dr.|Doktor|Doctor
dr.|dokter|doctor
drg.|dokter gigi|dentist
Drs.|Doktorandus|
Dra.|Doktoranda|
Ir.|Insinyur|
Hj.|Hajah|
Mr.|Mister|
Mrs.|Missus|
Ms.|Miss|
Bpk.|Bapak|
Sdr.|Saudara|
Sdri.|Saudari|
Yth.|yang terhormat|
Jl.|Jalan|
Jln.|Jalan|
Gg.|Gang|
Gd.|Gedung|building
Ged.|Gedung|building
Kab.|Kabupaten|
Kec.|Kecamatan|
Kel.|Kelurahan|
Kep.|Kepulauan|
Prov.|Provinsi|Province
Fak.|Fakultas|Faculty
Univ.|Universitas|University
Jur.|Jurusan|
Dept.|Departemen|Department
Rev.|Pendeta|Reverend
Gov.|Gubernur|Governor
Gen.|Jenderal|General
Mt.|Gunung|Mount
Tgl.|Tanggal|date
tgl.|tanggal|date
Telp.|Telepon|telephone
telp.|telepon|telephone
Tel.|Telepon|telephone
tel.|telepon|telephone
Tlp.|Telepon|telephone
tlp.|telepon|telephone
vs.|lawan|versus
e.g.|misalnya|for example
i.e.|yaitu|that is
cf.|bandingkan|compare
viz.|yaitu|namely
approx.|kira-kira|approximately
dept.|departemen|department
a.n.|atas nama|on behalf of
u.p.|untuk perhatian|for the attention of
d.a.|dengan alamat|care of
s.d.|sampai dengan|to
s/d|sampai dengan|to
d/a|dengan alamat|care of
w/o|tanpa|without
w/|dengan|with
maks.|maksimal|maximum
max.|maksimal|maximum
"""
_CLOSERS = """
dll.|dan lain-lain|and so on
dsb.|dan sebagainya|and so on
dst.|dan seterusnya|and so forth
dkk.|dan kawan-kawan|and others
etc.|dan seterusnya|et cetera
Tbk.|terbuka|
Inc.|Incorporated|
Ltd.|Limited|
Corp.|Corporation|
Jr.|Junior|
Sr.|Senior|
S.Kom.|Sarjana Komputer|Bachelor of Computer Science
S.T.|Sarjana Teknik|Bachelor of Engineering
S.H.|Sarjana Hukum|Bachelor of Laws
S.E.|Sarjana Ekonomi|Bachelor of Economics
S.Si.|Sarjana Sains|Bachelor of Science
S.Pd.|Sarjana Pendidikan|Bachelor of Education
S.Sos.|Sarjana Ilmu Sosial|Bachelor of Social Science
S.Psi.|Sarjana Psikologi|Bachelor of Psychology
S.Kep.|Sarjana Keperawatan|Bachelor of Nursing
S.Ked.|Sarjana Kedokteran|Bachelor of Medicine
S.Farm.|Sarjana Farmasi|Bachelor of Pharmacy
S.Hum.|Sarjana Humaniora|Bachelor of Humanities
S.Ak.|Sarjana Akuntansi|Bachelor of Accounting
S.Pi.|Sarjana Perikanan|Bachelor of Fisheries
S.Ag.|Sarjana Agama|Bachelor of Religion
S.S.|Sarjana Sastra|Bachelor of Letters
S.I.Kom.|Sarjana Ilmu Komunikasi|Bachelor of Communication
M.Kom.|Magister Komputer|Master of Computer Science
M.T.|Magister Teknik|Master of Engineering
M.H.|Magister Hukum|Master of Laws
M.Si.|Magister Sains|Master of Science
M.Pd.|Magister Pendidikan|Master of Education
M.Hum.|Magister Humaniora|Master of Humanities
M.M.|Magister Manajemen|Master of Management
M.Psi.|Magister Psikologi|Master of Psychology
M.Kes.|Magister Kesehatan|Master of Health
M.Ak.|Magister Akuntansi|Master of Accounting
M.Sc.|Master of Science|
B.Sc.|Bachelor of Science|
M.Eng.|Master of Engineering|
A.Md.|Ahli Madya|Associate
Ph.D.|P H D|
"""
_WITHIN_NAMES = frozenset({"Inc.", "Ltd.", "Corp.", "Jr.", "Sr.", "Tbk."})
_BEFORE_NUMBER = """
No.|Nomor|Number
no.|nomor|number
Nos.|Nomor|Numbers
nos.|nomor|numbers
Nr.|Nomor|Number
hlm.|halaman|page
Hlm.|Halaman|Page
hal.|halaman|page
Hal.|Halaman|Page
pp.|halaman|pages
p.|halaman|page
Ps.|Pasal|Article
Vol.|Volume|Volume
vol.|volume|volume
ch.|bab|chapter
Ch.|Bab|Chapter
Sec.|Bagian|Section
sec.|bagian|section
Art.|Pasal|Article
art.|pasal|article
Fig.|Gambar|Figure
fig.|gambar|figure
Lt.|lantai|floor
lt.|lantai|floor
min.|minimal|minimum
Min.|Minimal|Minimum
ext.|ekstensi|extension
Ext.|Ekstensi|Extension
"""
_UNITS = """
km/jam|kilometer per jam|kilometre per hour|kilometres per hour
km/h|kilometer per jam|kilometre per hour|kilometres per hour
m/s|meter per detik|metre per second|metres per second
km2|kilometer persegi|square kilometre|square kilometres
m2|meter persegi|square metre|square metres
cm2|sentimeter persegi|square centimetre|square centimetres
m3|meter kubik|cubic metre|cubic metres
km|kilometer|kilometre|kilometres
cm|sentimeter|centimetre|centimetres
mm|milimeter|millimetre|millimetres
m|meter|metre|metres
ha|hektare|hectare|hectares
kg|kilogram|kilogram|kilograms
mg|miligram|milligram|milligrams
g|gram|gram|grams
ml|mililiter|millilitre|millilitres
l|liter|litre|litres
L|liter|litre|litres
KB|kilobita|kilobyte|kilobytes
kB|kilobita|kilobyte|kilobytes
MB|megabita|megabyte|megabytes
GB|gigabita|gigabyte|gigabytes
TB|terabita|terabyte|terabytes
Kbps|kilobit per detik|kilobit per second|kilobits per second
kbps|kilobit per detik|kilobit per second|kilobits per second
Mbps|megabit per detik|megabit per second|megabits per second
Gbps|gigabit per detik|gigabit per second|gigabits per second
kWh|kilowatt jam|kilowatt hour|kilowatt hours
kW|kilowatt|kilowatt|kilowatts
MW|megawatt|megawatt|megawatts
W|watt|watt|watts
V|volt|volt|volts
Hz|hertz|hertz|hertz
kHz|kilohertz|kilohertz|kilohertz
MHz|megahertz|megahertz|megahertz
GHz|gigahertz|gigahertz|gigahertz
\u00b0C|derajat Celsius|degree Celsius|degrees Celsius
\u00b0F|derajat Fahrenheit|degree Fahrenheit|degrees Fahrenheit
\u00b0|derajat|degree|degrees
hrs|jam|hour|hours
hr|jam|hour|hours
h|jam|hour|hours
mins|menit|minute|minutes
min|menit|minute|minutes
sec|detik|second|seconds
ms|milidetik|millisecond|milliseconds
thn|tahun|year|years
th|tahun|year|years
bln|bulan|month|months
org|orang|person|people
"""


_DOTTED = re.compile(r"(?<![\w.])(?:[^\W\d_]\.){2,}(?!\w)")
_INITIAL = re.compile(
    r"(?<![\w.])(?<![^\W\d_a-z] )([A-Z])\. (?=(?:[^\W\d_a-z][^\W\d_]+|[A-Z]\.)(?!\w))"
)


def _table(listed: str) -> dict[str, dict[str, str]]:
    """Read `written|Indonesian|English` into one table for each language."""
    tables: dict[str, dict[str, str]] = {"id": {}, "en": {}}
    for line in listed.strip().splitlines():
        written, indonesian, english = line.split("|")[:3]
        tables["id"][written] = indonesian
        tables["en"][written] = english or indonesian
    return tables


def _pattern(listed: str, ending: str) -> re.Pattern[str]:
    written = [line.split("|")[0] for line in listed.strip().splitlines()]
    # Only the last dot of a degree may be missing: `S.Kom`.
    forms = [
        re.escape(one[:-1]) + r"\.?" if one.count(".") > 1 else re.escape(one)
        for one in sorted(written, key=len, reverse=True)
    ]
    return re.compile(rf"(?<![\w.])({'|'.join(forms)}){ending}")


_TITLE_WORDS, _TITLE = _table(_TITLES), _pattern(_TITLES, r"(?!\w\.)(?=\s|\w|,|$)\s*")
_CLOSER_WORDS, _CLOSER = _table(_CLOSERS), _pattern(_CLOSERS, r"(?!\w)")
_NUMBER_WORDS, _NUMBER = (
    _table(_BEFORE_NUMBER),
    _pattern(_BEFORE_NUMBER, r"\s*(?=\d|[IVXLC]+\b)"),
)
_BARE_NUMBER = re.compile(r"(?<![\w.])(No|Nomor|Jl|Jln|Prof|hlm)\s+(?=\d|[A-Z])")
# Law is cited as `ayat (2)`; the brackets are no pause there.
_PARAGRAPH = re.compile(r"\b([Aa]yat|[Hh]uruf|[Aa]ngka|[Bb]utir) \((\w{1,3})\)")
_SHORT_FORMS = """
yg|yang dgn|dengan utk|untuk mhs|mahasiswa tdk|tidak dlm|dalam krn|karena sdh|sudah
blm|belum hrs|harus thn|tahun bln|bulan sblm|sebelum stlh|setelah pd|pada tsb|tersebut
"""
_SHORT_WORDS = dict(pair.split("|") for pair in _SHORT_FORMS.split())
_SHORT = re.compile(rf"(?<![\w.'-])(?:{'|'.join(_SHORT_WORDS)})(?![\w'-]|\.\w)")
_SAINT = re.compile(r"(?<![\w.])St\. ([A-Z]\w*)")
_STREET = re.compile(r"(?<=\w )(?:St|Str)\.(?!\w)")
_UNIT_NAMES: Final[Mapping[str, tuple[str, str, str]]] = {
    row[0]: (row[1], row[2], row[3])
    for row in (line.split("|") for line in _UNITS.strip().splitlines())
}
UNIT: Final = "|".join(
    re.escape(name) for name in sorted(_UNIT_NAMES, key=len, reverse=True)
)
"""The units as alternatives of a pattern, the longest first."""


def unit_words(unit: str, language: str, *, single: bool) -> str:
    """Return the name of a unit of `UNIT`; *single*: after the number one."""
    indonesian, one, many = _UNIT_NAMES[unit]
    if language == "id":
        return indonesian
    return one if single else many


def speak_abbreviations(text: str, language: str) -> str:
    """Return *text* with its abbreviations in full; a stop that ends stays."""
    text = _PARAGRAPH.sub(r"\1 \2", text)
    if language == "id":
        text = _SHORT.sub(lambda m: _SHORT_WORDS[m.group().lower()], text)
    text = _NUMBER.sub(lambda m: f"{_word(_NUMBER_WORDS, m, language)} ", text)
    text = _BARE_NUMBER.sub(lambda m: _bare(m.group(1), language), text)
    text = _CLOSER.sub(lambda m: _close(m, language), text)
    text = _TITLE.sub(lambda m: f"{_word(_TITLE_WORDS, m, language)} ", text)
    text = _SAINT.sub(lambda m: _saint(m, language), text)
    text = _STREET.sub(_street, text)
    text = _DOTTED.sub(lambda m: _dotted(m, language), text)
    return _INITIAL.sub(_initial, text)


def _word(
    tables: dict[str, dict[str, str]], match: re.Match[str], language: str
) -> str:
    written = match.group(1)
    table = tables[language]
    return table[written] if written in table else table[f"{written}."]


def _bare(written: str, language: str) -> str:
    names = {"No": "Nomor", "hlm": "halaman", "Prof": "Profesor"}
    english = {"No": "Number", "Nomor": "Number", "hlm": "page", "Prof": "Professor"}
    chosen = english if language == "en" else names
    return f"{chosen.get(written, written if written == 'Nomor' else 'Jalan')} "


def _close(match: re.Match[str], language: str) -> str:
    words = _word(_CLOSER_WORDS, match, language)
    if not match.group().endswith("."):
        return words
    rest = match.string[match.end() : match.end() + 40].lstrip(" \"')")
    first = rest.split(None, 1)[0] if rest else ""
    # A degree closes a name, so a capital after it opens a sentence; `Inc.` may not.
    begins = first[:1].isupper() and (
        match.group() not in _WITHIN_NAMES or first.lower() in ALL_STOP_WORDS
    )
    return f"{words}." if not first or begins else words


def _saint(match: re.Match[str], language: str) -> str:
    if match.group(1).lower() in ALL_STOP_WORDS:
        return f"Street. {match.group(1)}"
    return f"{'Santo' if language == 'id' else 'Saint'} {match.group(1)}"


def _street(match: re.Match[str]) -> str:
    return "Street" if match.string[match.end() :].strip() else "Street."


def _dotted(match: re.Match[str], language: str) -> str:
    words = spell(match.group().replace(".", ""), language)
    return f"{words}." if not match.string[match.end() :].strip() else words


def _initial(match: re.Match[str]) -> str:
    following = re.compile(r"[^\W\d_]+").match(match.string, match.end())
    if following and following.group().lower() in ALL_STOP_WORDS:
        return match.group()
    return f"{match.group(1)} "
