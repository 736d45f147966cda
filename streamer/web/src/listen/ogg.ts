/** Ogg pages (RFC 3533) out of bytes that come in pieces, as far as our own streams need it: every
 * page holds whole packets. */

const HEADER = 27
const LARGEST = 65_307
const CAPTURE = [0x4f, 0x67, 0x67, 0x53] // "OggS"

/** `granule`: samples at 48 kHz at the page's end. */
export type OggPage = { granule: number; eos: boolean; packets: Uint8Array[] }

export class OggReader {
  #bytes = new Uint8Array(0)

  /** Take bytes; return the pages that are complete. Throws on what is no Ogg. */
  feed(more: Uint8Array): OggPage[] {
    const bytes = new Uint8Array(this.#bytes.length + more.length)
    bytes.set(this.#bytes)
    bytes.set(more, this.#bytes.length)
    const pages: OggPage[] = []
    let at = 0
    for (;;) {
      const size = pageSize(bytes, at)
      if (size === 0 || bytes.length - at < size) break
      pages.push(parse(bytes, at))
      at += size
    }
    this.#bytes = bytes.slice(at)
    return pages
  }
}

/** The size of the page that begins there; 0: not enough of it is there to say. */
function pageSize(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < HEADER) return 0
  if (CAPTURE.some((byte, index) => bytes[at + index] !== byte)) throw new Error('the stream is not Ogg')
  const segments = bytes[at + 26]!
  if (bytes.length - at < HEADER + segments) return 0
  let size = HEADER + segments
  for (let i = 0; i < segments; i++) size += bytes[at + HEADER + i]!
  if (size > LARGEST) throw new Error('an Ogg page is too large')
  return size
}

function parse(bytes: Uint8Array, at: number): OggPage {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER)
  const segments = bytes[at + 26]!
  const packets: Uint8Array[] = []
  let start = at + HEADER + segments
  let size = 0
  for (let i = 0; i < segments; i++) {
    const lacing = bytes[at + HEADER + i]!
    size += lacing
    if (lacing < 255) {
      packets.push(bytes.slice(start, start + size))
      start += size
      size = 0
    }
  }
  // Granules are beyond 2^32 and far below 2^53.
  const granule = view.getUint32(6, true) + view.getUint32(10, true) * 2 ** 32
  return { granule, eos: (bytes[at + 5]! & 4) !== 0, packets }
}
