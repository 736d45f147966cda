/**
 * What the server tells while a page is open: what is on air, how receivers are, what happens.
 *
 * The shell keeps it open; pages read `push.of(area)` and `push.totals()`, and are told of what
 * happens by `push.hear(['bulletin.'], () => reload())`. It reconnects by itself and begins again
 * with a snapshot; then whoever hears is told too, for something may have been missed. A window
 * that nobody sees lets go after half a minute: browsers allow few connections to a server.
 */

import { api, BASE } from '../api/client'
import { Book, changesTree, type Happened, type State, type Told, type Totals } from '../lib/onair'
import { areas } from './areas.svelte'
import { session } from './session.svelte'

const PATIENCE_MS = 4_000
const AGAIN_MS = 3_000
const SLOWEST_MS = 30_000
const HIDDEN_MS = 30_000
const TREE_MS = 400

type Timer = 'lost' | 'again' | 'hidden' | 'tree'

/** Told of what happened; of nothing in particular when something may have been missed. */
type Hearer = { kinds: readonly string[]; tell: (happened: Happened | null) => void }

class Push {
  #book = new Book()
  #version = $state(0)
  #levels = $state(0)
  #known = $state(false)
  #lost = $state(false)
  /** The server's clock minus ours, in ms. */
  #ahead = 0
  #source: EventSource | null = null
  #users = 0
  #hearers = new Set<Hearer>()
  #began = false
  #failures = 0
  #timers: Record<Timer, ReturnType<typeof setTimeout> | undefined> = {
    lost: undefined,
    again: undefined,
    hidden: undefined,
    tree: undefined,
  }

  /** Has the first snapshot come? */
  get known(): boolean {
    return this.#known
  }

  /** Has there been no connection for a while? What is shown may be old. */
  get lost(): boolean {
    return this.#lost
  }

  /** The server's time now, in ms. */
  now(): number {
    return Date.now() + this.#ahead
  }

  of(area: number): State {
    void this.#version
    return this.#book.of(area)
  }

  /** How loud a live or relay goes out now (LUFS over 400 ms), by the number of its item. */
  level(number: number): number | null {
    void this.#levels
    return this.#book.level(number)
  }

  totals(within?: (area: number) => boolean): Totals {
    void this.#version
    return this.#book.totals(within)
  }

  carrying(holds: Parameters<Book['carrying']>[0]): number[] {
    void this.#version
    return [...this.#book.carrying(holds)]
  }

  /** Call `tell` when something of these kinds (`bulletin.`, `emergency.called`) happened; returns
   * how to stop. To be used in `$effect` or `onMount`. */
  hear(kinds: readonly string[], tell: Hearer['tell']): () => void {
    const hearer = { kinds, tell }
    this.#hearers.add(hearer)
    return () => this.#hearers.delete(hearer)
  }

  /** Keep it open; returns how to let go. */
  open(): () => void {
    this.#users += 1
    if (this.#users === 1) {
      document.addEventListener('visibilitychange', this.#seen)
      addEventListener('online', this.#hurry)
      this.#connect()
    }
    return () => {
      this.#users -= 1
      if (this.#users > 0) return
      document.removeEventListener('visibilitychange', this.#seen)
      removeEventListener('online', this.#hurry)
      this.#close()
      for (const name of Object.keys(this.#timers) as Timer[]) {
        clearTimeout(this.#timers[name])
        this.#timers[name] = undefined
      }
      this.#lost = false
    }
  }

  #seen = (): void => {
    clearTimeout(this.#timers.hidden)
    if (document.hidden) {
      this.#timers.hidden = setTimeout(() => this.#close(), HIDDEN_MS)
    } else if (this.#source === null) {
      this.#connect()
    }
  }

  #hurry = (): void => {
    if (this.#users > 0 && !document.hidden) this.#connect()
  }

  #close(): void {
    clearTimeout(this.#timers.again)
    this.#source?.close()
    this.#source = null
  }

  #connect(): void {
    this.#close()
    const source = new EventSource(`${BASE}/events`)
    this.#source = source
    source.addEventListener('snapshot', (event) => {
      this.#take(JSON.parse(event.data as string), true)
      this.#failures = 0
      clearTimeout(this.#timers.lost)
      this.#timers.lost = undefined
      this.#lost = false
      if (this.#began) this.#tell(null)
      this.#began = true
    })
    source.addEventListener('change', (event) => {
      const told: Told = JSON.parse(event.data as string)
      this.#take(told, false)
      if (told.missed) this.#tell(null)
      for (const happened of told.happened ?? []) this.#tell(happened)
    })
    source.addEventListener('ended', () => this.#broken())
    source.onerror = () => this.#broken()
  }

  #take(told: Told, whole: boolean): void {
    this.#ahead = told.at * 1000 - Date.now()
    this.#book.take(told, whole)
    if (whole || told.areas !== undefined) this.#version += 1
    if (whole || told.levels !== undefined) this.#levels += 1
    this.#known = true
  }

  #tell(happened: Happened | null): void {
    // Where it can be another one the tree is loaded, once for much that happens together.
    if (happened === null || changesTree(happened)) {
      this.#timers.tree ??= setTimeout(() => {
        this.#timers.tree = undefined
        void areas.reload().catch(() => {})
      }, TREE_MS)
    }
    for (const { kinds, tell } of this.#hearers) {
      if (happened === null || kinds.some((kind) => happened.kind.startsWith(kind))) tell(happened)
    }
  }

  /** The connection is gone: try again, less and less often, and find out whether we are still
   * somebody: a lapsed session asks for the password, and then it goes on. */
  #broken(): void {
    this.#close()
    this.#timers.lost ??= setTimeout(() => (this.#lost = true), PATIENCE_MS)
    const wait = Math.min(SLOWEST_MS, AGAIN_MS * 2 ** this.#failures) * (0.5 + Math.random())
    this.#failures += 1
    this.#timers.again = setTimeout(() => void this.#again(), wait)
  }

  async #again(): Promise<void> {
    if (this.#users === 0 || document.hidden) return
    try {
      if (!session.lapsed) await api.GET('/me')
    } catch {
      // Nobody answers, or the session is over and the shell asks for the password.
    }
    if (this.#users === 0) return
    if (session.lapsed) this.#timers.again = setTimeout(() => void this.#again(), AGAIN_MS / 2)
    else this.#connect()
  }
}

export const push = new Push()
