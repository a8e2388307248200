// Lets the official OpenAI client loose on a service and prints what it saw as JSON.
// Usage: BASE_URL=... API_KEY=... SOUND=file.wav node ask.mjs

import { createReadStream } from "node:fs";
import { File } from "node:buffer";
import OpenAI from "openai";

// Node 18 has it, but not where the client looks.
globalThis.File ??= File;

const { BASE_URL, API_KEY, SOUND } = process.env;
const QUESTION = { role: "user", content: "Kapan pendaftaran mahasiswa baru dibuka?" };
const makeClient = (apiKey) =>
  new OpenAI({ baseURL: BASE_URL, apiKey, maxRetries: 0 });
const client = makeClient(API_KEY);

async function streamOf(stream) {
  const found = [];
  for await (const event of stream) found.push(event);
  return found;
}

async function bytesOf(response) {
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    type: response.headers.get("content-type"),
    length: bytes.length,
    head: bytes.subarray(0, 4).toString("latin1"),
  };
}

const jobs = {
  models: async () => (await client.models.list()).data,
  model: () => client.models.retrieve("tanya"),
  chat: () => client.chat.completions.create({ model: "tanya", messages: [QUESTION] }),
  follow_up: () =>
    client.chat.completions.create({
      model: "tanya",
      messages: [
        { role: "system", content: "You are a helpful assistant." },
        QUESTION,
        { role: "assistant", content: "Pendaftaran dibuka 1 Maret 2026." },
        { role: "user", content: [{ type: "text", text: "Kapan ditutup?" }] },
      ],
    }),
  stream: async () =>
    streamOf(
      await client.chat.completions.create({
        model: "tanya",
        messages: [QUESTION],
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  runner: () =>
    client.chat.completions
      .stream({ model: "tanya", messages: [QUESTION] })
      .finalContent(),
  transcript: () =>
    client.audio.transcriptions.create({
      model: "whisper-1",
      file: createReadStream(SOUND),
    }),
  transcript_stream: async () =>
    streamOf(
      await client.audio.transcriptions.create({
        model: "tanya-transcribe",
        file: createReadStream(SOUND),
        stream: true,
      }),
    ),
  transcript_vtt: () =>
    client.audio.transcriptions.create({
      model: "tanya-transcribe",
      file: createReadStream(SOUND),
      response_format: "vtt",
    }),
  speech: async () =>
    bytesOf(
      await client.audio.speech.create({
        model: "tanya-speech",
        voice: "alloy",
        input: "Registration opens on 1 March.",
        response_format: "flac",
      }),
    ),
  wrong_key: () => makeClient("wrong").models.list(),
  unknown_model: () =>
    client.chat.completions.create({ model: "gpt-4o", messages: [QUESTION] }),
  image: () =>
    client.chat.completions.create({
      model: "tanya",
      messages: [
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: "https://example.org/a.png" } }],
        },
      ],
    }),
};

const seen = {};
for (const [name, job] of Object.entries(jobs)) {
  try {
    seen[name] = { value: await job() };
  } catch (error) {
    seen[name] = {
      error: error.constructor.name,
      status: error.status,
      code: error.code,
      param: error.param,
      message: error.message,
      request_id: error.requestID,
    };
  }
}
console.log(JSON.stringify(seen));
