import { expect, test, vi } from 'vitest'

vi.mock('../api/client', () => ({ api: {} }))

const { peakAt } = await import('./peaks')

test('the peak at a place', () => {
  const wave = { seconds: 4, peaks: [-127, 10, -12, 13, 0, 0, -64, 63] }
  expect(peakAt(wave, 0.5)).toBeCloseTo(0)
  expect(peakAt(wave, 1.5)).toBeCloseTo(-19.8, 1)
  expect(peakAt(wave, 2.1)).toBe(-70)
  expect(peakAt(wave, 4)).toBeNull()
  expect(peakAt({ seconds: 1, peaks: [] }, 0)).toBeNull()
})
