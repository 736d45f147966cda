import { expect, test } from 'vitest'

import { readCsv, writeCsv } from './csv'

test('what spreadsheets save is read: quotes, line breaks in cells, semicolons, a mark at the start', () => {
  expect(readCsv('\uFEFFtên;ghi chú\r\nA;"một; ""hai""\nba"\r\n')).toEqual([
    ['tên', 'ghi chú'],
    ['A', 'một; "hai"\nba'],
  ])
  expect(readCsv('a,b\n1,')).toEqual([['a', 'b'], ['1', '']])
  expect(readCsv('')).toEqual([])
})

test('what is written is read again as it was; formulas are no formulas', () => {
  const rows = [['tên', 'mã'], ['Nhà "văn hóa", xã\nA', 'LOA1-X']]
  expect(readCsv(writeCsv(rows))).toEqual(rows)
  expect(writeCsv([['=1+1']])).toContain("'=1+1")
})
