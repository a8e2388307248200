// `/voice`: a microphone for people who have a key.

import { AnswerList } from "./answers.js";
import { MicrophoneButton } from "./microphone.js";
import { askAloud, callJSON } from "./service.js";
import { chooseLanguages } from "./languages.js";
import { describeProblem, firstLanguage, wordsOf } from "./words.js";

const KEY = "tanya-key";
const CONVERSATION = "tanya-conversation";

const find = (id) => document.getElementById(id);
let language = firstLanguage();
let turn = null;

const answers = new AnswerList(find("turns"), { language });
const microphone = new MicrophoneButton(find("microphone"), {
  words: wordsOf(language),
  status: find("status"),
  ask: (recording, signal) => askAloud(recording, { headers: headers(), language: find("spoken").value, signal }),
  onEvent: take,
  onState: (state) => {
    if (state === "sending") begin();
  },
  describe: (error) => describeProblem(error, language),
});

function headers() {
  return {
    "X-API-Key": sessionStorage.getItem(KEY) ?? "",
    "X-Conversation-Id": conversation(),
  };
}

function conversation() {
  const known = sessionStorage.getItem(CONVERSATION);
  if (known) return known;
  const random = crypto.getRandomValues(new Uint8Array(16));
  const made = `voice-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  sessionStorage.setItem(CONVERSATION, made);
  return made;
}

function begin() {
  find("welcome").hidden = true;
  turn = answers.begin();
}

function take(event) {
  if (event.name !== "failed") {
    turn?.take(event);
    return;
  }
  const error = event.data;
  if (error.transcript) turn?.ask(error.transcript);
  turn?.dropIfEmpty();
  find("welcome").hidden = !answers.empty;
  if (error.code === "not_authenticated") signOut(describeProblem(error, language));
}

async function signIn(key) {
  // A list that nobody reads, but it tells whether the key is one.
  await callJSON("v1/conversations?limit=1", { headers: { "X-API-Key": key } });
  sessionStorage.setItem(KEY, key);
  show();
}

function signOut(reason = "") {
  microphone.stop();
  sessionStorage.clear();
  answers.clear();
  turn = null;
  find("key").value = "";
  find("key-problem").textContent = reason;
  show();
}

async function show() {
  const inside = Boolean(sessionStorage.getItem(KEY));
  find("entry").hidden = inside;
  for (const id of ["desk", "renew", "forget"]) find(id).hidden = !inside;
  find("welcome").hidden = !inside || !answers.empty;
  if (inside) find("microphone").focus();
  else find("key").focus();
}

async function recall() {
  if (!sessionStorage.getItem(KEY) || !sessionStorage.getItem(CONVERSATION)) return;
  try {
    const whole = await callJSON(`v1/conversations/${conversation()}`, { headers: headers() });
    answers.write(whole.messages);
    find("welcome").hidden = !answers.empty;
  } catch (error) {
    if (error.code === "not_authenticated") signOut(describeProblem(error, language));
  }
}

find("entry").addEventListener("submit", async (event) => {
  event.preventDefault();
  find("key-problem").textContent = "";
  try {
    await signIn(find("key").value.trim());
  } catch (error) {
    find("key-problem").textContent = describeProblem(error, language);
  }
});
find("forget").addEventListener("click", () => signOut());
find("renew").addEventListener("click", () => {
  microphone.stop();
  sessionStorage.removeItem(CONVERSATION);
  answers.clear();
  show();
});
chooseLanguages(language, (chosen) => {
  language = chosen;
  answers.language = chosen;
  microphone.words = wordsOf(chosen);
  // Who reads in a language most likely speaks it, and hearing is better when it knows.
  find("spoken").value = chosen;
});
show();
recall();
