/** Waveforms: lowest and highest sample of equal stretches of time, by turns, -127 … 127. */

/** Draw them as the outline of a shape: x counts the stretches, y is up to 127 either way. */
export function outline(peaks: ArrayLike<number>): string {
  const pairs = Math.floor(peaks.length / 2)
  if (pairs === 0) return ''
  const upper: string[] = []
  const lower: string[] = []
  for (let i = 0; i < pairs; i++) {
    upper.push(`${i},${-peaks[2 * i + 1]!}`)
    lower.push(`${i},${-peaks[2 * i]!}`)
  }
  return `M${upper.join('L')}L${lower.reverse().join('L')}Z`
}

/** Measure 16-bit samples that lie in pieces one after the other. */
export function peaksOf(pieces: readonly Int16Array[], pairs = 1000): Int8Array {
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const count = Math.min(pairs, total)
  const found = new Int8Array(2 * count)
  let at = 0
  let place = 0
  let low = 0
  let high = 0
  const close = (): void => {
    found[2 * place] = Math.round((low * 127) / 32768)
    found[2 * place + 1] = Math.round((high * 127) / 32768)
    low = high = 0
  }
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i++) {
      const here = Math.floor((at++ * count) / total)
      if (here !== place) {
        close()
        place = here
      }
      const sample = piece[i]!
      if (sample < low) low = sample
      if (sample > high) high = sample
    }
  }
  if (count > 0) close()
  return found
}
