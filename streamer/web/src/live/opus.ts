/** What an Opus packet says of itself (RFC 6716, 3.1), as far as we need it. */

export const RATE = 48_000
/** Samples of a frame: 20 ms. */
export const FRAME = 960

const SILK_MS = [10, 20, 40, 60]
const HYBRID_MS = [10, 20]
const CELT_MS = [2.5, 5, 10, 20]

/** The milliseconds of one frame of a packet. */
export function frameMs(packet: Uint8Array): number {
  const config = packet[0]! >> 3
  if (config < 12) return SILK_MS[config % 4]!
  if (config < 16) return HYBRID_MS[config % 2]!
  return CELT_MS[config % 4]!
}

/** Is it exactly one frame of 20 ms? Everything of ours counts in these. */
export function isOneFrame(packet: Uint8Array): boolean {
  return packet.length >= 1 && packet.length <= 1275 && (packet[0]! & 3) === 0 && frameMs(packet) === 20
}
