import { expect, test } from 'vitest'

import { groups, put, type Entry } from './order'

const entry = (id: number, of: 'priority' | 'routine', state = 'accepted'): Entry =>
  ({ id, state, bulletin: { class: of } }) as Entry
const queue = [
  entry(1, 'priority'), entry(2, 'priority'), entry(3, 'routine'), entry(4, 'routine', 'offered'),
  entry(5, 'routine'), entry(6, 'routine'),
]
const ids = (entries: readonly Entry[]): number[] => entries.map((one) => one.id)

test('what is offered is in no order yet', () => {
  expect(groups(queue).map((group) => ids(group.entries))).toEqual([
    [1, 2],
    [3, 5, 6],
  ])
  expect(groups([entry(4, 'routine', 'offered')])).toEqual([])
})

test('an entry goes up or down among its own class', () => {
  expect(ids(put(queue, 6, 3))).toEqual([1, 2, 6, 3, 4, 5])
  expect(ids(put(queue, 3, 6))).toEqual([1, 2, 4, 5, 6, 3])
  expect(put(queue, 3, 2)).toBe(queue)
  expect(put(queue, 3, 3)).toBe(queue)
  expect(put(queue, 9, 3)).toBe(queue)
})
