// Sound as it comes: 16-bit samples, scheduled one piece behind the other.

// A piece that comes late begins so soon; less would crackle on slow machines.
const LEAD_SECONDS = 0.06;

/** Plays pieces of PCM in order; `scheduledSeconds` says how much was handed over. */
export class SpeechPlayer {
  #context = null;
  #sources = new Set();
  #next = 0;
  #waiting = [];
  scheduledSeconds = 0;

  /** Wake the sound up; browsers allow it only within a press of a button. */
  async unlock() {
    this.#context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.#context.state === "suspended") await this.#context.resume();
  }

  /** Whether something is still to be heard. */
  get playing() {
    return this.#sources.size > 0;
  }

  /** Play `base64` (PCM, 16 bit little-endian, one channel) after what is planned. */
  add(base64, sampleRate) {
    const samples = decode(base64);
    if (!samples.length || !this.#context) return;
    const buffer = this.#context.createBuffer(1, samples.length, sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    const at = Math.max(this.#next, this.#context.currentTime + LEAD_SECONDS);
    source.start(at);
    this.#next = at + buffer.duration;
    this.scheduledSeconds += buffer.duration;
    this.#sources.add(source);
    source.onended = () => {
      this.#sources.delete(source);
      if (!this.playing) this.#settle();
    };
  }

  /** Resolve when all that was added has been heard, or was stopped. */
  async finished() {
    if (!this.playing) return;
    await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Be silent at once. */
  stop() {
    for (const source of this.#sources) {
      source.onended = null;
      source.stop();
    }
    this.#sources.clear();
    this.#next = 0;
    this.#settle();
  }

  #settle() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function decode(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const samples = new Float32Array(bytes.length >> 1);
  for (let place = 0; place < samples.length; place += 1) {
    samples[place] = view.getInt16(place * 2, true) / 32768;
  }
  return samples;
}
