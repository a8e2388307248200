// What the pages say, in Indonesian and in English, and what a problem means to people.

const WORDS = {
  id: {
    // The button.
    press: "Tekan, lalu bicara",
    pressAgain: "Tekan untuk bertanya lagi",
    listening: "Saya mendengarkan … tekan bila sudah selesai",
    sending: "Sedang mencari jawaban …",
    sendingCancel: "Batalkan",
    speaking: "Sedang menjawab",
    stopSpeaking: "Hentikan suara",
    stopListening: "Selesai bicara",
    start: "Mulai bicara",
    // What was said.
    you: "Anda",
    answer: "Jawaban",
    sources: "Sumber",
    page: "halaman",
    nothingYet: "Ajukan pertanyaan dengan suara. Jawabannya diucapkan dan ditulis di sini, dengan sumbernya.",
    unclear: "Maaf, kurang terdengar jelas. Silakan ulangi pertanyaannya.",
    noSound: "Suara jawaban tidak tersedia; jawabannya tertulis di sini.",
    emotion: { happy: "terdengar senang", sad: "terdengar sedih", angry: "terdengar kesal", fear: "terdengar cemas" },
    // The microphone.
    denied: "Mikrofon belum diizinkan. Izinkan mikrofon untuk halaman ini di peramban, lalu coba lagi.",
    noMicrophone: "Tidak ada mikrofon. Sambungkan mikrofon, lalu coba lagi.",
    microphoneBusy: "Mikrofon sedang dipakai program lain.",
    insecure: "Mikrofon hanya dapat dipakai melalui https atau di komputer ini sendiri.",
    nothingRecorded: "Tidak ada yang terekam. Silakan coba lagi.",
    // Problems by their code.
    problems: {
      no_speech: "Saya tidak mendengar apa-apa. Silakan bicara lebih dekat ke mikrofon.",
      not_authenticated: "Kunci ini tidak dikenal.",
      forbidden: "Kunci ini tidak dapat dipakai di sini.",
      rate_limited: "Terlalu banyak pertanyaan. Silakan tunggu sebentar.",
      conversation_busy: "Pertanyaan sebelumnya masih dijawab. Silakan tunggu sebentar.",
      audio_too_long: "Pertanyaannya terlalu panjang. Silakan bertanya lebih singkat.",
      audio_too_large: "Pertanyaannya terlalu panjang. Silakan bertanya lebih singkat.",
      audio_unreadable: "Rekaman tidak dapat dibaca. Silakan coba lagi.",
      stt_failed: "Suara tidak dapat dikenali saat ini. Silakan coba lagi.",
      turn_timeout: "Jawabannya terlalu lama. Silakan coba lagi.",
      speech_engine_unavailable: "Suara sedang tidak tersedia.",
      visitor_session_ended: "Percakapan sudah berakhir. Silakan mulai lagi.",
      link_used: "Tautan ini sudah dipakai atau sudah terlalu lama. Silakan minta kode baru di kios.",
      links_unavailable: "Tautan ke ponsel belum disiapkan di layanan ini.",
      conversation_not_found: "Belum ada pertanyaan dalam percakapan ini.",
      network: "Layanan tidak dapat dihubungi. Periksa sambungan, lalu coba lagi.",
      other: "Ada kendala. Silakan coba lagi.",
    },
    retry: "Silakan coba lagi.",
    // The pages.
    voiceTitle: "Bertanya dengan suara",
    keyLabel: "Kunci akses",
    keyHint: "Diketik sekali; dilupakan bila tab ini ditutup.",
    keySave: "Lanjut",
    keyForget: "Ganti kunci",
    newConversation: "Percakapan baru",
    spokenLanguage: "Bahasa pertanyaan",
    automatic: "otomatis",
    kioskGreeting: "Tanya apa saja",
    kioskSetup: "Menyiapkan kios",
    kioskKeyLabel: "Kunci perangkat",
    kioskKeyHint: "Untuk petugas. Kunci ini hanya dapat bicara dan mendengar; disimpan di perangkat ini.",
    kioskKeyWrong: "Ini bukan kunci perangkat. Kunci biasa dapat membaca segalanya, jadi tidak disimpan di kios.",
    done: "Selesai",
    doneHint: "Menghapus percakapan ini",
    phone: "Lanjut di ponsel",
    phoneTitle: "Pindai dengan ponsel",
    phoneHint: "Kode ini membuka percakapan ini satu kali saja, selama 10 menit, sebelum Anda menekan Selesai.",
    close: "Tutup",
    stillThere: "Masih di sini?",
    stillThereHint: "Percakapan ini akan dihapus dalam",
    seconds: "detik",
    stay: "Ya, lanjut",
    goodbye: "Terima kasih. Percakapan sudah dihapus dari layar ini.",
    visitTitle: "Percakapan Anda",
    visitDoor: "Lanjutkan di ponsel ini",
    visitOpen: "Buka percakapan",
    visitOpenHint: "Tautan ini hanya dapat dibuka satu kali, di ponsel ini.",
    visitMissing: "Tidak ada tautan. Pindai kode QR di kios.",
    visitEnded: "Waktu membaca di ponsel ini sudah habis.",
    visitUntil: "Dapat dibaca di ponsel ini sampai pukul",
    ask: "Tulis pertanyaan",
    send: "Kirim",
    language: "Bahasa",
  },
  en: {
    press: "Press, then speak",
    pressAgain: "Press to ask again",
    listening: "I am listening … press when you are done",
    sending: "Looking for the answer …",
    sendingCancel: "Cancel",
    speaking: "Answering",
    stopSpeaking: "Stop speaking",
    stopListening: "Done speaking",
    start: "Start speaking",
    you: "You",
    answer: "Answer",
    sources: "Sources",
    page: "page",
    nothingYet: "Ask a question aloud. The answer is spoken and written here, with its sources.",
    unclear: "Sorry, I did not hear that clearly. Please say it again.",
    noSound: "There is no sound for this answer; it is written here.",
    emotion: { happy: "sounds happy", sad: "sounds sad", angry: "sounds upset", fear: "sounds worried" },
    denied: "The microphone is not allowed. Allow it for this page in your browser, then try again.",
    noMicrophone: "There is no microphone. Connect one, then try again.",
    microphoneBusy: "Another program is using the microphone.",
    insecure: "The microphone works over https or on this computer itself only.",
    nothingRecorded: "Nothing was recorded. Please try again.",
    problems: {
      no_speech: "I did not hear anybody. Please speak closer to the microphone.",
      not_authenticated: "This key is not known.",
      forbidden: "This key cannot be used here.",
      rate_limited: "Too many questions. Please wait a moment.",
      conversation_busy: "The question before is still being answered. Please wait a moment.",
      audio_too_long: "The question is too long. Please ask a shorter one.",
      audio_too_large: "The question is too long. Please ask a shorter one.",
      audio_unreadable: "The recording cannot be read. Please try again.",
      stt_failed: "Speech cannot be recognised right now. Please try again.",
      turn_timeout: "The answer took too long. Please try again.",
      speech_engine_unavailable: "Speech is not available right now.",
      visitor_session_ended: "This conversation has ended. Please begin again.",
      link_used: "This link was used, or it is too old. Please ask for a new code at the kiosk.",
      links_unavailable: "Links to phones are not set up at this service.",
      conversation_not_found: "Nothing was asked in this conversation yet.",
      network: "The service cannot be reached. Check the connection, then try again.",
      other: "Something went wrong. Please try again.",
    },
    retry: "Please try again.",
    voiceTitle: "Ask aloud",
    keyLabel: "Access key",
    keyHint: "Typed once; forgotten when this tab is closed.",
    keySave: "Continue",
    keyForget: "Change key",
    newConversation: "New conversation",
    spokenLanguage: "Language of the question",
    automatic: "automatic",
    kioskGreeting: "Ask me anything",
    kioskSetup: "Set up this kiosk",
    kioskKeyLabel: "Device key",
    kioskKeyHint: "For staff. This key can only speak and listen; it is kept on this device.",
    kioskKeyWrong: "This is not a device key. An ordinary key can read everything, so it is not kept on a kiosk.",
    done: "Done",
    doneHint: "Deletes this conversation",
    phone: "Continue on a phone",
    phoneTitle: "Scan with your phone",
    phoneHint: "This code opens this conversation once, within 10 minutes, before you press Done.",
    close: "Close",
    stillThere: "Still there?",
    stillThereHint: "This conversation will be deleted in",
    seconds: "seconds",
    stay: "Yes, go on",
    goodbye: "Thank you. The conversation is gone from this screen.",
    visitTitle: "Your conversation",
    visitDoor: "Continue on this phone",
    visitOpen: "Open the conversation",
    visitOpenHint: "This link can be opened once only, on this phone.",
    visitMissing: "There is no link. Scan the QR code at the kiosk.",
    visitEnded: "The time for reading on this phone is over.",
    visitUntil: "Can be read on this phone until",
    ask: "Write a question",
    send: "Send",
    language: "Language",
  },
};

const STORED = "tanya-language";

/** The language to begin with: chosen before, or the browser's, or Indonesian. */
export function firstLanguage({ remembered = true } = {}) {
  const stored = remembered ? localStorage.getItem(STORED) : null;
  if (stored in WORDS) return stored;
  return (navigator.language || "").toLowerCase().startsWith("en") ? "en" : "id";
}

/** Remember a choice for the next visit of this browser. */
export function rememberLanguage(language) {
  localStorage.setItem(STORED, language);
}

/** All texts of a language. */
export function wordsOf(language) {
  return WORDS[language] ?? WORDS.en;
}

/** Write the texts of `language` into every element with `data-say`, and tell the page. */
export function translate(root, language) {
  const words = wordsOf(language);
  for (const element of root.querySelectorAll("[data-say]")) {
    element.textContent = words[element.dataset.say];
  }
  for (const element of root.querySelectorAll("[data-say-label]")) {
    element.setAttribute("aria-label", words[element.dataset.sayLabel]);
  }
  for (const element of root.querySelectorAll("[data-say-placeholder]")) {
    element.setAttribute("placeholder", words[element.dataset.sayPlaceholder]);
  }
  document.documentElement.lang = language;
}

/** One sentence about a problem, by its code. */
export function describeProblem(problem, language) {
  const words = wordsOf(language);
  const known = words.problems[problem.code];
  const text = known ?? problem.detail ?? words.problems.other;
  const wait = problem.retryAfter;
  return wait > 0 && problem.code === "rate_limited"
    ? `${text} (${wait} ${words.seconds})`
    : text;
}
