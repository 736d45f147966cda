/** All receivers that we may see, loaded in a few calls and kept up to date while a page is open. */

import { all, api } from '../../api/client'
import { together } from '../../lib/together'
import { areas } from '../../state/areas.svelte'
import { push } from '../../state/push.svelte'
import { isOfRegistry, merge, type Receiver, type Row, type Sim, type Status } from './merge'

const AT_ONCE = 1000
/** What boxes tell of themselves comes by asking, for thousands tell it all the time. */
const EVERY_MS = 20_000
const SOON_MS = 700

async function gathered<T>(pages: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of pages) found.push(one)
  return found
}

export class Book {
  #receivers = $state.raw<readonly Receiver[]>([])
  #status = $state.raw(new Map<number, Status>())
  #sims = $state.raw(new Map<number, Sim>())
  loading = $state(true)
  error = $state<unknown>(null)
  /** When how they are was asked last, in ms. */
  at = $state(Date.now())

  readonly rows: readonly Row[] = $derived(
    this.#receivers.map((one) =>
      merge(
        one,
        this.#status.get(one.id),
        this.#sims.get(one.id),
        areas.loaded ? `${areas.name(one.area)} ${areas.get(one.area)?.path ?? ''}` : '',
      ),
    ),
  )

  /** Load everything. */
  async load(): Promise<void> {
    this.error = null
    try {
      await areas.load()
      await Promise.all([this.refresh(), this.#loadReceivers()])
      this.loading = false
      // How SIMs stand is the dearest question, and the least urgent.
      await this.#loadSims()
    } catch (error) {
      this.error = error
    } finally {
      this.loading = false
    }
  }

  async #loadReceivers(): Promise<void> {
    this.#receivers = await gathered(
      all(async (after) => {
        const { data } = await api.GET('/receivers', { params: { query: { limit: AT_ONCE, after } } })
        return data!
      }),
    )
  }

  async #loadSims(): Promise<void> {
    const found = await gathered(
      all(async (after) => {
        const { data } = await api.GET('/sims', { params: { query: { limit: AT_ONCE, after } } })
        return data!
      }),
    )
    this.#sims = new Map(found.filter((sim) => sim.receiver !== null).map((sim) => [sim.receiver!, sim]))
  }

  /** Ask how they are. */
  async refresh(): Promise<void> {
    const found = await gathered(
      all(async (after) => {
        const { data } = await api.GET('/receivers/status', {
          params: { query: { limit: AT_ONCE, after } },
        })
        return data!
      }),
    )
    this.#status = new Map(found.map((one) => [one.id, one]))
    this.at = Date.now()
  }

  /** Keep it up to date; returns how to stop. The registry is loaded when something of it changed. */
  follow(): () => void {
    let changed = false
    const again = async (): Promise<void> => {
      if (document.hidden || this.loading) return
      const registry = changed
      changed = false
      try {
        await Promise.all([this.refresh(), registry && this.#loadReceivers()])
      } catch {
        // The shell says that the server is away; the next round tries again.
        changed ||= registry
      }
    }
    const soon = together(again, SOON_MS)
    const deaf = push.hear(['receiver.'], (happened) => {
      if (happened === null || isOfRegistry(happened.kind)) changed = true
      soon()
    })
    const every = setInterval(soon, EVERY_MS)
    return () => {
      deaf()
      clearInterval(every)
      soon.stop()
    }
  }
}
