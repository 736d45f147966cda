import { afterEach, expect, test, vi } from 'vitest'

const answers = vi.hoisted(() => ({ standing: [] as unknown[], waiting: [] as unknown[], asked: 0, fails: false }))
vi.mock('../api/client', () => ({
  api: {
    GET: async (_: string, { params }: { params: { query: { state: 'standing' | 'waiting' } } }) => {
      answers.asked += 1
      if (answers.fails) throw new Error()
      return { data: { items: answers[params.query.state] } }
    },
  },
}))
vi.mock('./push.svelte', () => ({ push: { now: () => Date.now(), hear: () => () => {} } }))
const { emergencies, nextEnd } = await import('./emergencies.svelte')

const at = (ms: number): string => new Date(ms).toISOString()
const one = (state: 'standing' | 'waiting', called: number, expires: number) => ({
  id: called, state, called_at: at(called), expires_at: at(expires),
})

afterEach(() => vi.useRealTimers())

test('the first of them that runs out counts', () => {
  expect(nextEnd([], 0)).toBeNull()
  expect(nextEnd([one('standing', 0, 90_000), one('standing', 0, 60_000)], 0)).toBe(61_000)
  expect(nextEnd([one('waiting', 0, 9_000), one('standing', 0, 900_000)], 30_000)).toBe(571_000)
  expect(nextEnd([one('standing', 0, 60_000)], 70_000)).toBe(1_000)
})

test('one that has expired does not stay, though nobody tells of it', async () => {
  vi.useFakeTimers()
  const now = Date.now()
  answers.standing = [one('standing', now, now + 60_000)]
  const leave = emergencies.use()
  await vi.advanceTimersByTimeAsync(0)
  expect(emergencies.standing.length).toBe(1)
  answers.standing = []
  answers.fails = true
  await vi.advanceTimersByTimeAsync(61_500)
  expect(emergencies.standing.length).toBe(1)
  answers.fails = false
  await vi.advanceTimersByTimeAsync(2_000)
  expect(emergencies.standing.length).toBe(0)
  const { asked } = answers
  await vi.advanceTimersByTimeAsync(100_000_000)
  expect(answers.asked).toBe(asked)
  leave()
})
