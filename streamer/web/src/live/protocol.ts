/** What a studio and the server say to each other (`codecs/studio.py` has the other half). */

export const VERSION = 1
export const MAX_PACKETS = 8
const PCM = 2
const HEADER = 14

export type Hello = {
  name: string
  class: string
  csrf: string
  key: string
  targets: readonly number[]
  reason: string
  language: string
}

export type Ready = { type: 'ready'; area: string; live: string; returned: boolean; next: number | null }

export type Status = {
  type: 'status'
  on_air: string[]
  mounts: number
  listeners: number
  input_lufs: number | null
  output_lufs: number | null
  gain_db: number | null
  speech: boolean
  ring_ms: number
  lost: number
  trimmed_ms: number
}

export type Closed = {
  type: 'closed'
  reason: string
  text: string
  again: boolean
  by: string
  final: boolean
}

export type Pong = { type: 'pong'; number: number }
export type Said = Ready | Status | Closed | Pong

/** A frame on its way: an Opus packet or, where nothing encodes, its samples. */
export type Packet = { sequence: number; capturedUs: number; data: Uint8Array }

export function hello(words: Hello): string {
  return JSON.stringify({ type: 'hello', version: VERSION, software: 'loa page', ...words })
}

/** Put packets that follow each other into one message. */
export function audio(packets: readonly Packet[], pcm: boolean): Uint8Array<ArrayBuffer> {
  const first = packets[0]!
  const lengths = pcm ? 0 : 2 * packets.length
  const size = packets.reduce((sum, one) => sum + one.data.length, HEADER + lengths)
  const message = new Uint8Array(size)
  const view = new DataView(message.buffer)
  view.setUint8(0, pcm ? PCM : VERSION)
  view.setUint8(1, packets.length)
  view.setUint32(2, first.sequence)
  view.setBigUint64(6, BigInt(first.capturedUs))
  let at = HEADER
  for (const { data } of packets) {
    if (!pcm) {
      view.setUint16(at, data.length)
      at += 2
    }
    message.set(data, at)
    at += data.length
  }
  return message
}

/** Read a text message; null for what is of no kind that we know. */
export function read(text: string): Said | null {
  const said = JSON.parse(text)
  return ['ready', 'status', 'closed', 'pong'].includes(said?.type) ? said : null
}

/** Samples as the server takes them: 16 bits, little-endian. */
export function pcm16(samples: Float32Array): Uint8Array {
  const bytes = new Uint8Array(2 * samples.length)
  const view = new DataView(bytes.buffer)
  samples.forEach((sample, at) => {
    view.setInt16(2 * at, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true)
  })
  return bytes
}
