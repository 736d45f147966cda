import { expect, test } from 'vitest'

import { located, readList } from './list'

test('a table in Vietnamese, with empty lines and cells', () => {
  const table = readList('Địa bàn;Tên;Số loa\n/a/b;Nhà văn hóa;2\n;;\n/a/c;Trường học;\n')
  expect(table.items).toEqual([
    { area: '/a/b', name: 'Nhà văn hóa', horns: 2 },
    { area: '/a/c', name: 'Trường học' },
  ])
  expect(table.lines).toEqual([2, 4])
  expect(table.problems).toEqual([])
})

test('mistakes are named by their line', () => {
  expect(readList('area,name,màu\n').problems).toEqual([{ line: 1, what: 'column', text: 'màu' }])
  const { problems } = readList('area,name,horns\n/a,,x\n')
  expect(problems).toEqual([
    { line: 2, what: 'number', text: 'x' },
    { line: 2, what: 'missing', text: 'name' },
  ])
  expect(readList('').problems.map((one) => one.text)).toEqual(['area', 'name'])
  expect(readList('area,name').problems[0]!.what).toBe('empty')
})

test('what the server says of an item is said of its line', () => {
  const fields = [{ field: 'items.1.area', code: 'x', message: 'Không có' }]
  expect(located(fields, [2, 4])).toEqual([{ line: 4, what: 'server', text: 'Không có' }])
})
