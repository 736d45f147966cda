import { describe, expect, test } from 'vitest'

import { LONGEST_MS, taken, type Kept } from './kept'

const NOW = 1_800_000_000_000
const KEPT: Kept = {
  id: 'a', account: 1, file: new Blob(['x']), name: 'a.wav', size: 1, modified: 0, area: 1, title: 'A',
  class: 'routine', language: 'vi', bulletin: null, before: null, url: '/api/v1/uploads/a', added: NOW,
}

describe('what lies in the browser', () => {
  test('goes on where it was', () => {
    expect(taken(KEPT, NOW + LONGEST_MS)).toEqual(KEPT)
  })

  test('is begun anew when the server has forgotten it, and never thrown away', () => {
    expect(taken(KEPT, NOW + 30 * LONGEST_MS)).toEqual({ ...KEPT, url: null })
  })

  test('is forgotten when there is nothing left of it', () => {
    const fileless = { ...KEPT, file: null }
    expect(taken(fileless, NOW + LONGEST_MS)).toEqual(fileless)
    expect(taken(fileless, NOW + LONGEST_MS + 1)).toBeNull()
  })
})
