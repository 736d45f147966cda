import { beforeEach, expect, test, vi } from 'vitest'

import { api } from '../../api/client'
import type { Item } from '../../lib/onair'
import { session, type Permission } from '../../state/session.svelte'
import { leaveOut, stop, wayToStop, whyNot } from './stopping'

const STATION = 3
const relay: Item = {
  kind: 'relay', title: 'VOV', class: 'routine', since: null, until: null, why: 'slot', origin: STATION,
  origin_name: 'Xã', live: null, bulletin: null, entry: null, emergency: null, drill: false, began: null,
}
let may: Permission[] = []
vi.spyOn(session, 'may').mockImplementation((permission) => may.includes(permission))
const get = vi.spyOn(api, 'GET')
const patch = vi.spyOn(api, 'PATCH').mockResolvedValue({} as never)

beforeEach(() => {
  may = ['live', 'schedule']
  patch.mockClear()
})

test('a relay of a slot can be stopped by who makes the schedule where it comes from', () => {
  expect(wayToStop(relay, 7)).toBe('slot')
  expect(wayToStop({ ...relay, why: 'upper' }, 7)).toBe('slot')
  may = ['live']
  expect(wayToStop(relay, 7)).toBe(null)
  expect(whyNot(relay, 7)).toBe('slot')
  may = []
  expect(whyNot(relay, 7)).toBe(null)
})

test('what the configuration names cannot, and it is said why', () => {
  for (const item of [{ ...relay, why: 'standing' }, { ...relay, kind: 'file' as const, why: 'standing' }]) {
    expect(wayToStop(item, 7)).toBe(null)
    expect(whyNot(item, 7)).toBe('standing')
  }
})

function day(...windows: [slot: number, start: string, end: string][]): object {
  return {
    timezone: 'Asia/Ho_Chi_Minh',
    windows: windows.map(([slot, start, end]) => ({ slot, content: 'relay', start, end })),
  }
}

function answers(slot: object, of: object): void {
  get.mockImplementation((async (path: string) => ({ data: path === '/slots/{slot}' ? slot : of })) as never)
}

function asked(): { params: { path: object }; body: object } {
  return (patch.mock.calls[0] as unknown as [string, { params: { path: object }; body: object }])[1]
}

test('the slot that is open now is left out on the day on which it began, others stay', async () => {
  answers(
    { version: 4, rrule: 'FREQ=DAILY', exceptions: ['2026-12-01'] },
    day(
      [8, '2026-11-22T10:00:00Z', '2026-11-22T11:00:00Z'],
      [9, '2026-11-22T16:50:00Z', '2026-11-22T17:30:00Z'],
    ),
  )
  // 00:10 of the 23rd there.
  await leaveOut(STATION, Date.parse('2026-11-22T17:10:00Z'))
  expect(asked().params.path).toEqual({ slot: 9 })
  expect(asked().body).toEqual({ exceptions: ['2026-11-22', '2026-12-01'] })

  patch.mockClear()
  await stop('slot', relay, 7)
  expect(patch, 'nothing is open any more').not.toHaveBeenCalled()
})

test('a slot that has no other day ends now', async () => {
  const remove = vi.spyOn(api, 'DELETE').mockResolvedValue({} as never)
  const once = { version: 1, rrule: '', exceptions: [] }
  answers(once, day([5, '2026-11-22T10:00:00Z', '2026-11-22T11:00:00Z']))
  await leaveOut(STATION, Date.parse('2026-11-22T10:12:30Z'))
  expect(asked().body).toEqual({ minutes: 12 })
  expect(remove).not.toHaveBeenCalled()
  await leaveOut(STATION, Date.parse('2026-11-22T10:00:30Z'))
  expect(remove).toHaveBeenCalled()
})
