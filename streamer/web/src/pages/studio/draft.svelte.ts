/** What was entered for the next broadcast: it stays while the page shows something else. */

import { session } from '../../state/session.svelte'
import { keepChoice, keptChoice } from './choice'
import type { Cls } from './preview.svelte'

class Draft {
  cls = $state<Cls>('routine')
  title = $state('')
  reason = $state('')
  #chosen = $state.raw<ReadonlySet<number> | null>(null)

  /** Call it once the areas are there: what was chosen last time. */
  recall(): void {
    this.#chosen ??= keptChoice((area) => session.may('live', area))
  }

  get chosen(): ReadonlySet<number> {
    return this.#chosen ?? new Set()
  }

  set chosen(chosen: ReadonlySet<number>) {
    this.#chosen = chosen
    keepChoice(chosen)
  }
}

export const draft = new Draft()
