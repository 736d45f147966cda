/** The emergencies that stand or wait for a second person: loaded once, kept up by the push, and
 * loaded again when one runs out, of which nobody tells. */

import { api } from '../api/client'
import type { components } from '../api/schema'
import { push } from './push.svelte'

export type Emergency = components['schemas']['Emergency']

/** How long one waits for a second person. */
export const WAITING_MS = 600_000
/** Loaded a moment later than it should have ended, and not sooner again than this. */
const LATE_MS = 1_000
const LONGEST_MS = 86_400_000

type Ending = Pick<Emergency, 'state' | 'called_at' | 'expires_at'>

/** In how many ms the first of them has run out; null: none will. */
export function nextEnd(all: readonly Ending[], now: number): number | null {
  if (all.length === 0) return null
  const ends = all.map((one) =>
    one.state === 'waiting' ? Date.parse(one.called_at) + WAITING_MS : Date.parse(one.expires_at),
  )
  return Math.min(LONGEST_MS, Math.max(0, Math.min(...ends) - now) + LATE_MS)
}

class Emergencies {
  #items = $state.raw<Emergency[]>([])
  #known = $state(false)
  #users = 0
  #stop = (): void => {}
  #asked = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Newest first. */
  get items(): readonly Emergency[] {
    return this.#items
  }

  /** Has the server said which there are? */
  get known(): boolean {
    return this.#known
  }

  get standing(): Emergency[] {
    return this.#items.filter((one) => one.state === 'standing')
  }

  get waiting(): Emergency[] {
    return this.#items.filter((one) => one.state === 'waiting')
  }

  get(id: number): Emergency | undefined {
    return this.#items.find((one) => one.id === id)
  }

  async load(): Promise<void> {
    const asked = ++this.#asked
    const [standing, waiting] = await Promise.all(
      (['standing', 'waiting'] as const).map((state) =>
        api.GET('/emergencies', { params: { query: { state, limit: 100 } } }),
      ),
    )
    if (asked !== this.#asked) return
    const found = [...standing!.data!.items, ...waiting!.data!.items]
    this.#items = found.sort((a, b) => b.id - a.id)
    this.#known = true
    this.#watch()
  }

  #watch(): void {
    clearTimeout(this.#timer)
    const wait = nextEnd(this.#items, push.now())
    // Where nobody answers, it is tried until somebody does: what is over must not stay.
    if (wait !== null && this.#users > 0) {
      this.#timer = setTimeout(() => void this.load().catch(() => this.#watch()), wait)
    }
  }

  /** Keep it up; returns how to let go. To be used in `onMount`. */
  use(): () => void {
    this.#users += 1
    if (this.#users === 1) {
      const load = (): void => void this.load().catch(() => {})
      load()
      this.#stop = push.hear(['emergency.'], load)
    }
    return () => {
      this.#users -= 1
      if (this.#users > 0) return
      this.#stop()
      clearTimeout(this.#timer)
    }
  }
}

export const emergencies = new Emergencies()
