// `/kiosk`: one visitor after the other; what one asked, the next one never sees.

import { AnswerList } from "./answers.js";
import { chooseLanguages } from "./languages.js";
import { MicrophoneButton } from "./microphone.js";
import { Problem, askAloud, call, callJSON } from "./service.js";
import { describeProblem, firstLanguage, wordsOf } from "./words.js";

const KEY = "tanya-device-key";
const CURRENT = "v1/kiosk/sessions/current";
// The last of the silence is counted aloud.
const WARN_SECONDS = 15;
const TOUCH_SECONDS = 5;
const HUSH_SECONDS = 2;
const GOODBYE_MS = 6000;

const find = (id) => document.getElementById(id);
const home = firstLanguage({ remembered: false });
let language = home;
let turn = null;
// The visitor's secret lives here and nowhere else: not in storage, not in the address.
let visitor = null;
let goodbye = 0;

const answers = new AnswerList(find("turns"), { language, links: false, emotion: false });
const microphone = new MicrophoneButton(find("microphone"), {
  words: wordsOf(language),
  status: find("status"),
  hush: HUSH_SECONDS,
  ask,
  onEvent: take,
  onState: changed,
  describe: (error) => describeProblem(error, language),
});

/** A visitor: the session at the server, and until when it lives. */
class Visitor {
  #begun;
  #device;
  #session = null;
  #silence = Infinity;
  #until = Infinity;
  #touched = performance.now();

  constructor(device) {
    this.#device = device;
    this.#begun = this.#begin();
    // Who awaits it later sees the failure; nobody else has to.
    this.#begun.catch(() => {});
  }

  /** Seconds until the server forgets. */
  get left() {
    return (this.#until - performance.now()) / 1000;
  }

  /** Headers of this visitor's requests, once the session has begun. */
  async headers() {
    await this.#begun;
    return { "X-API-Key": this.#device, "X-Kiosk-Session": this.#session.session };
  }

  /** Whether phones can be let in. */
  get links() {
    return Boolean(this.#session?.links);
  }

  /** Count the silence from now: the server has just heard of the visitor. */
  heard() {
    this.#touched = performance.now();
    this.#until = this.#touched + this.#silence;
  }

  /** Tell the server that the visitor is here, unless it was told just now. */
  async touch({ now = false } = {}) {
    if (!now && performance.now() - this.#touched < TOUCH_SECONDS * 1000) return;
    this.#touched = performance.now();
    const headers = await this.headers();
    await callJSON(`${CURRENT}/touch`, { method: "POST", headers });
    this.heard();
  }

  /** Let go, also when the page goes away at this moment; the server would anyway. */
  async end() {
    try {
      const headers = await this.headers();
      await call(CURRENT, { method: "DELETE", headers, keepalive: true });
    } catch (error) {
      // Ended already, or out of reach: then it ends by silence.
      if (!(error instanceof Problem)) throw error;
    }
  }

  async #begin() {
    const headers = { "X-API-Key": this.#device };
    this.#session = await callJSON("v1/kiosk/sessions", { method: "POST", headers });
    this.#silence = this.#session.silence_seconds * 1000;
    this.heard();
  }
}

async function* ask(recording, signal) {
  const mine = visitor;
  const headers = await mine.headers();
  for await (const event of askAloud(recording, { headers, language, signal })) {
    if (visitor !== mine) return;
    if (event.name === "response.done") mine.heard();
    yield event;
  }
}

function take(event) {
  if (event.name !== "failed") {
    turn?.take(event);
    if (event.name === "response.done") find("phone").hidden = !visitor?.links;
    return;
  }
  const error = event.data;
  if (error.code === "not_authenticated" || error.code === "forbidden") {
    setUp(describeProblem(error, language));
  } else if (error.code === "visitor_session_ended") {
    leave(describeProblem(error, language));
  } else if (error instanceof Problem) {
    if (error.transcript) turn?.ask(error.transcript);
    turn?.dropIfEmpty();
  }
}

function changed(state) {
  clearTimeout(goodbye);
  if (state === "listening") {
    visitor ??= new Visitor(localStorage.getItem(KEY));
    find("done").hidden = false;
  }
  if (state === "sending") {
    find("greeting").hidden = true;
    turn = answers.begin();
  }
}

function leave(message = wordsOf(language).goodbye) {
  const gone = visitor;
  // First of all nobody can see it any more.
  visitor = null;
  microphone.reset();
  answers.clear();
  turn = null;
  find("qr").removeAttribute("src");
  for (const id of ["code", "still"]) find(id).close();
  for (const id of ["done", "phone"]) find(id).hidden = true;
  gone?.end();
  rest();
  if (!gone) return;
  find("status").textContent = message;
  goodbye = setTimeout(() => {
    choose(home);
  }, GOODBYE_MS);
}

function rest() {
  const ready = Boolean(localStorage.getItem(KEY));
  find("setup").hidden = ready;
  find("desk").hidden = !ready;
  find("greeting").hidden = !ready;
  scrollTo(0, 0);
  if (ready) find("microphone").focus({ preventScroll: true });
}

function setUp(problem = "") {
  localStorage.removeItem(KEY);
  leave();
  find("key").value = "";
  find("key-problem").textContent = problem;
  find("key").focus();
}

async function keep(key) {
  const words = wordsOf(language);
  const headers = { "X-API-Key": key };
  try {
    const begun = await callJSON("v1/kiosk/sessions", { method: "POST", headers });
    const session = { ...headers, "X-Kiosk-Session": begun.session };
    await call(CURRENT, { method: "DELETE", headers: session });
  } catch (error) {
    throw error.code === "forbidden" ? new Problem({ detail: words.kioskKeyWrong }) : error;
  }
  localStorage.setItem(KEY, key);
  if (location.hash) history.replaceState(null, "", location.pathname);
}

async function showCode() {
  const mine = visitor;
  if (!mine) return;
  find("code-problem").textContent = "";
  find("qr").removeAttribute("src");
  find("code").showModal();
  try {
    const headers = await mine.headers();
    const link = await callJSON(`${CURRENT}/link`, { method: "POST", headers });
    mine.heard();
    if (visitor !== mine) return;
    find("qr").src = `data:image/svg+xml;base64,${btoa(link.qr_svg)}`;
    find("qr").alt = wordsOf(language).phoneTitle;
  } catch (error) {
    find("code-problem").textContent = describeProblem(error, language);
  }
}

async function sign(options) {
  const mine = visitor;
  try {
    await mine?.touch(options);
  } catch (error) {
    if (visitor === mine && error.code === "visitor_session_ended") leave();
  }
}

function tick() {
  if (!visitor) return;
  if (["listening", "sending", "speaking"].includes(microphone.state)) sign();
  const left = visitor.left;
  const still = find("still");
  if (left <= 0) leave();
  else if (left > WARN_SECONDS) still.close();
  else {
    find("left").textContent = String(Math.ceil(left));
    if (!still.open) still.showModal();
  }
}

find("setup").addEventListener("submit", async (event) => {
  event.preventDefault();
  find("key-problem").textContent = "";
  try {
    await keep(find("key").value.trim());
    find("key").value = "";
    rest();
  } catch (error) {
    find("key-problem").textContent = error.code === "other" ? error.detail : describeProblem(error, language);
  }
});
find("done").addEventListener("click", () => leave());
find("leave").addEventListener("click", () => leave());
find("stay").addEventListener("click", () => sign({ now: true }));
find("still").addEventListener("cancel", () => sign({ now: true }));
find("phone").addEventListener("click", showCode);
find("code-close").addEventListener("click", () => find("code").close());
for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => sign(), { passive: true });
}
// Whoever closes, reloads or leaves the page is gone, too.
addEventListener("pagehide", () => leave());
addEventListener("contextmenu", (event) => event.preventDefault());
const choose = chooseLanguages(
  home,
  (chosen) => {
    language = chosen;
    answers.language = chosen;
    microphone.words = wordsOf(chosen);
    const other = chosen === "id" ? "en" : "id";
    find("hello-other").textContent = wordsOf(other).kioskGreeting;
    find("hello-other").lang = other;
  },
  { remember: false },
);
setInterval(tick, 500);
if (location.hash === "#setup") setUp();
else rest();
