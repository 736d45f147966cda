import { expect, test } from 'vitest'

import { treeRows, type Node } from './tree'

interface Plain extends Node<Plain> {}
let id = 0
const node = (folded: string, ...children: Plain[]): Plain => ({ id: ++id, folded, children })
const names = (rows: { area: Plain }[]): string[] => rows.map((row) => row.area.folded)

const tree = [
  node('ha giang', node('quang binh', node('na khuong'), node('tan nam')), node('dong van')),
  node('tuyen quang'),
]

test('what is closed hides what is below it', () => {
  const open = new Set(['ha giang'])
  const rows = treeRows(tree, (area) => open.has(area.folded))
  expect(names(rows)).toEqual(['ha giang', 'quang binh', 'dong van', 'tuyen quang'])
  expect(rows[2]).toMatchObject({ place: 2, siblings: 2, open: false })
})

test('a search shows what is found and what it hangs on, opened', () => {
  expect(names(treeRows(tree, () => false, 'KHƯƠNG'))).toEqual(['ha giang', 'quang binh', 'na khuong'])
  expect(treeRows(tree, () => false, 'không có')).toEqual([])
})

test('only some are shown, and what they hang on; of those what is searched', () => {
  const short = (area: Plain): boolean => area.folded.startsWith('t')
  expect(names(treeRows(tree, () => false, '', short))).toEqual(['ha giang', 'quang binh', 'tan nam', 'tuyen quang'])
  expect(names(treeRows(tree, () => false, 'nam', short))).toEqual(['ha giang', 'quang binh', 'tan nam'])
})
