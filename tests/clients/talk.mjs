// Holds a spoken conversation through the official OpenAI client, interrupts it, and
// prints what it saw as JSON. Usage: BASE_URL=... API_KEY=... SOUND=clip.pcm
// DOOR=node|browser node talk.mjs  (SOUND: 16 bit, 24 kHz, one channel, no header)

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { WebSocket } from "ws";

const { BASE_URL, API_KEY, SOUND, DOOR } = process.env;
const QUESTION =
  "Tell me about the opening, the cards, the overdue books and study rooms.";
const BYTES_A_SECOND = 48_000;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// What a browser brings along.
globalThis.WebSocket ??= WebSocket;

// The client always asks for TLS; the service under test has none in front of it.
function open(client) {
  if (DOOR === "node") {
    const { hostname, port } = new URL(BASE_URL);
    const createConnection = () => connect(Number(port), hostname);
    return new OpenAIRealtimeWS({ model: "tanya", options: { createConnection } }, client);
  }
  return new OpenAIRealtimeWebSocket(
    {
      model: "tanya",
      dangerouslyAllowBrowser: true,
      onURL: (url) => (url.protocol = "ws:"),
    },
    client,
  );
}

async function secretFor(client) {
  const made = await client.realtime.clientSecrets.create({
    expires_after: { anchor: "created_at", seconds: 60 },
    session: { type: "realtime" },
  });
  return made.value;
}

const server = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });
const apiKey = DOOR === "browser" ? await secretFor(server) : API_KEY;
const call = open(new OpenAI({ baseURL: BASE_URL, apiKey, dangerouslyAllowBrowser: true }));
const seen = [];
const waiting = [];
const errors = [];

call.on("event", (event) => {
  seen.push(event);
  for (const one of waiting.splice(0)) {
    if (one.type === event.type) one.done(event);
    else waiting.push(one);
  }
});
call.on("error", (error) => errors.push(String(error.message)));
const next = (type) => new Promise((done) => waiting.push({ type, done }));

async function speak(pcm) {
  const step = BYTES_A_SECOND / 10;
  for (let at = 0; at < pcm.length; at += step) {
    const audio = pcm.subarray(at, at + step).toString("base64");
    call.send({ type: "input_audio_buffer.append", audio });
    await pause(100);
  }
}

await next("session.created");
call.send({
  type: "session.update",
  session: {
    type: "realtime",
    audio: { input: { transcription: { language: "en" } } },
  },
});
await next("session.updated");
call.send({
  type: "conversation.item.create",
  item: {
    type: "message",
    role: "user",
    content: [{ type: "input_text", text: QUESTION }],
  },
});
call.send({ type: "response.create" });
const first = await next("response.output_audio.delta");

const cancelled = next("response.done");
const speaking = speak(
  Buffer.concat([readFileSync(SOUND), Buffer.alloc(2 * BYTES_A_SECOND)]),
);
await next("input_audio_buffer.speech_started");
const interrupted = await cancelled;
call.send({
  type: "conversation.item.truncate",
  item_id: first.item_id,
  content_index: 0,
  audio_end_ms: 0,
});
const answered = await next("response.done");
await speaking;
call.close();

console.log(
  JSON.stringify({
    conversation: answered.response.conversation_id,
    interrupted: interrupted.response,
    answered: answered.response,
    types: seen.map((event) => event.type),
    sources: seen.find((event) => event.type === "x.sources"),
    errors,
  }),
);
process.exit(0);
