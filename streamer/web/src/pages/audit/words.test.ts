import { expect, test } from 'vitest'

import { detailRows, sentence } from './words'

const told = (action: string, details: Record<string, unknown>): string =>
  sentence({ action, subject: '', details })

test('entries are sentences', () => {
  expect(told('bulletin.rejected', { title: 'Bản tin sáng', reason: 'thiếu nguồn' })).toBe(
    'trả lại bản tin “Bản tin sáng” (lý do: thiếu nguồn)',
  )
  expect(told('grant.given', { login: 'minh', role: 'editor' })).toBe(
    'giao quyền cho “minh” (quyền Biên tập viên)',
  )
  expect(told('emergency.called', { drill: true, reason: '' })).toBe('phát khẩn cấp (diễn tập)')
  expect(told('queue.distributed', { title: 'Tin', stations: 12 })).toBe(
    'gửi bản tin xuống các đài “Tin” (12 đài)',
  )
})

test('what nobody has words for yet is named as it is', () => {
  expect(told('moon.rose', { name: 'x', odd: { a: [1] } })).toBe('moon.rose “x”')
  expect(detailRows({ name: 'x', odd: { a: [1] }, no: null })).toEqual([
    ['name', 'x'],
    ['odd', '{"a":[1]}'],
    ['no', 'null'],
  ])
})
