import { expect, test } from 'vitest'

import { changes, formOf, fromInput, judged, merged, result, stretches, toInput, type Audio, type Form } from './model'

const base: Form = {
  title: 'Tiêm chủng', class: 'routine', language: 'vi', sign_text: '', notes: '', starts_at: null,
  expires_at: null, per_day: 1, days: 1, targets: [3, 1],
} // prettier-ignore

test('only what was changed is sent', () => {
  const form = formOf(base)
  expect(changes(formOf(base), form)).toEqual({})
  expect(changes(formOf(base), { ...form, title: 'Khác', targets: [1] })).toEqual({ title: 'Khác', targets: [1] })
})

test('of two who changed it, nobody loses a word', () => {
  const from = formOf(base)
  const mine = { ...from, title: 'Của tôi', notes: 'ghi', per_day: 2 }
  const theirs = { ...from, title: 'Của họ', days: 5, per_day: 2 }
  const { form, clashes } = merged(from, mine, theirs)
  expect(form).toMatchObject({ title: 'Của tôi', notes: 'ghi', days: 5, per_day: 2 })
  expect(clashes).toEqual(['title'])
})

test('recordings are judged by what was measured', () => {
  expect(judged({ integrated_lufs: -19, true_peak_dbtp: -3 })).toBe('good')
  expect(judged({ integrated_lufs: -40, true_peak_dbtp: -20 })).toBe('quiet')
  expect(judged({ integrated_lufs: -15, true_peak_dbtp: 0.2 })).toBe('clipped')
  expect(judged({ integrated_lufs: null, true_peak_dbtp: null })).toBe('silent')
  const audio = { result: { integrated_lufs: -16, true_peak_dbtp: -2 }, reached: true } as Audio
  expect(result(audio)).toBe('good')
  expect(result({ ...audio, reached: false })).toBe('missed')
  expect(result({ ...audio, result: null })).toBe('silent')
})

test('times are those of here', () => {
  expect(fromInput('')).toBeNull()
  expect(toInput(null)).toBe('')
  expect(toInput(fromInput('2026-12-31T06:30'))).toBe('2026-12-31T06:30')
})

test('places of a text are counted in code points', () => {
  const found = stretches('🎺 UBND xã ABC', [
    { start: 2, end: 6, written: 'UBND', spoken: 'ủy ban nhân dân', kind: 'table' },
    { start: 10, end: 13, written: 'ABC', spoken: 'a bê xê', kind: 'letters' },
  ])
  expect(found.map((one) => one.text)).toEqual(['🎺 ', 'UBND', ' xã ', 'ABC'])
  expect(found[1]!.said).toBe('ủy ban nhân dân')
  expect(found[3]!.unknown).toBe(true)
})
