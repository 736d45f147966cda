import { expect, test } from 'vitest'
import type { State } from '../../lib/onair'
import { sums } from './sums'

type Place = { id: number; children: Place[] }
const place = (id: number, ...children: Place[]): Place => ({ id, children })
const state = (online: number, silent: number, on: boolean): State => ({
  number: on ? 1 : 0, item: on ? ({} as never) : null, listeners: 1, receivers: online, online, playing: 0, silent,
})

test('an area has what is below it', () => {
  const states: Record<number, State> = { 1: state(0, 0, false), 2: state(3, 1, true), 3: state(2, 0, false) }
  const found = sums([place(1, place(2), place(3))], (id) => states[id]!)
  expect(found.get(1)).toEqual({ listeners: 3, receivers: 5, online: 5, playing: 0, silent: 1, due: 3 })
  expect(found.get(3)).toMatchObject({ online: 2, due: 0 })
})
