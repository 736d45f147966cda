/** Runs on the audio thread: cuts what the microphone gives into frames of 20 ms, measures them, and
 * hands them to the worker that encodes. The graph has made one channel at 48 kHz of whatever it is. */

import { Loudness } from './loudness'
import { FRAME } from './opus'

declare const currentFrame: number
declare class AudioWorkletProcessor {
  readonly port: MessagePort
}
declare function registerProcessor(name: string, made: new () => AudioWorkletProcessor): void

/** Frames between two reports of the level: 60 ms. */
const REPORT = 3
/** Muted and back within so many samples, so that nothing clicks: 5 ms. */
const FADE = 240

class Capture extends AudioWorkletProcessor {
  #frame = new Float32Array(FRAME)
  #filled = 0
  #frames = 0
  #to: MessagePort | null = null
  #muted = false
  #gain = 1
  readonly #loudness = new Loudness()

  constructor() {
    super()
    this.port.onmessage = ({ data }) => {
      if ('to' in data) this.#to = data.to
      if ('muted' in data) this.#muted = data.muted
    }
  }

  process(inputs: Float32Array[][]): boolean {
    const samples = inputs[0]?.[0]
    // Without an input (the device is being changed) there is silence, and the time goes on.
    const length = samples?.length ?? 128
    for (let at = 0; at < length; at++) {
      this.#frame[this.#filled++] = samples?.[at] ?? 0
      if (this.#filled === FRAME) this.#whole(currentFrame + at + 1 - FRAME)
    }
    return true
  }

  #whole(first: number): void {
    this.#loudness.add(this.#frame)
    if (++this.#frames % REPORT === 0) this.port.postMessage(this.#loudness.read())
    const frame = this.#frame
    const goal = this.#muted ? 0 : 1
    if (goal === 0 || this.#gain < 1) {
      for (let at = 0; at < FRAME; at++) {
        this.#gain = goal === 0 ? Math.max(0, this.#gain - 1 / FADE) : Math.min(1, this.#gain + 1 / FADE)
        frame[at]! *= this.#gain
      }
    }
    if (this.#to !== null) {
      this.#to.postMessage({ first, samples: frame }, [frame.buffer])
      this.#frame = new Float32Array(FRAME)
    }
    this.#filled = 0
  }
}

registerProcessor('loa-capture', Capture)
