import { expect, test } from 'vitest'

import { written } from './export'

test('nothing of the log is left out, however long it is', async () => {
  const PAGE = 1000
  const LAST = 12_345
  const told: number[] = []
  const page = async (after: number): Promise<{ items: number[]; next: number | null }> => {
    const items = Array.from({ length: Math.min(PAGE, LAST - after) }, (_, at) => after + at + 1)
    return { items, next: after + items.length < LAST ? after + items.length : null }
  }
  const file = await written(['số', 'việc'], page, (n) => [String(n), `=mục, ${n}`], (n) => told.push(n))
  const lines = (await file.text()).trimEnd().split('\r\n')
  expect(lines).toHaveLength(LAST + 1)
  expect(lines[1]).toBe(`1,"'=mục, 1"`)
  expect(lines.at(-1)).toBe(`${LAST},"'=mục, ${LAST}"`)
  expect(told.at(-1)).toBe(LAST)
})
