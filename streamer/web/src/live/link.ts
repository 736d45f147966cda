/** The studio's connection: it is made again when it breaks, in the same broadcast, and says how it is.
 * A shell of its own makes the WebSocket and keeps the time, so that tests need neither. */

import { Outbox } from './outbox'
import { audio, hello, read, type Closed, type Hello, type Ready, type Status } from './protocol'

/** What the link needs of a WebSocket. */
export type Socket = {
  readonly bufferedAmount: number
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: (() => void) | null
}

export type LinkState = 'connecting' | 'open' | 'waiting' | 'over'

export type Told = {
  state(state: LinkState): void
  ready(ready: Ready): void
  status(status: Status): void
  closed(closed: Closed): void
}

const PING_MS = 500
/** Without a word from the server for so long, the connection is taken for dead: it says something
 * twice a second. */
const SILENT_MS = 3_000
const ANSWER_MS = 8_000
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000]
/** Bytes that may wait in the browser: half a second; the rest waits where it can be dropped. */
const UNSENT = { opus: 4_000, pcm: 48_000 }
/** Reasons that pass by themselves for who was on air already. */
const PASSING = ['shutdown', 'busy', 'timed_out', 'full']

export class Link {
  readonly outbox = new Outbox()
  /** The round trip, in ms; null while it is not known. */
  rtt: number | null = null
  sent = 0
  connections = 0
  /** Why it is not let in again, when it said goodbye with a reason that passes. */
  why: Closed | null = null
  #socket: Socket | null = null
  #state: LinkState = 'connecting'
  #ready = false
  #ending = false
  #failures = 0
  #pings = new Map<number, { at: number; next: number }>()
  #ping = 0
  #pinged = 0
  #heard = 0
  #again = 0
  #title = ''
  #said = ''

  constructor(
    readonly open: () => Socket,
    public words: Hello,
    readonly pcm: boolean,
    readonly told: Told,
  ) {}

  get state(): LinkState {
    return this.#state
  }

  set title(title: string) {
    this.#title = title.slice(0, 200)
    this.pump()
  }

  /** Call it every 100 ms or so, and at once when the network is said to be back (`hurry`). */
  tick(now: number, hurry = false): void {
    if (this.#state === 'over') return
    if (this.#socket === null) {
      if (hurry || now >= this.#again) this.#connect(now)
      return
    }
    if (now - this.#heard > (this.#ready ? SILENT_MS : ANSWER_MS)) {
      this.#lost(now)
      return
    }
    if (this.#ready && now - this.#pinged >= PING_MS) {
      this.#pinged = now
      this.#ping += 1
      this.#pings.set(this.#ping, { at: now, next: this.#sentUpTo })
      this.#socket.send(JSON.stringify({ type: 'ping', number: this.#ping }))
    }
    this.pump()
  }

  #sentUpTo = 0

  /** Send what waits, as far as the connection takes it. */
  pump(): void {
    const socket = this.#socket
    if (socket === null || !this.#ready) return
    if (this.#said !== this.#title) {
      this.#said = this.#title
      socket.send(JSON.stringify({ type: 'title', text: this.#title }))
    }
    while (socket.bufferedAmount < UNSENT[this.pcm ? 'pcm' : 'opus']) {
      const packets = this.outbox.take()
      if (packets.length === 0) break
      socket.send(audio(packets, this.pcm))
      this.#sentUpTo = packets.at(-1)!.sequence + 1
      this.sent += packets.length
    }
    if (this.#ending && this.outbox.waiting === 0) {
      socket.send(JSON.stringify({ type: 'end' }))
      this.#ending = false
    }
  }

  /** Say goodbye once everything is sent. */
  end(): void {
    this.#ending = true
    this.pump()
  }

  /** Somebody signed in again: go on with the new session's word. */
  resume(csrf: string): void {
    this.words = { ...this.words, csrf }
    this.#again = 0
  }

  /** Give up at once. */
  close(): void {
    this.#set('over')
    this.#drop()
  }

  #connect(now: number): void {
    this.#set(this.connections === 0 ? 'connecting' : 'waiting')
    this.#heard = now
    const socket = this.open()
    this.#socket = socket
    socket.onopen = () => socket.send(hello(this.words))
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket && typeof data === 'string') this.#take(data, performance.now())
    }
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost(performance.now())
    }
  }

  #take(text: string, now: number): void {
    const said = read(text)
    this.#heard = now
    if (said === null) return
    if (said.type === 'ready') {
      this.outbox.rewind(said.returned ? (said.next ?? this.outbox.next) : null)
      this.#ready = true
      this.#failures = 0
      this.#said = ''
      this.connections += 1
      this.why = null
      this.#set('open')
      this.told.ready(said)
      this.pump()
    } else if (said.type === 'pong') {
      const ping = this.#pings.get(said.number)
      if (ping === undefined) return
      this.rtt = now - ping.at
      this.outbox.acknowledge(ping.next)
      for (const number of this.#pings.keys()) if (number <= said.number) this.#pings.delete(number)
    } else if (said.type === 'status') {
      this.told.status(said)
    } else {
      this.#closed(said, now)
    }
  }

  #closed(said: Closed, now: number): void {
    if (this.connections > 0 && PASSING.includes(said.reason)) {
      this.why = said
      this.#lost(now)
      return
    }
    if (this.connections > 0 && said.reason === 'signed_out') {
      this.#lost(now)
      this.#again = Infinity
      this.told.closed(said)
      return
    }
    this.#set('over')
    this.#drop()
    this.told.closed(said)
  }

  #lost(now: number): void {
    this.#drop()
    if (this.#state === 'over') return
    const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)]!
    this.#failures += 1
    this.#again = now + pause * (0.5 + Math.random() / 2)
    this.#set('waiting')
  }

  #drop(): void {
    const socket = this.#socket
    this.#socket = null
    this.#ready = false
    this.rtt = null
    this.#pings.clear()
    socket?.close()
  }

  #set(state: LinkState): void {
    if (state === this.#state) return
    this.#state = state
    this.told.state(state)
  }
}
