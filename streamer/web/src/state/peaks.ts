/** Waveforms of bulletins, for meters: asked for once, a few at a time kept. */

import { api } from '../api/client'

export type Peaks = { seconds: number; peaks: readonly number[] }

const MOST = 200
const kept = new Map<number, Promise<Peaks | null>>()

/** Return the waveform of a bulletin; null: it has none, or we may not see it. */
export function peaksOf(bulletin: number): Promise<Peaks | null> {
  let found = kept.get(bulletin)
  if (found === undefined) {
    found = api
      .GET('/bulletins/{bulletin}/peaks', { params: { path: { bulletin } } })
      .then(({ data }) => data ?? null)
      .catch(() => null)
    kept.set(bulletin, found)
    if (kept.size > MOST) kept.delete(kept.keys().next().value!)
  }
  return found
}

/** The peak around a place, in dB below full scale; null outside of it. */
export function peakAt({ seconds, peaks }: Peaks, at: number): number | null {
  const pairs = Math.floor(peaks.length / 2)
  if (pairs === 0 || at < 0 || at >= seconds) return null
  const pair = Math.min(pairs - 1, Math.floor((at / seconds) * pairs))
  const most = Math.max(Math.abs(peaks[2 * pair]!), Math.abs(peaks[2 * pair + 1]!))
  return most === 0 ? -70 : 20 * Math.log10(most / 127)
}
