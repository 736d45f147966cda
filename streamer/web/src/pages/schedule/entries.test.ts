import { expect, test } from 'vitest'

import { body, changes, fresh, opened } from './entries'
import type { Entry } from './order'

const HERE = 'Asia/Ho_Chi_Minh'

test('a new entry is played once, at any time, everywhere', () => {
  expect(body(fresh().form, HERE)).toEqual({
    per_day: 1, days: 1, not_before: null, expires_at: null, targets: null,
  })
})

test('only what was changed is sent', () => {
  const draft = opened({
    id: 4, version: 2, per_day: 2, days: 0, not_before: null, expires_at: '2026-12-01T10:00:30Z',
    targets: [7], timezone: HERE,
  } as unknown as Entry)
  expect(draft.form).toMatchObject({ endless: true, end: '2026-12-01T17:00', some: true })
  expect(changes(draft, HERE)).toEqual({})
  draft.form.perDay = 3
  draft.form.some = false
  expect(changes(draft, HERE)).toEqual({ per_day: 3, targets: null })
})
