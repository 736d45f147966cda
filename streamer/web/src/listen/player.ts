/**
 * Plays one endless Ogg Opus stream: fetch() and WebCodecs where a secure context has them, else
 * Media Source Extensions with the same packets in WebM, else the browser's own `<audio>` (which
 * waits for some 30 KB before it plays: many seconds of speech).
 */

import { CodecSink, ElementSink, MseSink, RATE, type Sink } from './sinks'
import { OggReader } from './ogg'

const RETRIES_S = [0.5, 1, 2, 4, 8, 15]

export type Way = 'webcodecs' | 'mse' | 'element'
/** `waiting`: it lost the stream and will try again. */
export type State = 'connecting' | 'playing' | 'waiting' | 'stopped'

/** The ways to play that this browser has, the quickest first. */
export function ways(): Way[] {
  const mse = globalThis.ManagedMediaSource ?? globalThis.MediaSource
  const found: Way[] = []
  if ('AudioDecoder' in globalThis) found.push('webcodecs')
  if (mse?.isTypeSupported('audio/webm; codecs="opus"')) found.push('mse')
  found.push('element')
  return found
}

export class Player {
  state: State = 'stopped'
  #context: AudioContext | null = null
  #gain: GainNode | null = null
  #analyser: AnalyserNode | null = null
  #abort: AbortController | null = null
  #sink: Sink | null = null
  #volume = 1

  constructor(
    readonly onState: (state: State) => void,
    readonly way: Way = ways()[0]!,
  ) {}

  /** Begin to play. Call it from a click: browsers let pages sound only then. */
  play(url: string): void {
    this.stop()
    const [context, output] = this.#prepare()
    const abort = new AbortController()
    this.#abort = abort
    if (this.way === 'element') {
      this.#sink = new ElementSink(context, output, url, (state) => {
        if (!abort.signal.aborted) this.#set(state)
      })
      return
    }
    const sink = this.way === 'webcodecs' ? new CodecSink(context, output) : new MseSink(context, output)
    this.#sink = sink
    void this.#run(url, abort.signal, sink)
  }

  stop(): void {
    this.#abort?.abort()
    this.#abort = null
    this.#sink?.close()
    this.#sink = null
    this.#set('stopped')
  }

  /** 0 … 1 */
  set volume(value: number) {
    this.#volume = value
    if (this.#gain !== null) this.#gain.gain.value = value
  }

  /** The root mean square of what sounds now, 0 … 1. */
  level(): number {
    if (this.#analyser === null) return 0
    const samples = new Float32Array(this.#analyser.fftSize)
    this.#analyser.getFloatTimeDomainData(samples)
    return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)
  }

  #prepare(): [AudioContext, AudioNode] {
    if (this.#context === null || this.#analyser === null) {
      this.#context = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' })
      this.#analyser = new AnalyserNode(this.#context, { fftSize: 2048 })
      this.#gain = new GainNode(this.#context, { gain: this.#volume })
      this.#analyser.connect(this.#gain).connect(this.#context.destination)
    }
    void this.#context.resume()
    return [this.#context, this.#analyser]
  }

  #set(state: State): void {
    if (state === this.state) return
    this.state = state
    this.onState(state)
  }

  async #run(url: string, signal: AbortSignal, sink: CodecSink | MseSink): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      this.#set(failures > 0 ? 'waiting' : 'connecting')
      try {
        await this.#listen(url, signal, sink, () => (failures = 0))
      } catch (error) {
        if (!signal.aborted) console.info('listening again soon:', error)
      }
      if (signal.aborted) return
      this.#set('waiting')
      const pause = RETRIES_S[Math.min(failures, RETRIES_S.length - 1)]! * (0.75 + Math.random() / 2)
      await sleep(pause, signal)
      failures += 1
    }
  }

  async #listen(
    url: string,
    signal: AbortSignal,
    sink: CodecSink | MseSink,
    heard: () => void,
  ): Promise<void> {
    const response = await fetch(`${url}?cadence=low`, { signal, cache: 'no-store' })
    if (!response.ok) throw new Error(`the server says ${response.status}`)
    const reader = response.body!.getReader()
    const ogg = new OggReader()
    sink.begin()
    for (;;) {
      const { value, done } = await reader.read()
      if (done || signal.aborted) return
      for (const page of ogg.feed(value)) {
        if (page.granule > 0) {
          sink.page(page)
          heard()
          this.#set('playing')
        } else {
          sink.header(page.packets[0]!)
        }
        if (page.eos) return
      }
    }
  }
}

function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000)
    const early = (): void => {
      clearTimeout(timer)
      resolve()
    }
    signal.addEventListener('abort', early, { once: true })
  })
}
