/** Asks the server who would hear it, again whenever something changes and every few seconds. */

import { api, wording } from '../../api/client'
import type { components } from '../../api/schema'
import { push } from '../../state/push.svelte'
import type { Intention } from './intention'

export type Foresight = components['schemas']['Foresight']
export type Cls = 'routine' | 'priority' | 'emergency'

const AGAIN_MS = 5_000
const TYPING_MS = 150
const CHANGED_MS = 500
/** What may change who would hear it, beside what is on. */
const PLANS = ['live.', 'queue.', 'entry.', 'slot.', 'policy.', 'holiday.', 'emergency.', 'area.']

export class Preview {
  found = $state.raw<Foresight | null>(null)
  error = $state('')
  #asked = 0

  constructor(wanted: () => { intention: Intention; cls: Cls } | null) {
    $effect(() => {
      const now = wanted()
      this.#asked += 1
      if (now === null) {
        this.found = null
        this.error = ''
        return undefined
      }
      const ask = (): void => void this.#ask(now.intention, now.cls)
      const soon = setTimeout(ask, TYPING_MS)
      const timer = setInterval(() => {
        if (document.visibilityState === 'visible') ask()
      }, AGAIN_MS)
      const unhear = push.hear(PLANS, ask)
      return () => {
        clearTimeout(soon)
        clearInterval(timer)
        unhear()
      }
    })
    // Something else is on there now.
    $effect(() => {
      const now = wanted()
      if (now === null) return undefined
      void push.of(now.intention.area)
      const soon = setTimeout(() => void this.#ask(now.intention, now.cls), CHANGED_MS)
      return () => clearTimeout(soon)
    })
  }

  async #ask({ area, targets }: Intention, cls: Cls): Promise<void> {
    const asked = this.#asked
    try {
      const { data } = await api.POST('/areas/{area}/preview', {
        params: { path: { area } },
        body: { class: cls, targets: targets.length > 0 ? targets : null },
      })
      // An answer to what is no longer asked says nothing.
      if (asked === this.#asked) {
        this.found = data!
        this.error = ''
      }
    } catch (error) {
      if (asked === this.#asked) this.error = wording(error)
    }
  }
}
