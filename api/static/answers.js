// What was said, as it comes: the question, the answer, where it is written.

import { wordsOf } from "./words.js";

// Pixels between a turn and the bars.
const MARGIN = 16;
const WEB = /^https?:\/\//i;
const INLINE = /(\*\*[^*\n]+\*\*|\[\d{1,3}\])/;
const BULLET = /^\s*[-*•]\s+/;

/**
 * A list of turns in `list` (an <ol>). Everything is written as text, never as HTML.
 *
 * Options: `language`; `links`: sources may be followed (not on a kiosk, whose screen
 * nobody leads back); `emotion`: say how a question sounded.
 */
export class AnswerList {
  language;
  #list;
  #options;
  #count = 0;

  constructor(list, { language, links = true, emotion = true } = {}) {
    this.#list = list;
    this.language = language;
    this.#options = { links, emotion };
  }

  /** Whether nothing was said. */
  get empty() {
    return this.#list.childElementCount === 0;
  }

  /** Forget everything. */
  clear() {
    this.#list.replaceChildren();
    this.#count = 0;
  }

  /** Begin a turn and return it. */
  begin() {
    this.#count += 1;
    const turn = new Turn(this, `turn-${this.#count}`, this.#options);
    this.#list.append(turn.element);
    turn.show();
    return turn;
  }

  /** Write the messages of a conversation as the service has them. */
  write(messages) {
    let turn = null;
    for (const message of messages) {
      if (message.role === "user" || !turn) turn = this.begin();
      if (message.role === "user") turn.ask(message.text);
      else turn.complete({ answer: message.text, citations: message.citations, language: message.language });
    }
  }
}

class Turn {
  element = make("li", "turn");
  #owner;
  #id;
  #options;
  #question = make("p", "question");
  #answer = make("div", "answer");
  #sources = make("ol", "sources");
  #notes = make("p", "note");
  #text = "";

  constructor(owner, id, options) {
    this.#owner = owner;
    this.#id = id;
    this.#options = options;
    this.#answer.setAttribute("aria-live", "polite");
    // Read out as a whole, not with every word that comes.
    this.#answer.setAttribute("aria-busy", "true");
    for (const part of [this.#question, this.#notes, this.#answer, this.#sources]) {
      part.hidden = true;
    }
    this.element.append(this.#question, this.#answer, this.#sources, this.#notes);
  }

  /** Take an event of `/v1/audio` or of `/v1/chat`. */
  take({ name, data }) {
    if (name === "transcript.text.delta") this.ask(data.delta, { more: true });
    if (name === "transcript.text.done") this.ask(data.text, { language: data.language });
    if (name === "emotion.done") this.#feel(data);
    if (name === "response.output_text.delta" || name === "answer.delta") this.add(data.delta);
    if (name === "response.done" || name === "answer.completed") this.complete(data);
  }

  /** Write the question; with `more`, another piece of it. */
  ask(text, { more = false, language = "" } = {}) {
    const said = more ? this.#question.textContent + text : text;
    this.#question.textContent = said;
    this.#question.hidden = !said.trim();
    if (language) this.#question.lang = language;
    this.show();
  }

  /** Write another piece of the answer. */
  add(delta) {
    this.#text += delta;
    this.#write(this.#text);
  }

  /** Write the whole answer with its sources. */
  complete({ answer, citations = [], warnings = [], language }) {
    const words = wordsOf(this.#owner.language);
    if (language) this.#answer.lang = language;
    this.#write(answer);
    this.#answer.setAttribute("aria-busy", "false");
    this.#sources.replaceChildren(...citations.map((one) => this.#source(one, words)));
    this.#sources.hidden = citations.length === 0;
    this.#sources.setAttribute("aria-label", words.sources);
    if (warnings.includes("tts_failed")) this.note(words.noSound);
    this.show();
  }

  /** Write a remark below. */
  note(text, kind = "") {
    this.#notes.textContent = text;
    this.#notes.className = `note ${kind}`;
    this.#notes.hidden = false;
    this.show();
  }

  /** Take the turn away again if nothing was said in it. */
  dropIfEmpty() {
    if (!this.element.textContent.trim()) this.element.remove();
  }

  /** Bring the turn into view: the whole of it, or its beginning when it is long. */
  show() {
    const top = (document.querySelector(".bar")?.offsetHeight ?? 0) + MARGIN;
    const bottom = innerHeight - (document.querySelector(".desk")?.offsetHeight ?? 0) - MARGIN;
    const box = this.element.getBoundingClientRect();
    const long = box.height > bottom - top;
    const by = long || box.top < top ? box.top - top : Math.max(0, box.bottom - bottom);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (by) scrollBy({ top: by, behavior: calm ? "auto" : "smooth" });
  }

  #feel({ label }) {
    const felt = wordsOf(this.#owner.language).emotion[label];
    if (felt && this.#options.emotion) this.#question.dataset.feeling = felt;
  }

  #write(text) {
    this.#answer.replaceChildren(...blocksOf(text, (mark) => this.#mark(mark)));
    this.#answer.hidden = !text.trim();
    this.show();
  }

  #mark(number) {
    const mark = make("a", "mark", number);
    mark.href = `#${this.#id}-source-${number}`;
    mark.addEventListener("click", (event) => {
      // The address stays as it is; only the source is shown.
      event.preventDefault();
      const source = document.getElementById(`${this.#id}-source-${number}`);
      source?.scrollIntoView({ block: "center" });
      source?.focus({ preventScroll: true });
    });
    return mark;
  }

  #source(citation, words) {
    const item = make("li", "source");
    item.id = `${this.#id}-source-${citation.index}`;
    item.tabIndex = -1;
    const place = [
      citation.section,
      citation.page ? `${words.page} ${citation.page}` : "",
    ].filter(Boolean);
    const followed = this.#options.links && WEB.test(citation.url ?? "");
    const title = make(followed ? "a" : "span", "title", citation.title);
    if (followed) {
      title.href = citation.url;
      title.target = "_blank";
      title.rel = "noopener noreferrer";
    }
    item.append(make("span", "number", String(citation.index)), title);
    if (place.length) item.append(make("span", "place", place.join(" · ")));
    if (citation.quote) item.append(make("q", "quote", citation.quote));
    return item;
  }
}

function* blocksOf(text, markOf) {
  let list = null;
  for (const line of text.split("\n")) {
    if (!line.trim()) {
      if (list) yield list;
      list = null;
    } else if (BULLET.test(line)) {
      list ??= make("ul", "points");
      const point = make("li", "");
      point.append(...inlineOf(line.replace(BULLET, ""), markOf));
      list.append(point);
    } else {
      if (list) yield list;
      list = null;
      const paragraph = make("p", "");
      paragraph.append(...inlineOf(line, markOf));
      yield paragraph;
    }
  }
  if (list) yield list;
}

function* inlineOf(text, markOf) {
  for (const part of text.split(INLINE)) {
    if (part.startsWith("**") && part.endsWith("**") && part.length > 4) {
      yield make("strong", "", part.slice(2, -2));
    } else if (/^\[\d+\]$/.test(part)) {
      yield markOf(part.slice(1, -1));
    } else if (part) {
      yield document.createTextNode(part);
    }
  }
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
