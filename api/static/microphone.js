// One button to speak with: records, shows how loud it is, asks, plays the answer.
//
// No framework and no custom element: give it a <button> and a function that asks.
//
//   const microphone = new MicrophoneButton(button, { words, status, ask, onEvent });
//   microphone.press();          // the same as a click
//
// The button's `data-state` is idle, listening, sending, speaking or error; its custom
// property `--level` is the loudness, 0 to 1; `data-played` the seconds of sound played.

import { SpeechPlayer } from "./player.js";

const FORMATS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const CONSTRAINTS = {
  audio: {
    channelCount: 1,
    // Without it the answer from the loudspeaker would be heard as a question.
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  },
};
const MOST_SECONDS = 60;
// Louder than this, and three times louder than the room, is speech.
const SPEECH_LEVEL = 0.015;
const OVER_THE_ROOM = 3;

/**
 * The button, from press to the end of the spoken answer.
 *
 * Options:
 *   words      texts: press, pressAgain, listening, sending, speaking, start,
 *              stopListening, sendingCancel, stopSpeaking, denied, noMicrophone,
 *              microphoneBusy, insecure, nothingRecorded
 *   status     an element with role="status", told what happens
 *   ask        (recording, signal) => async iterable of {name, data} as /v1/audio sends
 *   onEvent    called with each {name, data}
 *   onState    called with the new state
 *   describe   (error) => one sentence for people
 *   hush       seconds of silence after speech that end the recording; 0: only a press
 */
export class MicrophoneButton {
  state = "idle";
  #button;
  #options;
  #player = new SpeechPlayer();
  #recorder = null;
  #stream = null;
  #cancel = null;
  #asked = false;
  #opening = false;
  #error = null;

  constructor(button, options) {
    this.#button = button;
    this.#options = { hush: 0, onEvent() {}, onState() {}, describe: String, ...options };
    button.addEventListener("click", () => this.press());
    this.#show("idle");
  }

  /** Use other texts from now on. */
  set words(words) {
    this.#options.words = words;
    this.#show(this.state, this.#error ? this.#reasonOf(this.#error) : "");
  }

  /** Do what the button does now: speak, be done, cancel, be silent. */
  async press() {
    if (this.state === "listening") this.#recorder?.stop();
    else if (this.state === "sending" || this.state === "speaking") this.stop();
    else if (!this.#opening) await this.#turn();
  }

  /** End whatever goes on, at once and without an answer. */
  stop() {
    this.#cancel?.abort();
    this.#opening = false;
    this.#player.stop();
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    this.#closeStream();
    this.#show("idle");
  }

  /** End whatever goes on, and wait for somebody new. */
  reset() {
    this.#asked = false;
    this.#error = null;
    delete this.#button.dataset.played;
    this.#player.scheduledSeconds = 0;
    this.stop();
  }

  async #turn() {
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.#opening = true;
    this.#error = null;
    try {
      // At once, within the press: later the browser would not allow sound.
      const unlocked = this.#player.unlock();
      const recording = await this.#record(cancel.signal);
      await unlocked;
      if (cancel.signal.aborted) return;
      this.#show("sending");
      await this.#answer(recording, cancel.signal);
      if (!cancel.signal.aborted) this.#show("idle");
    } catch (error) {
      if (cancel.signal.aborted) return;
      this.#player.stop();
      this.#error = error;
      this.#show("error", this.#reasonOf(error));
      this.#options.onEvent({ name: "failed", data: error });
    } finally {
      this.#opening = false;
    }
  }

  async #answer(recording, signal) {
    this.#asked = true;
    for await (const event of this.#options.ask(recording, signal)) {
      if (signal.aborted) return;
      if (event.name === "speech.audio.delta") {
        this.#player.add(event.data.audio, event.data.sample_rate);
        this.#button.dataset.played = this.#player.scheduledSeconds.toFixed(2);
        this.#show("speaking");
      }
      this.#options.onEvent(event);
    }
    await this.#player.finished();
  }

  async #record(signal) {
    if (!navigator.mediaDevices?.getUserMedia) throw new MicrophoneProblem("insecure");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
    } catch (error) {
      throw new MicrophoneProblem(NAMES[error.name] ?? "microphoneBusy");
    }
    this.#stream = stream;
    if (signal.aborted) {
      this.#closeStream();
      return null;
    }
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    const pieces = [];
    recorder.ondataavailable = ({ data }) => data.size && pieces.push(data);
    this.#recorder = recorder;
    const ended = new Promise((resolve, reject) => {
      recorder.onstop = resolve;
      recorder.onerror = () => reject(new MicrophoneProblem("microphoneBusy"));
    });
    recorder.start(250);
    this.#opening = false;
    this.#show("listening");
    const meter = new LevelMeter(stream, this.#button, {
      hush: this.#options.hush,
      onHush: () => recorder.state === "recording" && recorder.stop(),
    });
    try {
      await ended;
    } finally {
      meter.close();
      this.#closeStream();
    }
    const recording = new Blob(pieces, { type: recorder.mimeType });
    if (!recording.size && !signal.aborted) throw new MicrophoneProblem("nothingRecorded");
    return recording;
  }

  #closeStream() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }

  #reasonOf(error) {
    return error instanceof MicrophoneProblem
      ? this.#options.words[error.reason]
      : this.#options.describe(error);
  }

  #show(state, reason = "") {
    const { words, status } = this.#options;
    const idle = this.#asked ? words.pressAgain : words.press;
    const said = { idle, error: reason };
    const labels = {
      listening: words.stopListening,
      sending: words.sendingCancel,
      speaking: words.stopSpeaking,
    };
    const changed = state !== this.state;
    this.state = state;
    this.#button.dataset.state = state;
    this.#button.setAttribute("aria-label", labels[state] ?? words.start);
    if (state !== "listening") this.#button.style.setProperty("--level", "0");
    if (status) {
      const text = said[state] ?? words[state];
      // Written only when it is another text: each writing is read out.
      if (status.textContent !== text) status.textContent = text;
      status.dataset.state = state;
    }
    if (changed) this.#options.onState(state);
  }
}

const NAMES = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "noMicrophone",
  OverconstrainedError: "noMicrophone",
  NotReadableError: "microphoneBusy",
};

/** The microphone cannot be used; `reason` is the name of a text. */
export class MicrophoneProblem extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** Shows how loud it is, and tells when somebody spoke and then was silent. */
class LevelMeter {
  #context = new AudioContext();
  #analyser;
  #samples;
  #timer;
  #room = Infinity;
  #spokeAt = 0;
  #startedAt = performance.now();

  constructor(stream, element, { hush, onHush }) {
    // Some browsers start it asleep.
    this.#context.resume().catch(() => {});
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    this.#timer = setInterval(() => {
      const level = this.#level();
      // Speech is quiet on a linear scale; a square root looks like what is heard.
      const shown = Math.min(1, Math.sqrt(level * 4));
      element.style.setProperty("--level", shown.toFixed(3));
      if (this.#isOver(level, hush)) onHush();
    }, 60);
  }

  close() {
    clearInterval(this.#timer);
    this.#context.close().catch(() => {});
  }

  #level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0);
    return Math.sqrt(power / this.#samples.length);
  }

  #isOver(level, hush) {
    const now = performance.now();
    this.#room = Math.min(this.#room * 1.005, Math.max(level, 1e-4));
    if (level > Math.max(SPEECH_LEVEL, this.#room * OVER_THE_ROOM)) this.#spokeAt = now;
    if (now - this.#startedAt > MOST_SECONDS * 1000) return true;
    return hush > 0 && this.#spokeAt > 0 && now - this.#spokeAt > hush * 1000;
  }
}
