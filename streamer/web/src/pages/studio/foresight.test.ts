import { expect, test } from 'vitest'
import { grouped } from './foresight'
import { intentionOf, type Node } from './intention'

const province: Node = { id: 1, path: '/p', above: null }
const district: Node = { id: 2, path: '/p/d', above: province }
const one: Node = { id: 3, path: '/p/d/one', above: district }
const two: Node = { id: 4, path: '/p/d/two', above: district }
const far: Node = { id: 5, path: '/q', above: null }
const always = (): boolean => true

test('one area is the area of the broadcast, several are for the one above them', () => {
  expect(intentionOf([one], always)).toEqual({ area: 3, path: '/p/d/one', targets: [] })
  expect(intentionOf([one, two], always)).toEqual({ area: 2, path: '/p/d', targets: [3, 4] })
  expect(intentionOf([], always)).toBe('none')
})

test('what has nothing above it that one may go live on cannot be one broadcast', () => {
  expect(intentionOf([one, far], always)).toBe('apart')
  expect(intentionOf([one, two], (area) => area > 2)).toBe('apart')
  expect(intentionOf([one], (area) => area !== 3)).toBe('apart')
  expect(intentionOf(Array(501).fill(one), always)).toBe('many')
})

test('effects are put together by when and why, those who hear it first', () => {
  const groups = grouped([
    { area: 1, when: 'not', at: null, reason: 'policy' },
    { area: 2, when: 'after', at: '2026-01-01T10:05:00Z', reason: 'item' },
    { area: 3, when: 'now', at: '2026-01-01T10:00:00Z', reason: null },
    { area: 4, when: 'after', at: '2026-01-01T10:02:00Z', reason: 'item' },
  ])
  expect(groups.map((group) => [group.when, group.reason, group.areas])).toEqual([
    ['now', '', [3]],
    ['after', 'item', [2, 4]],
    ['not', 'policy', [1]],
  ])
  expect([groups[1]!.from, groups[1]!.to]).toEqual(['2026-01-01T10:02:00Z', '2026-01-01T10:05:00Z'])
})
