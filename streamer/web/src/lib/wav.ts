/** Mono 16-bit WAV of samples that lie in pieces. */

/** Return the samples from `first` up to `end`, in pieces that are not copied. */
export function cut(pieces: readonly Int16Array[], first: number, end: number): Int16Array[] {
  const kept: Int16Array[] = []
  let at = 0
  for (const piece of pieces) {
    const from = Math.max(0, first - at)
    const to = Math.min(piece.length, end - at)
    if (from < to) kept.push(piece.subarray(from, to))
    at += piece.length
  }
  return kept
}

/** The most that a WAV file says of itself. */
const LONGEST = 0xffffffff - 36

export function wav(pieces: readonly Int16Array[], rate: number): Blob {
  const bytes = 2 * pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (bytes > LONGEST) throw new RangeError('too long for a WAV file')
  const head = new DataView(new ArrayBuffer(44))
  const word = (at: number, text: string): void => {
    for (let i = 0; i < text.length; i++) head.setUint8(at + i, text.charCodeAt(i))
  }
  word(0, 'RIFF')
  head.setUint32(4, 36 + bytes, true)
  word(8, 'WAVEfmt ')
  head.setUint32(16, 16, true)
  head.setUint16(20, 1, true)
  head.setUint16(22, 1, true)
  head.setUint32(24, rate, true)
  head.setUint32(28, 2 * rate, true)
  head.setUint16(32, 2, true)
  head.setUint16(34, 16, true)
  word(36, 'data')
  head.setUint32(40, bytes, true)
  // Browsers run on little-endian machines, as WAV is.
  return new Blob([head, ...(pieces as Int16Array<ArrayBuffer>[])], { type: 'audio/wav' })
}
