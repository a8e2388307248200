"""Function words of English and Indonesian: they carry grammar, not a topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("en", "id")
"""The languages this application reads and answers in."""

_ENGLISH = """
a about above after again against all also am an and any are aren as at be because
been before being below between both but by can cannot could couldn did didn do does
doesn doing don down during each either else ever few for from further get gets got had
hadn has hasn have haven having he her here hers herself him himself his how however i
if in into is isn it its itself just let like ll many may me might more most much must
my myself name named neither no nor not of off often on once one only or other
ought our ours ourselves out over own please re same shall she should shouldn so some
such t than that the their theirs them themselves then there these they this those
though through thus to too under until up upon us ve very was wasn we were weren what
whatever when where which while who whom whose why will with within without won would
wouldn yes yet you your yours yourself yourselves s d m tell know
"""

_INDONESIAN = """
ada adakah adalah adanya agar aja akan akankah aku anda antara antaranya apa apabila
apakah apalagi atas atau ataukah bagaimana bagaimanakah bagi bahwa banyakkah
beberapa begini begitu belum berapa berapakah berupa bila bilamana bisa bisakah boleh
bolehkah bukan bukankah cara dalam dan dapat dapatkah dari daripada dengan di dia dimana
dimanakah dong dulu gimana hal hanya harus haruskah hendak hingga ia ialah ini inikah
itu itukah jadi jangan jika jikalau juga kah kalau kalian kami kamu kan kapan kapankah
karena ke kemana kenapa kepada ketika kita kok lagi lah lain lalu maka manakah mana
masih maupun melainkan mengapa menjadi mereka merupakan mesti mohon namun nama namanya
nya oleh olehnya pada padahal para pernah pun punya saat saja saling sambil
sampai sang sangat saya seberapa sebagai sebagaimana sebelum sebuah secara sedang
sedangkan sehingga sejak selagi selain selama seluruh semua semuanya seorang seperti
sering serta sesuatu sesudah setelah setiap siapa siapakah suatu sudah sudahkah supaya
tak tapi telah tentang terhadap tersebut tetapi tiap tidak tidakkah tolong untuk walau
walaupun ya yaitu yakni yang dr gak nggak enggak nih sih deh tuh disebut sebutkan
brp brapa brapakah gmn gmana bgmn kpn dmn dmana knp utk dgn yg krn tdk sdh blm jg
"""

STOP_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset(_ENGLISH.split()),
    "id": frozenset(_INDONESIAN.split()),
}
"""Words without a topic of their own, question words included, by language."""

ALL_STOP_WORDS: Final = STOP_WORDS["en"] | STOP_WORDS["id"]
"""Both lists: for what is compared across languages."""

VAGUE_WORDS: Final = frozenset(
    ["sekarang", "kini", "saat", "currently", "now", "today", "nowadays", "presently"]
)
"""Words that mean the present, which a document never says."""
