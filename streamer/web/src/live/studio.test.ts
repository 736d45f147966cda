import { beforeEach, expect, test, vi } from 'vitest'

import { keptAs } from './recording'
import type { Order, Report } from './studio.worker'

const made = vi.hoisted(() => ({ worker: null as null | { onmessage: (e: unknown) => void; orders: Order[] } }))
vi.mock('./studio.worker?worker', () => ({
  default: class {
    onmessage = (): void => {}
    orders: Order[] = []
    constructor() {
      made.worker = this
    }
    postMessage(order: Order): void {
      this.orders.push(order)
    }
  },
}))
vi.mock('./microphone.svelte', () => ({
  Microphone: class {
    open = true
    wake(): void {}
    mute(): void {}
    frames = (): null => null
    stop(): void {
      this.open = false
    }
  },
}))
vi.stubGlobal('addEventListener', () => {})
vi.stubGlobal('removeEventListener', () => {})
vi.stubGlobal('location', { origin: 'https://loa.lan' })
vi.stubGlobal('window', globalThis)
const { Studio } = await import('./studio.svelte')
const { liveHere } = await import('../state/live.svelte')

const PLAN = {
  area: 1, path: '/xa', targets: [], cls: 'routine' as const, title: '', reason: '', name: 'Mai', where: 'Xã',
}
const HEALTH = {
  rtt: 1, sent: 1, lost: 5, slow: 0, waitingMs: 0, connections: 1, pcm: false, recording: 'on' as const, blocked: null,
}
const CLOSED = { type: 'closed' as const, text: '', again: false, by: '', final: true }

let studio: InstanceType<typeof Studio>
function told(report: Report): void {
  made.worker!.onmessage({ data: report })
}
beforeEach(() => {
  studio = new Studio()
  studio.begin(PLAN, true)
  told({ is: 'ready', ready: { live: 'x' } as never })
  told({ is: 'state', state: 'open' })
  expect(studio.phase).toBe('live')
})

test('stopped from another page, nothing listens any more', () => {
  studio.seen = false
  liveHere.now!.stop()
  told({ is: 'health', health: HEALTH })
  told({ is: 'closed', closed: { ...CLOSED, reason: 'ended' } })
  expect([studio.phase, studio.microphone.open]).toEqual(['over', false])
  expect(studio.outcome).toMatchObject({ lost: 5, kept: 'whole' })
})

test('stopped where the microphone is looked at, it stays open for the next', () => {
  studio.seen = true
  studio.stop()
  told({ is: 'closed', closed: { ...CLOSED, reason: 'ended' } })
  expect([studio.phase, studio.microphone.open]).toEqual(['over', true])
})

test('signed in again on any page, it goes on', () => {
  told({ is: 'closed', closed: { ...CLOSED, reason: 'signed_out' } })
  expect(studio.locked).toBe(true)
  liveHere.now!.unlock()
  expect(studio.locked).toBe(false)
  expect(made.worker!.orders.at(-1)!.do).toBe('resume')
})

test('only what was recorded to the end without a gap is whole', () => {
  expect(keptAs(HEALTH)).toBe('whole')
  expect(keptAs({ ...HEALTH, slow: 1 })).toBe('slow')
  for (const recording of ['full', 'failed', 'none'] as const) expect(keptAs({ ...HEALTH, recording })).toBe(recording)
  expect(keptAs({ ...HEALTH, recording: '' })).toBe('none')
  expect(keptAs(null)).toBe('none')
})
