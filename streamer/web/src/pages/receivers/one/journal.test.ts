import { expect, test } from 'vitest'

import { entry, type Line } from './journal'

const line = (said: object | null, kind = 'played'): Line =>
  ({ id: 1, number: 4, kind, at: null, received_at: '2026-11-22T08:00:00Z', entry: said, line: '' }) as Line

test('what was not measured stays so, and is inferred from nothing', () => {
  const { play, guessed } = entry(line({ k: 'played', kind: 'bulletin', delivered: 500, decoded: 500, whole: true }))
  expect(play).toMatchObject({ delivered: 500, decoded: 500, device: null, sounded: null, outcome: 'whole' })
  expect(guessed).toBe(true)
})

test('none was measured as none', () => {
  const { play } = entry(line({ k: 'played', device: 0, why_not: 'not_fetched', cls: 2 }))
  expect(play).toMatchObject({ device: 0, delivered: 0, outcome: 'not', whyNot: 'not_fetched', class: 'emergency' })
})

test('any other entry is said as it is', () => {
  expect(entry(line({ k: 'note', what: 'order', details: { do: 'volume', number: 7 } }, 'order')).details).toBe('do: volume, number: 7')
  expect(entry(line(null, 'unknown'))).toMatchObject({ play: null, details: '' })
})
