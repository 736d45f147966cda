/** The emergencies that stand or wait for a second person: loaded once, kept up by the push. */

import { api } from '../api/client'
import type { components } from '../api/schema'
import { push } from './push.svelte'

export type Emergency = components['schemas']['Emergency']

class Emergencies {
  #items = $state.raw<Emergency[]>([])
  #users = 0
  #stop = (): void => {}
  #asked = 0

  /** Newest first. */
  get items(): readonly Emergency[] {
    return this.#items
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
      if (this.#users === 0) this.#stop()
    }
  }
}

export const emergencies = new Emergencies()
