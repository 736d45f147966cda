/** What was entered for the next broadcast: it stays while the page shows something else. An
 * emergency does not: it is for this once. */

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
    if (this.cls !== 'emergency') keepChoice(chosen)
  }

  /** The emergency page sends somebody here to speak. */
  call(areas: ReadonlySet<number>, reason: string): void {
    this.cls = 'emergency'
    this.reason = reason
    this.chosen = new Set(areas)
  }

  /** It is on air: the next is another. */
  begun(): void {
    this.#calm()
    this.cls = 'routine'
    this.reason = ''
  }

  /** Somebody looks at something else: what was to be an emergency is none when they come back. */
  left(): void {
    this.#calm()
  }

  #calm(): void {
    if (this.cls !== 'emergency') return
    this.cls = 'routine'
    this.title = this.reason = ''
    this.#chosen = null
  }
}

export const draft = new Draft()
