/** The studio of this page: one broadcast at a time, from the count-in to the last word. It lives on
 * while other pages of the desk are looked at. */

import { api, credentials } from '../api/client'
import { language } from '../state/language.svelte'
import { liveHere } from '../state/live.svelte'
import type { LinkState } from './link'
import { Microphone } from './microphone.svelte'
import type { Closed, Status } from './protocol'
import { keptAs, type About, type KeptAs } from './recording'
import type { Health, Order, Report } from './studio.worker'
import StudioWorker from './studio.worker?worker'

/**
 * `ready`: nothing is under way. `counting` and `connecting`: not a word is heard yet. `live`: what is
 * said goes out. `ending`: the last of it is on its way. `over`: it has been; see `outcome`.
 */
export type Phase = 'ready' | 'counting' | 'connecting' | 'live' | 'ending' | 'over'

export type Plan = {
  /** The area that it is on, and its path. */
  area: number
  path: string
  /** The areas that it is for; none: all of that area. */
  targets: readonly number[]
  cls: 'routine' | 'priority' | 'emergency'
  title: string
  reason: string
  /** Who speaks, and where to, in words. */
  name: string
  where: string
}

export type Outcome = {
  seconds: number
  lost: number
  connections: number
  closed: Closed
  recording: string
  kept: KeptAs
}

const COUNT_MS = 1_000
const FROM = 3
const SEEN_EVERY_MS = 300_000
const FINE = ['ended', 'unanswered']

function randomWord(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export class Studio {
  readonly microphone = new Microphone()
  phase = $state<Phase>('ready')
  count = $state(0)
  link = $state<LinkState>('connecting')
  status = $state.raw<Status | null>(null)
  health = $state.raw<Health | null>(null)
  plan = $state.raw<Plan | null>(null)
  /** Its page is being looked at. */
  seen = false
  /** Why it did not begin. */
  refused = $state.raw<Closed | null>(null)
  /** The session ended on air: once somebody signs in again, it goes on. */
  locked = $state(false)
  outcome = $state.raw<Outcome | null>(null)
  /** When the first word went out, by this page's clock, in ms. */
  since = $state(0)
  #worker: Worker | null = null
  #timers: number[] = []
  #connected = false
  #live = ''
  #recording = ''
  #awake: WakeLockSentinel | null = null

  get under(): boolean {
    return !['ready', 'over'].includes(this.phase)
  }

  /** Somebody hears it now. */
  get heard(): boolean {
    return this.phase === 'live' && this.link === 'open' && (this.status?.mounts ?? 0) > 0
  }

  /** Begin: connect, and count down meanwhile; `counted`: without counting. */
  begin(plan: Plan, counted = false): void {
    if (this.under || !this.microphone.open) return
    this.microphone.wake()
    this.plan = plan
    this.refused = null
    this.outcome = null
    this.status = null
    this.health = null
    this.locked = false
    this.#connected = false
    this.#live = ''
    this.#recording = randomWord()
    const about: About = {
      id: this.#recording,
      title: plan.title || plan.where,
      area: plan.area,
      startedAt: new Date().toISOString(),
    }
    const worker = new StudioWorker()
    this.#worker = worker
    worker.onmessage = ({ data }: MessageEvent<Report>) => this.#take(data)
    const port = this.microphone.frames()
    this.#order({ do: 'frames', port }, [port])
    this.#order({
      do: 'connect',
      url: `${location.origin.replace(/^http/, 'ws')}/api/v1/live${encodeURI(plan.path)}`,
      words: {
        name: plan.name,
        class: plan.cls,
        csrf: credentials.csrf ?? '',
        key: randomWord(),
        targets: plan.targets,
        reason: plan.reason,
        language: language.now,
      },
      about,
      title: plan.title,
    })
    this.count = counted ? 0 : FROM
    this.phase = counted ? 'connecting' : 'counting'
    if (!counted) this.#every(COUNT_MS, () => this.#counted())
    addEventListener('beforeunload', this.#guard)
    addEventListener('online', this.#hurry)
  }

  #counted(): void {
    if (this.phase !== 'counting') return
    this.count -= 1
    if (this.count <= 0) this.skip()
  }

  /** Do not wait for the count. */
  skip(): void {
    if (this.phase !== 'counting') return
    this.count = 0
    this.phase = 'connecting'
    if (this.#connected) this.#go()
  }

  #go(): void {
    this.phase = 'live'
    this.since = performance.now()
    this.#order({ do: 'go' })
    this.#every(SEEN_EVERY_MS, () => void api.GET('/me').catch(() => {}))
    this.#show()
    void this.#stayAwake()
  }

  /** Not yet: nothing has been heard, and nothing is. */
  cancel(): void {
    if (this.phase !== 'counting' && this.phase !== 'connecting') return
    this.#end('ready')
  }

  /** The end: what was said until now is still heard. */
  stop(): void {
    if (this.phase === 'counting' || this.phase === 'connecting') this.cancel()
    if (this.phase !== 'live') return
    this.phase = 'ending'
    this.#order({ do: 'end' })
    this.#show()
  }

  mute(muted: boolean): void {
    this.microphone.mute(muted)
    this.#show()
  }

  retitle(title: string): void {
    if (this.plan !== null) this.plan = { ...this.plan, title }
    this.#order({ do: 'title', title })
    this.#show()
  }

  /** Somebody signed in again. */
  unlock(): void {
    if (!this.locked) return
    this.locked = false
    this.#order({ do: 'resume', csrf: credentials.csrf ?? '' })
  }

  /** Seen; on to the next. */
  again(): void {
    if (this.phase === 'over') this.phase = 'ready'
  }

  #order(order: Order, moved: Transferable[] = []): void {
    this.#worker?.postMessage(order, moved)
  }

  #take(report: Report): void {
    if (report.is === 'state') this.link = report.state
    else if (report.is === 'status') this.status = report.status
    else if (report.is === 'health') this.health = report.health
    else if (report.is === 'ready') {
      this.#connected = true
      this.#live = report.ready.live
      if (this.phase === 'connecting') this.#go()
    } else this.#closed(report.closed)
    this.#show()
  }

  #closed(closed: Closed): void {
    if (this.phase === 'counting' || this.phase === 'connecting') {
      this.refused = closed
      this.#end('ready')
    } else if (closed.reason === 'signed_out' && this.phase === 'live') {
      this.locked = true
      credentials.ended()
    } else {
      // The network is gone with the goodbye: the server would wait some seconds for us.
      if (closed.reason === 'unanswered') this.#stopThere()
      this.outcome = {
        seconds: (performance.now() - this.since) / 1000,
        lost: this.health?.lost ?? 0,
        connections: this.health?.connections ?? 1,
        closed,
        recording: this.#recording,
        kept: keptAs(this.health),
      }
      this.#end('over')
    }
  }

  #stopThere(): void {
    const params = { path: { live: this.#live } }
    void api.POST('/lives/{live}/stop', { params }).catch(() => {})
  }

  #end(phase: Phase): void {
    this.phase = phase
    this.#order({ do: 'close' })
    this.#worker = null
    for (const timer of this.#timers) clearInterval(timer)
    this.#timers = []
    removeEventListener('beforeunload', this.#guard)
    removeEventListener('online', this.#hurry)
    this.microphone.mute(false)
    if (!this.seen) this.microphone.stop()
    void this.#awake?.release().catch(() => {})
    this.#awake = null
    this.#show()
  }

  /** Tell the rest of the desk. */
  #show(): void {
    const on = this.phase === 'live' || this.phase === 'ending'
    liveHere.now =
      on && this.plan !== null
        ? {
            where: this.plan.where,
            title: this.plan.title,
            since: this.since,
            heard: this.heard,
            lost: this.link !== 'open',
            muted: this.microphone.muted,
            stop: () => this.stop(),
            unlock: () => this.unlock(),
          }
        : null
  }

  /** A phone that goes to sleep takes the microphone with it. */
  async #stayAwake(): Promise<void> {
    try {
      this.#awake = await navigator.wakeLock.request('screen')
    } catch {
      // Not every browser has it.
    }
  }

  #every(ms: number, what: () => void): void {
    this.#timers.push(window.setInterval(what, ms))
  }

  #guard = (event: BeforeUnloadEvent): void => event.preventDefault()
  #hurry = (): void => this.#order({ do: 'hurry' })
}

export function ended(outcome: Outcome): boolean {
  return FINE.includes(outcome.closed.reason)
}

export const studio = new Studio()
