import { expect, test } from 'vitest'

import { sorted, spanned, turned, type Column } from './table'

type Row = { name: string; size: number | null }
const columns: Column<Row>[] = [
  { key: 'name', title: 'Tên', sort: (row) => row.name },
  { key: 'size', title: 'Cỡ', sort: (row) => row.size },
]
const rows: Row[] = [
  { name: 'Đồng Văn', size: 3 },
  { name: 'Cụm 10', size: null },
  { name: 'Cụm 9', size: 1 },
]
const names = (found: readonly Row[]): string[] => found.map((row) => row.name)

test('names are sorted as people of the language do, numbers in them as numbers', () => {
  expect(names(sorted(rows, columns, { key: 'name', down: false }, 'vi-VN'))).toEqual([
    'Cụm 9',
    'Cụm 10',
    'Đồng Văn',
  ])
})

test('what was not measured is last, whichever way', () => {
  const up = sorted(rows, columns, { key: 'size', down: false }, 'vi-VN')
  const down = sorted(rows, columns, { key: 'size', down: true }, 'vi-VN')
  expect(names(up)).toEqual(['Cụm 9', 'Đồng Văn', 'Cụm 10'])
  expect(names(down)).toEqual(['Đồng Văn', 'Cụm 9', 'Cụm 10'])
  expect(sorted(rows, columns, null, 'vi-VN')).toBe(rows)
})

test('a head is clicked three times to be as it was', () => {
  const once = turned(null, 'name')
  const twice = turned(once, 'name')
  expect([once, twice, turned(twice, 'name')]).toEqual([
    { key: 'name', down: false },
    { key: 'name', down: true },
    null,
  ])
})

test('a span is chosen from either end', () => {
  expect([...spanned(new Set([9]), [1, 2, 3, 4], 3, 1, true)]).toEqual([9, 2, 3, 4])
  expect([...spanned(new Set([1, 2, 3]), [1, 2, 3], 0, 1, false)]).toEqual([3])
})
