// Plays one endless Ogg Opus stream: fetch() and WebCodecs where a secure context has them, else
// Media Source Extensions with the same packets in WebM, else the browser's own <audio>.
// (An <audio> element waits for some 30 KB before it plays, which is many seconds of speech.)

import { OggReader } from "./ogg.js";
import { cluster, initialization } from "./webm.js";

const RATE = 48000;
const FRAME = 960;
const LEAD = 0.2; // seconds between hearing and the newest audio, at the start
const FAR = 1.0; // beyond this, play a little faster
const TOO_FAR = 4.0; // beyond this, drop
const RETRIES = [0.5, 1, 2, 4, 8, 15];

export function ways() {
  const mse = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
  const found = [];
  if (globalThis.AudioDecoder) found.push("webcodecs");
  if (mse?.isTypeSupported('audio/webm; codecs="opus"')) found.push("mse");
  found.push("element");
  return found;
}

// state: "connecting", "playing", "waiting" (it will try again) or "stopped".
export class Player {
  #context = null;
  #gain = null;
  #analyser = null;
  #abort = null;
  #sink = null;
  #volume = 1;

  constructor(onState, way = ways()[0]) {
    this.way = way;
    this.state = "stopped";
    this.onState = onState;
  }

  // Call it from a click: browsers let pages sound only then.
  play(url) {
    this.stop();
    this.#prepare();
    const abort = new AbortController();
    this.#abort = abort;
    this.#sink = this.#makeSink(url);
    this.#run(url, abort.signal, this.#sink);
  }

  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.#sink?.close();
    this.#sink = null;
    this.#set("stopped");
  }

  set volume(value) {
    this.#volume = value;
    if (this.#gain) this.#gain.gain.value = value;
  }

  // The node through which everything heard goes, for meters.
  get output() {
    return this.#analyser;
  }

  // The root mean square of what sounds now, 0 … 1.
  level() {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  }

  #prepare() {
    if (!this.#context) {
      this.#context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
      this.#analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
      this.#gain = new GainNode(this.#context, { gain: this.#volume });
      this.#analyser.connect(this.#gain).connect(this.#context.destination);
    }
    this.#context.resume();
  }

  #makeSink(url) {
    if (this.way === "webcodecs") return new CodecSink(this.#context, this.#analyser);
    if (this.way === "mse") return new MseSink(this.#context, this.#analyser);
    return new ElementSink(this.#context, this.#analyser, url);
  }

  #set(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }

  async #run(url, signal, sink) {
    if (sink instanceof ElementSink) {
      sink.start((state) => { if (!signal.aborted) this.#set(state); });
      return;
    }
    for (let failures = 0; !signal.aborted; failures++) {
      this.#set(failures ? "waiting" : "connecting");
      try {
        const response = await fetch(`${url}?cadence=low`, { signal, cache: "no-store" });
        if (!response.ok) throw new Error(`the server says ${response.status}`);
        const reader = response.body.getReader();
        const ogg = new OggReader();
        sink.begin();
        for (let ended = false; !ended;) {
          const { value, done } = await reader.read();
          if (done || signal.aborted) break;
          for (const page of ogg.feed(value)) {
            if (page.granule > 0) {
              sink.page(page);
              failures = 0;
              this.#set("playing");
            } else {
              sink.header(page.packets[0]);
            }
            ended = page.eos;
          }
        }
      } catch (error) {
        if (!signal.aborted) console.info("listening again soon:", error.message);
      }
      if (signal.aborted) return;
      this.#set("waiting");
      const pause = RETRIES[Math.min(failures, RETRIES.length - 1)] * (0.75 + Math.random() / 2);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, pause * 1000);
        signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
      });
    }
  }
}

// Decodes packets and lets the audio context play them one behind the other.
class CodecSink {
  #context;
  #output;
  #decoder = null;
  #next = 0; // the context's sample at which what was scheduled ends
  #scheduled = new Set();

  constructor(context, output) {
    this.#context = context;
    this.#output = output;
  }

  begin() {
    this.close();
    const decoder = new AudioDecoder({
      output: (data) => this.#schedule(data),
      error: (error) => console.warn("decoding:", error.message),
    });
    decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 1 });
    this.#decoder = decoder;
    this.#next = 0;
  }

  header() {}

  page(page) {
    if (this.#decoder?.state !== "configured") this.begin();
    const first = page.granule - FRAME * page.packets.length;
    page.packets.forEach((data, index) => {
      const timestamp = ((first + index * FRAME) / RATE) * 1e6;
      this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data }));
    });
  }

  close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    for (const source of this.#scheduled) source.stop();
    this.#scheduled.clear();
  }

  #schedule(data) {
    const frames = data.numberOfFrames;
    const buffer = new AudioBuffer({ length: frames, sampleRate: data.sampleRate });
    data.copyTo(buffer.getChannelData(0), { planeIndex: 0, format: "f32-planar" });
    data.close();
    // Whole samples, so that blocks meet exactly.
    const now = Math.ceil(this.#context.currentTime * RATE);
    if (this.#next < now) this.#next = now + LEAD * RATE; // at the start, or it ran dry
    const ahead = (this.#next - now) / RATE;
    if (ahead > TOO_FAR) return;
    // Two clocks are never quite alike: half a percent is not heard.
    const rate = ahead > FAR ? 1.005 : 1;
    const source = new AudioBufferSourceNode(this.#context, { buffer, playbackRate: rate });
    source.connect(this.#output);
    source.onended = () => { this.#scheduled.delete(source); source.disconnect(); };
    source.start(this.#next / RATE);
    this.#scheduled.add(source);
    this.#next += Math.round((frames * (RATE / buffer.sampleRate)) / rate);
  }
}

// Gives the packets to an audio element as WebM.
class MseSink {
  #context;
  #output;
  #audio = new Audio();
  #node = null;
  #media = null;
  #buffer = null;
  #queue = [];
  #head = null;
  #first = null;
  #url = null;

  constructor(context, output) {
    this.#context = context;
    this.#output = output;
    this.#node = context.createMediaElementSource(this.#audio);
    this.#node.connect(output);
  }

  begin() {
    this.#release();
    const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
    const media = new Source();
    this.#media = media;
    this.#queue = [];
    this.#first = null;
    this.#url = URL.createObjectURL(media);
    this.#audio.disableRemotePlayback = true;
    this.#audio.src = this.#url;
    media.addEventListener("sourceopen", () => {
      if (media !== this.#media) return;
      this.#buffer = media.addSourceBuffer('audio/webm; codecs="opus"');
      this.#buffer.addEventListener("updateend", () => this.#feed());
      this.#feed();
    }, { once: true });
    this.#audio.play().catch((error) => {
      if (error.name !== "AbortError") console.warn("playing:", error.message);
    });
  }

  header(packet) {
    if (packet[4] !== 0x48) return; // OpusTags
    this.#queue.push(initialization(packet));
  }

  page(page) {
    const start = page.granule - FRAME * page.packets.length;
    this.#first ??= start;
    this.#queue.push(cluster(Math.round((start - this.#first) / 48), page.packets));
    if (this.#queue.length > 1000) this.#queue.splice(1, this.#queue.length - 1000);
    this.#feed();
  }

  #feed() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#media.readyState !== "open") return;
    const buffered = buffer.buffered;
    if (buffered.length) {
      const end = buffered.end(buffered.length - 1);
      const now = this.#audio.currentTime;
      if (end - now > TOO_FAR || now < buffered.start(0))
        this.#audio.currentTime = Math.max(buffered.start(0), end - LEAD);
      if (now - buffered.start(0) > 60) {
        buffer.remove(0, now - 30);
        return;
      }
    }
    const next = this.#queue.shift();
    if (next) buffer.appendBuffer(next);
  }

  close() {
    this.#release();
    this.#node.disconnect();
  }

  #release() {
    this.#audio.pause();
    this.#media = null;
    this.#buffer = null;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
    this.#audio.removeAttribute("src");
    this.#audio.load();
  }
}

// The browser's own player: slow to start, but it is everywhere.
class ElementSink {
  #audio = new Audio();
  #url;

  constructor(context, output, url) {
    this.#url = url;
    context.createMediaElementSource(this.#audio).connect(output);
  }

  start(onState) {
    const again = () => {
      onState("connecting");
      this.#audio.src = `${this.#url}?burst=12`;
      this.#audio.play().catch(() => {});
    };
    this.#audio.addEventListener("playing", () => onState("playing"));
    for (const event of ["ended", "error"])
      this.#audio.addEventListener(event, () => {
        if (!this.#url) return;
        onState("waiting");
        setTimeout(() => this.#url && again(), 3000);
      });
    again();
  }

  close() {
    this.#url = null;
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#audio.load();
  }
}
