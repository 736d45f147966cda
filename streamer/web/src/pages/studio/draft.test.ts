import { expect, test, vi } from 'vitest'

const kept = vi.hoisted(() => ({ now: new Set([1]) as ReadonlySet<number> }))
vi.mock('../../state/session.svelte', () => ({ session: { may: () => true } }))
vi.mock('./choice', () => ({
  keptChoice: () => kept.now,
  keepChoice: (chosen: ReadonlySet<number>) => (kept.now = chosen),
}))
const { draft } = await import('./draft.svelte')

function called(): void {
  draft.recall()
  draft.call(new Set([7]), 'Lũ')
  draft.title = 'Báo lũ'
  expect([draft.cls, draft.reason, [...draft.chosen]]).toEqual(['emergency', 'Lũ', [7]])
}

const calm = ['routine', '', '', [1]]
const now = (): unknown[] => {
  draft.recall()
  return [draft.cls, draft.reason, draft.title, [...draft.chosen]]
}

test('an emergency that was only looked at is none when one comes back', () => {
  called()
  draft.left()
  expect(now()).toEqual(calm)
})

test('after an emergency the next broadcast is a routine one, where the last routine one was', () => {
  called()
  draft.begun()
  expect(now()).toEqual(calm)
})

test('what was entered for another broadcast stays while one looks elsewhere', () => {
  draft.cls = 'priority'
  draft.title = 'Tin xã'
  draft.reason = 'Ngoài giờ'
  draft.left()
  expect(now()).toEqual(['priority', 'Ngoài giờ', 'Tin xã', [1]])
  draft.begun()
  expect(now()).toEqual(['routine', '', 'Tin xã', [1]])
})
