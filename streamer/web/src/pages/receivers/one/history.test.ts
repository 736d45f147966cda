import { expect, test } from 'vitest'

import { lines, steps, type History } from './history'

const names = { least: 'l', mean: 'm', most: 'x' }
const at = (hour: number): string => new Date(hour * 3_600_000).toISOString()
const history = (more: object): History => ({ now: {}, reports: [], hours: [], ...more }) as unknown as History

test('where nothing was told there is a hole, not a line', () => {
  const [line] = lines(history({ reports: [1, 2, 6].map((h) => ({ at: at(h), values: { t: h } })) }), 't', names)
  expect(line!.points.map(([, y]) => y)).toEqual([1, 2, null, 6])
})

test('months are least, mean and most of hours', () => {
  const hours = Array.from({ length: 20 }, (_, h) => ({ at: at(h), values: { t: h === 3 ? 5 : [1, 2, 3] } }))
  const found = lines(history({ hours }), 't', names)
  expect(found.map((one) => one.name)).toEqual(['m', 'l', 'x'])
  expect(found.map((one) => one.points[3]![1])).toEqual([5, 5, 5])
  expect(found.map((one) => one.points[4]![1])).toEqual([2, 1, 3])
})

test('a count that begins anew counts from nothing', () => {
  const reports = [[1, 10], [1.1, 14], [2, 3]].map(([h, lost]) => ({ at: at(h!), values: { lost } }))
  expect(steps(history({ reports }), 'lost').map(([, y]) => y)).toEqual([4, 3])
})
