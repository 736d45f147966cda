/** WebM (Matroska, RFC 9559) around Opus packets, for Media Source Extensions where there is no
 * WebCodecs: an initialization segment, then one cluster for each page. */

const text = (word: string): Uint8Array => new TextEncoder().encode(word)

function number(value: number): number[] {
  const bytes: number[] = []
  do {
    bytes.unshift(value % 256)
    value = Math.floor(value / 256)
  } while (value > 0)
  return bytes
}

function real(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

type Bytes = ArrayLike<number>

function join(parts: Bytes[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  const joined = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** An element: its identifier, its size in eight bytes, what it holds. */
function element(id: number, ...parts: Bytes[]): Uint8Array<ArrayBuffer> {
  const body = join(parts)
  const size = new Uint8Array(8)
  new DataView(size.buffer).setUint32(4, body.length)
  size[0] = 0x01
  return join([number(id), size, body])
}

const SIZE_UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
const FRAME_MS = 20

/** What must be appended first. `opusHead`: the stream's first packet. */
export function initialization(opusHead: Uint8Array): Uint8Array<ArrayBuffer> {
  const preSkip = opusHead[10]! + opusHead[11]! * 256
  const delay = Math.round((preSkip / 48000) * 1e9)
  return join([
    element(0x1a45dfa3, // EBML header
      element(0x4286, [1]), element(0x42f7, [1]), element(0x42f2, [4]), element(0x42f3, [8]),
      element(0x4282, text('webm')), element(0x4287, [4]), element(0x4285, [2])),
    number(0x18538067), SIZE_UNKNOWN, // segment, endless
    element(0x1549a966, // info: times are in ms
      element(0x2ad7b1, number(1000000)), element(0x4d80, text('loa')), element(0x5741, text('loa'))),
    element(0x1654ae6b, element(0xae, // one track
      element(0xd7, [1]), element(0x73c5, [1]), element(0x83, [2]), element(0x86, text('A_OPUS')),
      element(0x56aa, number(delay)), element(0x56bb, number(80000000)),
      element(0x63a2, opusHead),
      element(0xe1, element(0xb5, real(48000)), element(0x9f, [opusHead[9]!])))),
  ])
}

/** A cluster of packets of 20 ms each, from `startMs` on. */
export function cluster(startMs: number, packets: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const blocks = packets.map((packet, index) => {
    const at = index * FRAME_MS
    return element(0xa3, [0x81, at >> 8, at & 255, 0x80], packet)
  })
  return element(0x1f43b675, element(0xe7, number(startMs)), ...blocks)
}
