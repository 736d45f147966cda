/** The microphone: chosen, opened, measured, heard by oneself if one likes, and muted. */

import worklet from './capture.worklet?worker&url'
import { deviceOf } from './devices'
import { FLOOR, type Level } from './loudness'
import { RATE } from './opus'

export type Trouble = 'insecure' | 'denied' | 'none' | 'taken' | 'gone' | 'failed'

const DEVICE = 'loa.microphone'
const PROCESSING = 'loa.microphone.processing'
/** How long clipping is shown after it happened. */
const HELD_MS = 3_000

function stored(key: string): string {
  try {
    return localStorage.getItem(key) ?? ''
  } catch {
    return ''
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Then it lasts until the page is closed.
  }
}

function troubleOf(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none'
  return name === 'NotReadableError' || name === 'AbortError' ? 'taken' : 'failed'
}

function end(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.onended = null
    track.stop()
  }
}

const QUIET: Level = { lufs: FLOOR, peak: FLOOR, clipped: false }

export class Microphone {
  devices = $state.raw<MediaDeviceInfo[]>([])
  chosen = $state(stored(DEVICE))
  /** The browser's echo cancellation, noise suppression and gain: for bad rooms only. */
  processing = $state(stored(PROCESSING) === 'on')
  opening = $state(false)
  /** Its name while it is open. */
  label = $state<string | null>(null)
  trouble = $state<Trouble | null>(null)
  level = $state.raw<Level>(QUIET)
  clipped = $state(false)
  muted = $state(false)
  monitor = $state(false)
  #context: AudioContext | null = null
  #node: AudioWorkletNode | null = null
  #hearing: GainNode | null = null
  #source: MediaStreamAudioSourceNode | null = null
  #stream: MediaStream | null = null
  #unclip = 0
  /** Goes up when it is opened or closed: what was asked for before that is not wanted any more. */
  #asked = 0
  /** The device that is open, or was before it was pulled out; null where that cannot be told. */
  #device: string | null = null
  #changed = (): void => void this.#devicesChanged()

  get open(): boolean {
    return this.label !== null
  }

  /** May it be opened without a question of the browser's? */
  async allowed(): Promise<boolean> {
    try {
      const found = await navigator.permissions.query({ name: 'microphone' as PermissionName })
      return found.state === 'granted'
    } catch {
      return false
    }
  }

  /** Open it, or another one in its place; `only` that device, if it is said. What goes wrong is in
   * `trouble`. */
  async start(only?: string): Promise<void> {
    if (this.opening) return
    if (!isSecureContext || navigator.mediaDevices === undefined) {
      this.trouble = 'insecure'
      return
    }
    this.opening = true
    const asked = ++this.#asked
    try {
      const device =
        only !== undefined
          ? { deviceId: { exact: only } }
          : this.chosen === ''
            ? {}
            : { deviceId: { ideal: this.chosen } }
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          ...device,
          echoCancellation: this.processing,
          noiseSuppression: this.processing,
          autoGainControl: this.processing,
        },
      })
      try {
        await this.#connect(stream, () => asked === this.#asked)
      } catch (error) {
        end(stream)
        if (asked === this.#asked) this.label = null
        throw error
      }
    } catch (error) {
      if (asked === this.#asked) this.trouble = troubleOf(error)
    } finally {
      if (asked === this.#asked) this.opening = false
    }
  }

  async #connect(stream: MediaStream, wanted: () => boolean): Promise<void> {
    const context = wanted() ? await this.#graph(wanted) : null
    if (context === null) {
      end(stream)
      return
    }
    this.#release()
    const track = stream.getAudioTracks()[0]!
    // Whatever rate and channels it has: the context makes 48 kHz of it, the node one channel.
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream })
    this.#source.connect(this.#node!)
    this.#source.connect(this.#hearing!)
    this.#stream = stream
    track.onended = () => {
      this.label = null
      this.trouble = 'gone'
      this.level = QUIET
    }
    this.wake()
    this.label = track.label
    this.trouble = null
    this.#device = null
    await this.#list().catch(() => {})
    if (wanted()) this.#device = deviceOf(track.getSettings(), track.label, this.devices)
  }

  /** Return what takes the sound; null: it is not wanted any more. */
  async #graph(wanted: () => boolean): Promise<AudioContext | null> {
    if (this.#context !== null) return this.#context
    const context = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' })
    await context.audioWorklet.addModule(worklet)
    if (!wanted()) {
      void context.close()
      return null
    }
    const node = new AudioWorkletNode(context, 'loa-capture', {
      channelCount: 1,
      channelCountMode: 'explicit',
      outputChannelCount: [1],
    })
    node.port.onmessage = ({ data }) => this.#measured(data)
    // Its output is silent, but only what leads to the destination is sure to be processed.
    node.connect(context.destination)
    this.#hearing = new GainNode(context, { gain: this.monitor ? 1 : 0 })
    this.#hearing.connect(context.destination)
    this.#node = node
    this.#context = context
    node.port.postMessage({ muted: this.muted })
    navigator.mediaDevices.addEventListener('devicechange', this.#changed)
    return context
  }

  #measured(level: Level): void {
    if (!this.open) return
    this.level = level
    if (!level.clipped) return
    this.clipped = true
    clearTimeout(this.#unclip)
    this.#unclip = window.setTimeout(() => (this.clipped = false), HELD_MS)
  }

  async #list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices()
    this.devices = all.filter((one) => one.kind === 'audioinput' && one.deviceId !== '')
  }

  async #devicesChanged(): Promise<void> {
    await this.#list()
    // Plugged in again: go on without a word. Another one is for whoever speaks to choose, for it
    // may hear what this one did not.
    const same = this.#device
    if (this.trouble === 'gone' && same !== null && this.devices.some((one) => one.deviceId === same)) {
      await this.start(same)
    }
  }

  async choose(device: string): Promise<void> {
    this.chosen = device
    store(DEVICE, device)
    await this.start()
  }

  async process(on: boolean): Promise<void> {
    this.processing = on
    store(PROCESSING, on ? 'on' : '')
    await this.start()
  }

  mute(muted: boolean): void {
    this.muted = muted
    this.#node?.port.postMessage({ muted })
  }

  hear(on: boolean): void {
    this.monitor = on
    if (this.#hearing !== null) this.#hearing.gain.value = on ? 1 : 0
  }

  /** Browsers let no page sound, or listen, before somebody has pressed something on it. */
  wake(): void {
    const context = this.#context
    if (context === null || context.state === 'running') return
    void context.resume()
    const again = (): void => void context.resume()
    addEventListener('pointerdown', again, { once: true })
    addEventListener('keydown', again, { once: true })
  }

  /** Give the frames to whoever sends them, from now on. */
  frames(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    this.#node!.port.postMessage({ to: port1 }, [port1])
    return port2
  }

  #release(): void {
    this.#source?.disconnect()
    this.#source = null
    if (this.#stream !== null) end(this.#stream)
    this.#stream = null
  }

  /** Close it: nothing listens any more. */
  stop(): void {
    this.#asked += 1
    this.opening = false
    this.#device = null
    this.#release()
    navigator.mediaDevices?.removeEventListener('devicechange', this.#changed)
    void this.#context?.close()
    this.#context = null
    this.#node = null
    this.#hearing = null
    this.label = null
    this.level = QUIET
    this.clipped = false
    this.mute(false)
    this.monitor = false
  }
}
