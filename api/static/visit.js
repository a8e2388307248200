// `/visit`: a conversation from a kiosk, opened once on a phone.

import { AnswerList } from "./answers.js";
import { chooseLanguages } from "./languages.js";
import { MicrophoneButton } from "./microphone.js";
import { Problem, askAloud, askInWriting, callJSON } from "./service.js";
import { describeProblem, firstLanguage, wordsOf } from "./words.js";

const VISIT = "tanya-visit";

const find = (id) => document.getElementById(id);
let language = firstLanguage();
let turn = null;
let writing = null;
// The token stands behind the #, which browsers keep to themselves; from here on it is
// not in the address either. It is used by a press, so that programs which look at links
// before people do leave it whole.
let token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  sessionStorage.removeItem(VISIT);
}

const answers = new AnswerList(find("turns"), { language });
const microphone = new MicrophoneButton(find("microphone"), {
  words: quietly(language),
  status: find("status"),
  ask: (recording, signal) => askAloud(recording, { headers: headers(), language, signal }),
  onEvent: take,
  onState: (state) => {
    if (state === "sending") turn = answers.begin();
  },
  describe: (error) => describeProblem(error, language),
});

/** The texts without those of a button that waits: here a field to write in says it. */
function quietly(chosen) {
  return { ...wordsOf(chosen), press: "", pressAgain: "" };
}

function visit() {
  const known = JSON.parse(sessionStorage.getItem(VISIT) ?? "null");
  return known && known.expires_at * 1000 > Date.now() ? known : null;
}

function headers() {
  const { key, conversation_id } = visit() ?? {};
  return { "X-API-Key": key ?? "", "X-Conversation-Id": conversation_id ?? "" };
}

function take(event) {
  if (event.name !== "failed") {
    turn?.take(event);
    return;
  }
  const error = event.data;
  if (error.transcript) turn?.ask(error.transcript);
  turn?.dropIfEmpty();
  if (error.code === "not_authenticated") fail(error);
}

function fail(error) {
  if (error.code === "not_authenticated") {
    sessionStorage.removeItem(VISIT);
    show(wordsOf(language).visitEnded);
  } else {
    turn?.note(describeProblem(error, language), "failed");
  }
}

async function open() {
  find("problem").textContent = "";
  find("open").disabled = true;
  try {
    const opened = await callJSON("v1/visits", { method: "POST", body: { token } });
    token = "";
    sessionStorage.setItem(VISIT, JSON.stringify(opened));
    await recall();
  } catch (error) {
    if (error.code === "link_used") token = "";
    show(describeProblem(error, language));
  } finally {
    find("open").disabled = false;
  }
}

async function recall() {
  show();
  try {
    const path = `v1/conversations/${visit().conversation_id}`;
    const whole = await callJSON(path, { headers: { "X-API-Key": visit().key } });
    answers.clear();
    answers.write(whole.messages);
  } catch (error) {
    if (error.code === "not_authenticated") fail(error);
    else find("until").textContent = describeProblem(error, language);
  }
}

async function send() {
  const message = find("message").value.trim();
  if (!message || writing) return;
  microphone.stop();
  find("message").value = "";
  grow();
  turn = answers.begin();
  turn.ask(message);
  writing = new AbortController();
  find("send").disabled = true;
  find("status").textContent = wordsOf(language).sending;
  try {
    const events = askInWriting(message, { headers: headers(), signal: writing.signal });
    for await (const event of events) turn.take(event);
  } catch (error) {
    fail(error instanceof Problem ? error : new Problem({}));
  } finally {
    writing = null;
    find("send").disabled = false;
    find("status").textContent = "";
  }
}

function show(problem = "") {
  const words = wordsOf(language);
  const known = visit();
  find("door").hidden = Boolean(known);
  find("desk").hidden = !known;
  find("until").hidden = !known;
  find("open").hidden = !token;
  find("hint").hidden = !token;
  find("problem").textContent = problem || (token || known ? "" : words.visitMissing);
  if (!known) answers.clear();
  else {
    const time = new Date(known.expires_at * 1000);
    const shown = time.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
    find("until").textContent = `${words.visitUntil} ${shown}.`;
  }
}

function grow() {
  const field = find("message");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
}

find("open").addEventListener("click", open);
find("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
find("message").addEventListener("input", grow);
find("message").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
chooseLanguages(language, (chosen) => {
  language = chosen;
  answers.language = chosen;
  microphone.words = quietly(chosen);
  show();
});
if (visit()) recall();
