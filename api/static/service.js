// How the pages ask the service: one function a door, events as they come.

const ROOT = new URL("../", import.meta.url);

/** An answer that is not one: `code` is for programs (see `/docs`). */
export class Problem extends Error {
  constructor({ code = "other", detail = "", status = 0, retryAfter = 0, transcript = "" }) {
    super(detail || code);
    Object.assign(this, { code, detail, status, retryAfter, transcript });
  }
}

/**
 * Send a request; `path` is relative to the root of the service.
 * Raises `Problem`, with the code `network` when nobody answered.
 */
export async function call(path, { headers = {}, ...options } = {}) {
  let reply;
  try {
    reply = await fetch(new URL(path, ROOT), {
      ...options,
      headers,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "network" });
  }
  if (reply.ok) return reply;
  let body = {};
  try {
    body = await reply.json();
  } catch {
    // A proxy's page: the status says enough.
  }
  const retryAfter = Number(reply.headers.get("Retry-After")) || 0;
  throw new Problem({ ...body, status: reply.status, retryAfter });
}

/** Send `body` as JSON and return the answer's JSON. */
export async function callJSON(path, { body, headers = {}, ...options } = {}) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const reply = await call(path, { ...options, ...sent, headers: { ...headers, ...type } });
  return reply.status === 204 ? null : reply.json();
}

/** Yield `{name, data}` for each server-sent event of `reply`, as it comes. */
export async function* readEvents(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      let end;
      while ((end = text.indexOf("\n\n")) >= 0) {
        const event = parseEvent(text.slice(0, end));
        text = text.slice(end + 2);
        if (event) yield event;
      }
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "network" });
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parseEvent(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}

/**
 * Ask aloud: yield the events of `POST /v1/audio` for a recording.
 * Raises `Problem`, also for an `error` event in the middle.
 */
export async function* askAloud(recording, { headers, language, signal }) {
  const form = new FormData();
  form.append("audio", recording, `question.${extensionOf(recording.type)}`);
  if (language) form.append("language", language);
  const reply = await call("v1/audio", {
    method: "POST",
    body: form,
    headers: { ...headers, Accept: "text/event-stream" },
    signal,
  });
  yield* untilError(readEvents(reply));
}

/** Ask in writing: yield the events of `POST /v1/chat`. Raises `Problem`. */
export async function* askInWriting(message, { headers, language, signal }) {
  const body = { message, stream: true };
  if (language) body.language = language;
  const reply = await call("v1/chat", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { ...headers, "Content-Type": "application/json" },
    signal,
  });
  yield* untilError(readEvents(reply));
}

async function* untilError(events) {
  let last = "";
  for await (const { name, data } of events) {
    if (name === "error") throw new Problem(data);
    last = name;
    yield { name, data };
  }
  // A stream that ends without its last event was cut on the way.
  if (last !== "response.done" && last !== "answer.completed") {
    throw new Problem({ code: "network" });
  }
}

function extensionOf(type) {
  if (type.includes("mp4")) return "m4a";
  return type.includes("ogg") ? "ogg" : "webm";
}
