import { describe, expect, test, vi } from 'vitest'

import { Link, type LinkState, type Socket } from './link'
import { Outbox } from './outbox'
import type { Closed } from './protocol'

const data = (): Uint8Array => new Uint8Array(10)
const numbers = (outbox: Outbox): number[] => outbox.take().map((one) => one.sequence)

describe('outbox', () => {
  test('at most eight at a time, in order, and each once', () => {
    const outbox = new Outbox()
    for (let n = 0; n < 10; n++) outbox.put(data(), n)
    expect(numbers(outbox)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(numbers(outbox)).toEqual([8, 9])
    expect(numbers(outbox)).toEqual([])
  })

  test('what does not fit pushes the oldest out, and only what was never sent is lost', () => {
    const outbox = new Outbox(5)
    for (let n = 0; n < 3; n++) outbox.put(data(), n)
    expect(numbers(outbox)).toEqual([0, 1, 2])
    for (let n = 3; n < 8; n++) outbox.put(data(), n)
    expect([outbox.dropped, outbox.waiting]).toEqual([0, 5])
    for (let n = 8; n < 10; n++) outbox.put(data(), n)
    expect([outbox.dropped, outbox.waiting]).toEqual([2, 5])
    expect(numbers(outbox)).toEqual([5, 6, 7, 8, 9])
  })

  test('a new connection gets what the old one lost, as far as it is kept', () => {
    const outbox = new Outbox(5)
    for (let n = 0; n < 4; n++) outbox.put(data(), n)
    outbox.take()
    outbox.acknowledge(2)
    outbox.put(data(), 4)
    outbox.rewind(3)
    expect(numbers(outbox)).toEqual([3, 4])
    for (let n = 5; n < 20; n++) outbox.put(data(), n)
    outbox.rewind(5)
    expect([outbox.dropped, outbox.waiting]).toEqual([10, 5])
    expect(numbers(outbox)[0]).toBe(15)
  })

  test('what was sent, did not arrive, and is kept no longer is lost too', () => {
    const outbox = new Outbox(3)
    for (let n = 0; n < 6; n++) {
      outbox.put(data(), n)
      outbox.take()
    }
    outbox.rewind(1)
    expect(outbox.dropped).toBe(2)
    expect(numbers(outbox)).toEqual([3, 4, 5])
  })

  test('a server that does not know us gets only what is said from now on', () => {
    const outbox = new Outbox()
    for (let n = 0; n < 4; n++) outbox.put(data(), n)
    outbox.rewind(null)
    expect([outbox.dropped, outbox.waiting]).toEqual([4, 0])
    outbox.put(data(), 4)
    expect(numbers(outbox)).toEqual([4])
  })
})

class FakeSocket implements Socket {
  bufferedAmount = 0
  said: (string | Uint8Array)[] = []
  closed = false
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null

  send(what: string | Uint8Array): void {
    this.said.push(what)
  }

  close(): void {
    this.closed = true
  }

  hear(words: object): void {
    this.onmessage?.({ data: JSON.stringify(words) })
  }

  ready(more: object = {}): void {
    this.onopen?.()
    this.hear({ type: 'ready', area: '/a', live: '1', returned: false, next: null, ...more })
  }

  get sound(): number {
    return this.said.filter((one) => typeof one !== 'string').length
  }
}

function made(): { link: Link; sockets: FakeSocket[]; states: LinkState[]; closed: Closed[]; at: (ms: number) => void } {
  const sockets: FakeSocket[] = []
  const states: LinkState[] = []
  const closed: Closed[] = []
  let now = 1_000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  vi.spyOn(Math, 'random').mockReturnValue(1)
  const link = new Link(
    () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      return socket
    },
    { name: 'Lan', class: 'routine', csrf: 'w', key: 'k', targets: [], reason: '', language: 'vi' },
    false,
    {
      state: (state) => states.push(state),
      ready: () => {},
      status: () => {},
      closed: (one) => closed.push(one),
    },
  )
  const at = (ms: number): void => {
    now = 1_000 + ms
    link.tick(now)
  }
  at(0)
  return { link, sockets, states, closed, at }
}

const goodbye = (reason: string, more: object = {}): object => ({
  type: 'closed', reason, text: '', again: false, by: '', final: false, ...more,
})

describe('link', () => {
  test('nothing is sent before the server is ready, then everything', () => {
    const { link, sockets, states } = made()
    link.outbox.put(data(), 0)
    sockets[0]!.onopen?.()
    expect(JSON.parse(sockets[0]!.said[0] as string)).toMatchObject({ type: 'hello', csrf: 'w', key: 'k' })
    link.pump()
    expect(sockets[0]!.sound).toBe(0)
    sockets[0]!.hear({ type: 'ready', area: '/a', live: '1', returned: false, next: null })
    link.outbox.put(data(), 1)
    link.pump()
    expect([sockets[0]!.sound, states.at(-1)]).toEqual([1, 'open'])
  })

  test('a silent connection is given up and made again, and goes on where the server says', () => {
    const { link, sockets, states, at } = made()
    sockets[0]!.ready()
    for (let n = 0; n < 6; n++) link.outbox.put(data(), n)
    link.pump()
    at(2_900)
    expect(sockets.length).toBe(1)
    at(3_100)
    expect([sockets[0]!.closed, states.at(-1)]).toEqual([true, 'waiting'])
    at(3_200)
    expect(sockets.length).toBe(1)
    at(3_400)
    expect(sockets.length).toBe(2)
    sockets[1]!.ready({ returned: true, next: 4 })
    expect(new DataView((sockets[1]!.said.find((one) => typeof one !== 'string') as Uint8Array).buffer).getUint32(2)).toBe(4)
    expect(link.connections).toBe(2)
  })

  test('pauses grow, and a network that is back is used at once', () => {
    const { link, sockets, at } = made()
    for (const ms of [0, 300, 1_000, 2_500]) {
      at(ms)
      sockets.at(-1)!.onclose?.()
    }
    expect(sockets.length).toBe(4)
    at(4_000)
    expect(sockets.length).toBe(4)
    link.tick(5_100, true)
    expect(sockets.length).toBe(5)
  })

  test('the round trip is measured, and what the server has is kept no longer', () => {
    const { link, sockets, at } = made()
    sockets[0]!.ready()
    for (let n = 0; n < 3; n++) link.outbox.put(data(), n)
    at(600)
    const ping = JSON.parse(sockets[0]!.said.findLast((one) => typeof one === 'string') as string)
    expect(ping.type).toBe('ping')
    vi.spyOn(performance, 'now').mockReturnValue(1_642)
    sockets[0]!.hear({ type: 'pong', number: ping.number })
    expect(link.rtt).toBe(42)
  })

  test('a full connection is waited for', () => {
    const { link, sockets } = made()
    sockets[0]!.ready()
    sockets[0]!.bufferedAmount = 5_000
    for (let n = 0; n < 200; n++) link.outbox.put(data(), n)
    link.pump()
    expect([sockets[0]!.sound, link.outbox.dropped]).toEqual([0, 75])
    sockets[0]!.bufferedAmount = 0
    link.pump()
    expect([link.sent, link.outbox.waiting]).toEqual([125, 0])
  })

  test('who was never let in is told why; who was on air tries again where that may help', () => {
    const first = made()
    first.sockets[0]!.onopen?.()
    first.sockets[0]!.hear(goodbye('busy', { by: 'Mai', again: true }))
    expect([first.link.state, first.closed[0]!.by]).toEqual(['over', 'Mai'])
    const second = made()
    second.sockets[0]!.ready()
    second.sockets[0]!.hear(goodbye('shutdown', { again: true }))
    expect([second.link.state, second.closed.length, second.link.why!.reason]).toEqual(['waiting', 0, 'shutdown'])
    second.at(400)
    second.sockets[1]!.ready()
    expect(second.link.why).toBeNull()
    second.sockets[1]!.hear(goodbye('stopped', { by: 'Mai' }))
    expect([second.link.state, second.closed[0]!.reason]).toEqual(['over', 'stopped'])
  })

  test('a session that ended on air waits for the next one', () => {
    const { link, sockets, closed, at } = made()
    sockets[0]!.ready()
    sockets[0]!.onclose?.()
    at(400)
    sockets[1]!.onopen?.()
    sockets[1]!.hear(goodbye('signed_out'))
    expect([link.state, closed[0]!.reason]).toEqual(['waiting', 'signed_out'])
    at(60_000)
    expect(sockets.length).toBe(2)
    link.resume('new')
    at(60_100)
    sockets[2]!.onopen?.()
    expect(JSON.parse(sockets[2]!.said[0] as string).csrf).toBe('new')
  })

  test('goodbye is said after the last packet', () => {
    const { link, sockets } = made()
    sockets[0]!.ready()
    sockets[0]!.bufferedAmount = 5_000
    link.outbox.put(data(), 0)
    link.end()
    expect(sockets[0]!.said.length).toBe(1)
    sockets[0]!.bufferedAmount = 0
    link.pump()
    expect(JSON.parse(sockets[0]!.said.at(-1) as string)).toEqual({ type: 'end' })
  })
})
