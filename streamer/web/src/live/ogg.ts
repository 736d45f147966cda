/** Ogg Opus (RFC 3533, RFC 7845) from our own packets, a page a second: a file that ends anywhere
 * can be played up to its last whole page. */

import { FRAME, RATE } from './opus'

const CRC = new Uint32Array(256).map((_, at) => {
  let value = at << 24
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value & 0x80000000 ? 0x04c11db7 : 0)
  return value >>> 0
})

function crc(bytes: Uint8Array): number {
  let value = 0
  for (const byte of bytes) value = ((value << 8) ^ CRC[((value >>> 24) ^ byte) & 0xff]!) >>> 0
  return value
}

/** Samples at the beginning that decoders throw away: libopus' look-ahead at 48 kHz. */
export const PRE_SKIP = 312
const FIRST = 2
const LAST = 4

export class OggWriter {
  #sequence = 0
  #granule = 0

  constructor(readonly serial: number) {}

  /** The two pages that every file begins with. */
  begin(title: string): Uint8Array {
    const words = new TextEncoder()
    const head = new Uint8Array(19)
    head.set(words.encode('OpusHead'))
    head[8] = 1
    head[9] = 1
    const view = new DataView(head.buffer)
    view.setUint16(10, PRE_SKIP, true)
    view.setUint32(12, RATE, true)
    const vendor = words.encode('Loa')
    // A tag that fits into one page, whatever somebody typed.
    const tag = words.encode(`TITLE=${title.slice(0, 200)}`)
    const tags = new Uint8Array(8 + 4 + vendor.length + 4 + 4 + tag.length)
    const at = new DataView(tags.buffer)
    tags.set(words.encode('OpusTags'))
    at.setUint32(8, vendor.length, true)
    tags.set(vendor, 12)
    at.setUint32(12 + vendor.length, 1, true)
    at.setUint32(16 + vendor.length, tag.length, true)
    tags.set(tag, 20 + vendor.length)
    return join([this.#page([head], FIRST), this.#page([tags], 0)])
  }

  /** A page of packets of 20 ms, at most 50. */
  page(packets: readonly Uint8Array[], last = false): Uint8Array {
    this.#granule += FRAME * packets.length
    return this.#page(packets, last ? LAST : 0)
  }

  #page(packets: readonly Uint8Array[], flags: number): Uint8Array {
    const lacing: number[] = []
    for (const { length } of packets) {
      for (let left = length; left >= 255; left -= 255) lacing.push(255)
      lacing.push(length % 255)
    }
    if (lacing.length > 255) throw new RangeError('too much for one page')
    const head = new Uint8Array(27 + lacing.length)
    head.set([0x4f, 0x67, 0x67, 0x53, 0, flags])
    const view = new DataView(head.buffer)
    // Below 2^53, so two halves without BigInt will do.
    view.setUint32(6, this.#granule >>> 0, true)
    view.setUint32(10, Math.floor(this.#granule / 2 ** 32), true)
    view.setUint32(14, this.serial, true)
    view.setUint32(18, this.#sequence++, true)
    view.setUint8(26, lacing.length)
    head.set(lacing, 27)
    const page = join([head, ...packets])
    new DataView(page.buffer).setUint32(22, crc(page), true)
    return page
  }
}

export const LARGEST_PAGE = 65_307

/** The samples up to the end of the last page that begins in these bytes; 0 when none does. */
export function lastGranule(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = bytes.length - 27; at >= 0; at--) {
    if (view.getUint32(at) !== 0x4f676753) continue
    return view.getUint32(at + 6, true) + view.getUint32(at + 10, true) * 2 ** 32
  }
  return 0
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
