import { afterEach, beforeEach, expect, test, vi } from 'vitest'

vi.mock('./capture.worklet?worker&url', () => ({ default: '' }))
const { deviceOf } = await import('./devices')
const { Microphone } = await import('./microphone.svelte')

const USB = { kind: 'audioinput', deviceId: 'usb', groupId: 'g1', label: 'USB Mic' }
const BUILT_IN = { kind: 'audioinput', deviceId: 'internal', groupId: 'g2', label: 'Built-in' }
const alias = (of: typeof USB): typeof USB => ({ ...of, deviceId: 'default', label: `Default - ${of.label}` })

test('the usual device is the one behind that name', () => {
  const all = [alias(USB), USB, BUILT_IN]
  expect(deviceOf({ deviceId: 'usb', groupId: 'g1' }, 'USB Mic', all)).toBe('usb')
  expect(deviceOf({ deviceId: 'default', groupId: 'g1' }, 'Default - USB Mic', all)).toBe('usb')
  expect(deviceOf({ deviceId: 'default' }, 'Default - Built-in', all)).toBe('internal')
  const twins = [USB, { ...USB, deviceId: 'other' }]
  expect(deviceOf({ deviceId: 'default', groupId: 'g1' }, 'Default - USB Mic', twins)).toBeNull()
  expect(deviceOf({ deviceId: 'default', groupId: 'g3' }, 'Default', all)).toBeNull()
})

class Track {
  onended: (() => void) | null = null
  stopped = false
  constructor(readonly device: typeof USB) {}
  get label(): string {
    return this.device.label
  }
  getSettings(): MediaTrackSettings {
    return { deviceId: this.device.deviceId, groupId: this.device.groupId }
  }
  stop(): void {
    this.stopped = true
  }
}

/** A computer with these devices; the first that is asked for, or else the first, is opened. */
class Computer extends EventTarget {
  devices: (typeof USB)[] = []
  opened: Track[] = []
  asks = false
  #answers: (() => void)[] = []

  async getUserMedia({ audio }: { audio: { deviceId?: { ideal?: string; exact?: string } } }): Promise<unknown> {
    if (this.asks) await new Promise<void>((answer) => this.#answers.push(answer))
    const { exact, ideal } = audio.deviceId ?? {}
    const found = this.devices.find((one) => one.deviceId === (exact ?? ideal))
    if (found === undefined && exact !== undefined) throw new DOMException('', 'OverconstrainedError')
    const track = new Track(found ?? this.devices[0]!)
    this.opened.push(track)
    return { getAudioTracks: () => [track], getTracks: () => [track] }
  }

  async enumerateDevices(): Promise<unknown[]> {
    return this.devices
  }

  allow(): void {
    this.#answers.shift()!()
  }

  async plug(...devices: (typeof USB)[]): Promise<void> {
    this.devices = devices
    this.dispatchEvent(new Event('devicechange'))
    await settled()
  }
}

const settled = (): Promise<unknown> => new Promise((later) => setTimeout(later))

let computer: Computer
beforeEach(() => {
  computer = new Computer()
  const node = class {
    port = { postMessage: () => {}, onmessage: null }
    gain = { value: 0 }
    connect(): void {}
    disconnect(): void {}
  }
  vi.stubGlobal('navigator', { mediaDevices: computer })
  vi.stubGlobal('isSecureContext', true)
  vi.stubGlobal('AudioWorkletNode', node)
  vi.stubGlobal('GainNode', node)
  vi.stubGlobal('MediaStreamAudioSourceNode', node)
  vi.stubGlobal(
    'AudioContext',
    class {
      state = 'running'
      destination = {}
      audioWorklet = { addModule: async () => {} }
      close = async (): Promise<void> => {}
    },
  )
})
afterEach(() => vi.unstubAllGlobals())

test('a microphone that was pulled out comes back by itself, and no other in its place', async () => {
  computer.devices = [alias(USB), USB, BUILT_IN]
  const microphone = new Microphone()
  await microphone.start()
  expect(microphone.label).toBe('Default - USB Mic')
  computer.opened[0]!.onended!()
  await computer.plug(alias(BUILT_IN), BUILT_IN)
  expect([microphone.open, microphone.trouble, computer.opened.length]).toEqual([false, 'gone', 1])
  await computer.plug(alias(BUILT_IN), BUILT_IN, USB)
  expect([microphone.label, microphone.trouble]).toEqual(['USB Mic', null])
})

test('whoever goes while the browser asks is not listened to', async () => {
  computer.devices = [USB]
  computer.asks = true
  const microphone = new Microphone()
  const first = microphone.start()
  microphone.stop()
  const second = microphone.start()
  computer.allow()
  await first
  expect([computer.opened[0]!.stopped, microphone.open]).toEqual([true, false])
  computer.allow()
  await second
  expect([computer.opened[1]!.stopped, microphone.open]).toEqual([false, true])
})
