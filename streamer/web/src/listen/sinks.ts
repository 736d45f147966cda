/** Where a stream's packets become sound: three ways, by what the browser has. */

import type { OggPage } from './ogg'
import { cluster, initialization } from './webm'

export const RATE = 48_000
const FRAME = 960
/** Seconds between hearing and the newest audio, at the start. */
const LEAD = 0.2
/** Seconds behind the newest audio beyond which it plays a little faster. */
const FAR = 1
/** … beyond which audio is dropped. */
const TOO_FAR = 4
const QUEUE = 1000
const OPUS_HEAD = 0x48 // the fifth letter of "OpusHead"; in "OpusTags" it is a T

export type Sink = { close(): void }

declare global {
  // Safari's, which TypeScript does not know yet.
  var ManagedMediaSource: typeof MediaSource | undefined
}

/** Decodes packets and lets the audio context play them one behind the other. */
export class CodecSink implements Sink {
  #decoder: AudioDecoder | null = null
  /** The context's sample at which what was scheduled ends. */
  #next = 0
  #scheduled = new Set<AudioBufferSourceNode>()

  constructor(
    readonly context: AudioContext,
    readonly output: AudioNode,
  ) {}

  begin(): void {
    this.close()
    const decoder = new AudioDecoder({
      output: (data) => this.#schedule(data),
      error: (error) => console.warn('decoding:', error.message),
    })
    decoder.configure({ codec: 'opus', sampleRate: RATE, numberOfChannels: 1 })
    this.#decoder = decoder
    this.#next = 0
  }

  header(): void {}

  page(page: OggPage): void {
    if (this.#decoder?.state !== 'configured') this.begin()
    const first = page.granule - FRAME * page.packets.length
    page.packets.forEach((data, index) => {
      const timestamp = ((first + index * FRAME) / RATE) * 1e6
      this.#decoder!.decode(new EncodedAudioChunk({ type: 'key', timestamp, data }))
    })
  }

  close(): void {
    if (this.#decoder !== null && this.#decoder.state !== 'closed') this.#decoder.close()
    this.#decoder = null
    for (const source of this.#scheduled) source.stop()
    this.#scheduled.clear()
  }

  #schedule(data: AudioData): void {
    const frames = data.numberOfFrames
    const buffer = new AudioBuffer({ length: frames, sampleRate: data.sampleRate })
    data.copyTo(buffer.getChannelData(0), { planeIndex: 0, format: 'f32-planar' })
    data.close()
    // Whole samples, so that blocks meet exactly.
    const now = Math.ceil(this.context.currentTime * RATE)
    if (this.#next < now) this.#next = now + LEAD * RATE // at the start, or it ran dry
    const ahead = (this.#next - now) / RATE
    if (ahead > TOO_FAR) return
    // Two clocks are never quite alike: half a percent is not heard.
    const rate = ahead > FAR ? 1.005 : 1
    const source = new AudioBufferSourceNode(this.context, { buffer, playbackRate: rate })
    source.connect(this.output)
    source.onended = () => {
      this.#scheduled.delete(source)
      source.disconnect()
    }
    source.start(this.#next / RATE)
    this.#scheduled.add(source)
    this.#next += Math.round((frames * (RATE / buffer.sampleRate)) / rate)
  }
}

/** Gives the packets to an audio element as WebM. */
export class MseSink implements Sink {
  #audio = new Audio()
  #node: MediaElementAudioSourceNode
  #media: MediaSource | null = null
  #buffer: SourceBuffer | null = null
  #queue: Uint8Array<ArrayBuffer>[] = []
  #first: number | null = null
  #url: string | null = null

  constructor(context: AudioContext, output: AudioNode) {
    this.#node = context.createMediaElementSource(this.#audio)
    this.#node.connect(output)
  }

  begin(): void {
    this.#release()
    const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource
    const media = new Source()
    this.#media = media
    this.#queue = []
    this.#first = null
    this.#url = URL.createObjectURL(media)
    this.#audio.disableRemotePlayback = true
    this.#audio.src = this.#url
    media.addEventListener(
      'sourceopen',
      () => {
        if (media !== this.#media) return
        this.#buffer = media.addSourceBuffer('audio/webm; codecs="opus"')
        this.#buffer.addEventListener('updateend', () => this.#feed())
        this.#feed()
      },
      { once: true },
    )
    this.#audio.play().catch((error: DOMException) => {
      if (error.name !== 'AbortError') console.warn('playing:', error.message)
    })
  }

  header(packet: Uint8Array): void {
    if (packet[4] === OPUS_HEAD) this.#queue.push(initialization(packet))
  }

  page(page: OggPage): void {
    const start = page.granule - FRAME * page.packets.length
    this.#first ??= start
    this.#queue.push(cluster(Math.round((start - this.#first) / 48), page.packets))
    if (this.#queue.length > QUEUE) this.#queue.splice(1, this.#queue.length - QUEUE)
    this.#feed()
  }

  close(): void {
    this.#release()
    this.#node.disconnect()
  }

  #feed(): void {
    const buffer = this.#buffer
    if (buffer === null || buffer.updating || this.#media?.readyState !== 'open') return
    const { buffered } = buffer
    if (buffered.length > 0) {
      const start = buffered.start(0)
      const end = buffered.end(buffered.length - 1)
      const now = this.#audio.currentTime
      if (end - now > TOO_FAR || now < start) this.#audio.currentTime = Math.max(start, end - LEAD)
      if (now - start > 60) {
        buffer.remove(0, now - 30)
        return
      }
    }
    const next = this.#queue.shift()
    if (next !== undefined) buffer.appendBuffer(next)
  }

  #release(): void {
    this.#audio.pause()
    this.#media = null
    this.#buffer = null
    if (this.#url !== null) URL.revokeObjectURL(this.#url)
    this.#url = null
    this.#audio.removeAttribute('src')
    this.#audio.load()
  }
}

const AGAIN_MS = 3_000

/** The browser's own player: slow to start, but it is everywhere. */
export class ElementSink implements Sink {
  #audio = new Audio()
  #closed = false

  constructor(
    context: AudioContext,
    output: AudioNode,
    readonly url: string,
    readonly onState: (state: 'connecting' | 'playing' | 'waiting') => void,
  ) {
    context.createMediaElementSource(this.#audio).connect(output)
    this.#audio.addEventListener('playing', () => onState('playing'))
    for (const event of ['ended', 'error']) {
      this.#audio.addEventListener(event, () => {
        if (this.#closed) return
        onState('waiting')
        setTimeout(() => this.#begin(), AGAIN_MS)
      })
    }
    this.#begin()
  }

  close(): void {
    this.#closed = true
    this.#audio.pause()
    this.#audio.removeAttribute('src')
    this.#audio.load()
  }

  #begin(): void {
    if (this.#closed) return
    this.onState('connecting')
    this.#audio.src = `${this.url}?burst=12`
    this.#audio.play().catch(() => {})
  }
}
