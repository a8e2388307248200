"""What people ask without any feeling; no model ever learnt from these."""

from __future__ import annotations

from typing import Final

ENGLISH: Final = """
Which floor is the reading room on?
What time does the canteen open on weekends?
who approves a leave of absence
How many credits do I need before the internship?
Does the campus have a swimming pool?
where do I pick up my diploma
What documents are needed for a visa extension?
Is there a bus to the train station after nine?
how much does a replacement card cost
Can guests use the wireless network?
When will the results be published?
Which bank accepts the tuition payment?
how do I reset my password
What is the minimum grade for the honours programme?
Are pets allowed in the student housing?
what does a resit cost
Who is the dean of the engineering faculty?
How long may I borrow a laptop?
Where can I print a poster?
is the clinic open at night
Do international students need health insurance?
What happens to my scholarship if I take a semester off?
how many people can book a seminar room
Which form do I need for a name change?
Is a late registration possible?
what is the dress code at the ceremony
Where is the lost and found?
How do I cancel a room reservation?
Can I park a motorcycle behind the gym?
When does the winter break begin?
may I record a lecture
What is the difference between a minor and a certificate?
Who do I contact about a broken lamp in my room?
How is the final grade calculated?
Which courses are taught in English?
what are the rules for smoking on campus
How do I get to the botanical garden?
Does the library charge for late returns?
What must I do when I fall ill before an exam?
Is there a prayer room in this building?
when was this university founded
How can I join the debating club?
Where are the lockers?
what time is the campus tour
Are exchange places still available for spring?
How do I appeal against a grade?
What should I bring to the first lecture?
who is in charge of the dormitories
Can I pay the fee in instalments?
Which office handles complaints about noise?
""".strip().splitlines()

INDONESIAN: Final = """
Ruang baca ada di lantai berapa?
Kantin buka jam berapa kalau akhir pekan?
siapa yang menyetujui cuti akademik
Berapa SKS yang harus diambil sebelum magang?
Apakah kampus punya kolam renang?
di mana mengambil ijazah
Dokumen apa saja untuk memperpanjang visa?
Apakah ada bus ke stasiun setelah jam sembilan?
berapa biaya ganti kartu
Apakah tamu boleh memakai wifi?
Kapan hasil ujian diumumkan?
Bank mana yang menerima pembayaran UKT?
bagaimana cara mengganti kata sandi
Berapa nilai minimal untuk program unggulan?
Bolehkah membawa hewan peliharaan ke asrama?
berapa biaya ujian ulang
Siapa dekan fakultas teknik?
Berapa lama laptop boleh dipinjam?
Di mana bisa mencetak poster?
apakah poliklinik buka malam hari
Apakah mahasiswa asing perlu asuransi kesehatan?
Bagaimana status beasiswa kalau saya cuti satu semester?
berapa orang yang bisa memesan ruang seminar
Formulir apa untuk mengubah nama?
Apakah masih bisa daftar terlambat?
baju apa yang dipakai saat wisuda
Di mana tempat barang temuan?
Bagaimana membatalkan pemesanan ruangan?
Bolehkah parkir motor di belakang gedung olahraga?
Libur semester mulai kapan?
apakah kuliah boleh direkam
Apa beda konsentrasi dan sertifikat?
Lampu kamar rusak, lapor ke siapa?
Bagaimana nilai akhir dihitung?
Mata kuliah apa yang memakai bahasa Inggris?
apa aturan merokok di kampus
Bagaimana cara ke kebun raya dari sini?
Apakah ada denda keterlambatan di perpustakaan?
Apa yang dilakukan kalau sakit sebelum ujian?
Apakah ada musala di gedung ini?
tahun berapa universitas ini berdiri
Bagaimana cara ikut klub debat?
Loker ada di sebelah mana?
jam berapa tur kampus dimulai
Apakah kuota pertukaran pelajar masih ada?
Bagaimana mengajukan banding nilai?
Apa yang dibawa saat kuliah pertama?
siapa pengelola asrama putri
Bisakah UKT dicicil?
Bagian mana yang mengurus keluhan kebisingan?
""".strip().splitlines()
