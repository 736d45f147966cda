/** Recording from a microphone: samples as they come, how loud they are, and how long it is. */

import { FLOOR, Loudness, type Level } from '../../live/loudness'
import worklet from './capture.worklet.js?url'

export type Refusal = 'insecure' | 'refused' | 'none' | 'failed' | 'lost'
export type Phase = 'idle' | 'asking' | 'recording' | 'done'

export const LONGEST_S = 60 * 60
/** What loudness is measured in at a time, in samples. */
const FRAME = 960
/** How long clipping is shown after it happened. */
const HELD_MS = 3000
const QUIET: Level = { lufs: FLOOR, peak: FLOOR, clipped: false }

/** Make 16 bits of floating samples. */
export function to16(samples: Float32Array): Int16Array {
  const made = new Int16Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    made[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i]! * 32767)))
  }
  return made
}

export class Recording {
  phase = $state<Phase>('idle')
  refusal = $state<Refusal | null>(null)
  seconds = $state(0)
  level = $state.raw<Level>(QUIET)
  clipped = $state(false)
  microphones = $state.raw<MediaDeviceInfo[]>([])
  pieces: Int16Array[] = []
  rate = 48_000
  /** Goes up with each try, and when it is given up: a microphone that comes late is let go again. */
  #turn = 0
  #samples = 0
  #loudness = new Loudness()
  #unclip = 0
  #end: (() => void) | null = null
  #stopped: (() => void) | null = null

  get possible(): boolean {
    return globalThis.isSecureContext && navigator.mediaDevices !== undefined
  }

  /** Begin, with the microphone of that id ('' is the usual one). What was recorded before is there
   * until this one runs. */
  async start(device = ''): Promise<void> {
    if (this.phase === 'asking' || this.phase === 'recording') return
    this.refusal = null
    if (!this.possible) {
      this.refusal = 'insecure'
      return
    }
    this.phase = 'asking'
    const turn = ++this.#turn
    try {
      await this.#open(device)
      if (turn !== this.#turn) return this.#end?.()
      this.phase = 'recording'
      this.microphones = (await navigator.mediaDevices.enumerateDevices()).filter(
        (one) => one.kind === 'audioinput' && one.deviceId !== '',
      )
    } catch (error) {
      this.#end?.()
      if (turn !== this.#turn) return
      this.phase = this.pieces.length > 0 ? 'done' : 'idle'
      const name = error instanceof DOMException ? error.name : ''
      if (name === 'NotAllowedError' || name === 'SecurityError') this.refusal = 'refused'
      else if (name === 'NotFoundError' || name === 'OverconstrainedError') this.refusal = 'none'
      else this.refusal = 'failed'
    }
  }

  async #open(device: string): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        deviceId: device === '' ? undefined : { exact: device },
        channelCount: { ideal: 1 },
        // The server levels bulletins itself; what browsers do to voices is heard on horns.
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
      },
    })
    const context = new AudioContext()
    this.#end = () => {
      this.#end = null
      for (const track of stream.getTracks()) track.stop()
      void context.close()
    }
    await context.audioWorklet.addModule(worklet)
    if (context.state === 'suspended') await context.resume()
    const node = new AudioWorkletNode(context, 'loa-capture', { numberOfOutputs: 0 })
    const source = context.createMediaStreamSource(stream)
    this.pieces = []
    this.#samples = this.seconds = 0
    this.#loudness = new Loudness()
    this.level = QUIET
    this.clipped = false
    this.rate = context.sampleRate
    node.port.onmessage = ({ data }: MessageEvent<Float32Array | null>) => {
      if (data === null) this.#stopped?.()
      else this.#take(data)
    }
    source.connect(node)
    stream.getAudioTracks()[0]!.onended = () => {
      this.refusal = 'lost'
      void this.stop()
    }
    const end = this.#end
    this.#end = () => {
      node.port.onmessage = null
      end()
    }
    this.#ask = () => node.port.postMessage('stop')
  }
  #ask: () => void = () => {}

  #take(samples: Float32Array): void {
    if (samples.length > 0) {
      this.pieces.push(to16(samples))
      this.#samples += samples.length
      this.seconds = this.#samples / this.rate
      for (let at = 0; at < samples.length; at += FRAME) this.#loudness.add(samples.subarray(at, at + FRAME))
      this.level = this.#loudness.read()
      if (this.level.clipped) {
        this.clipped = true
        this.#unclip = performance.now() + HELD_MS
      } else if (performance.now() > this.#unclip) this.clipped = false
    }
    if (this.seconds >= LONGEST_S) void this.stop()
  }

  /** End, with the last samples there are. */
  async stop(): Promise<void> {
    if (this.phase !== 'recording') return
    this.phase = 'done'
    await new Promise<void>((resolve) => {
      this.#stopped = resolve
      setTimeout(resolve, 300)
      this.#ask()
    })
    this.#end?.()
    this.level = QUIET
  }

  /** Forget it, and let go of the microphone. */
  discard(): void {
    this.#turn += 1
    this.#end?.()
    this.phase = 'idle'
    this.pieces = []
    this.seconds = 0
    this.level = QUIET
  }
}
