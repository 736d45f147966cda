import { expect, test } from 'vitest'

import { clipped, titleOf, titleOfName } from './files'

test('a title is the name without what is not of it', () => {
  expect(titleOfName('tiem_chung  thang 3.MP3')).toBe('tiem chung thang 3')
  expect(titleOfName('Tin ngày 12.10.2026')).toBe('Tin ngày 12.10')
  expect(titleOfName('.mp3')).toBe('.mp3')
  expect(titleOfName('a\u0000b\nc.wav')).toBe('a b c')
})

test('a title is cut where the server would refuse it', () => {
  expect([...clipped('𝄞'.repeat(300))]).toHaveLength(200)
})

test('the tags say the title, and a file without any its name', async () => {
  const text = new TextEncoder().encode('Lịch tiêm chủng')
  const frame = [...new TextEncoder().encode('TIT2'), 0, 0, 0, text.length + 1, 0, 0, 3, ...text]
  const tag = [...new TextEncoder().encode('ID3'), 4, 0, 0, 0, 0, 0, frame.length, ...frame]
  const silence = new Array(2000).fill(0)
  const file = new File([new Uint8Array([...tag, ...silence])], 'a.mp3', { type: 'audio/mpeg' })
  expect(await titleOf(file)).toBe('Lịch tiêm chủng')
  expect(await titleOf(new File([new Uint8Array(50)], 'b_c.wav'))).toBe('b c')
})
