import { expect, test } from 'vitest'

import { isWord } from './word'

test('the word counts in both languages, with or without marks', () => {
  for (const typed of ['KHẨN CẤP', 'khan  cap ', 'Emergency']) expect(isWord(typed)).toBe(true)
  for (const typed of ['', 'khẩn', 'EMERGENCY!', 'diễn tập']) expect(isWord(typed)).toBe(false)
})
