import { expect, test } from 'vitest'

import { clusters, type Placed } from './clusters'

const at = (id: number, x: number, y: number, how: Placed['how'] = 'online'): Placed => ({ id, x, y, how })

test('nobody is lost, and trouble is not hidden among those that are well', () => {
  const placed = [at(1, 1, 1), at(2, 5, 9, 'offline'), at(3, 100, 1), at(4, -1, 1, 'new')]
  const found = clusters(placed, 40)
  expect(found.flatMap((one) => one.ids).sort()).toEqual([1, 2, 3, 4])
  expect(found[0]).toMatchObject({ ids: [1, 2], x: 3, y: 5, worst: 'offline' })
  expect(found).toHaveLength(3)
})

test('two thousand in one place are one', () => {
  const [one, ...others] = clusters(Array.from({ length: 2000 }, (_, id) => at(id, 7, 7)), 40)
  expect(others).toEqual([])
  expect(one!.counts.online).toBe(2000)
})
