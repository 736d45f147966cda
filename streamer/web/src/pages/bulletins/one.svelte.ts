/** One bulletin as the server has it. */

import { api } from '../../api/client'
import type { Whole } from './model'

export class One {
  now = $state.raw<Whole | null>(null)
  error = $state.raw<unknown>(null)
  #asked = 0

  constructor(readonly id: number) {}

  get path(): { bulletin: number } {
    return { bulletin: this.id }
  }

  /** Load it; what was asked for earlier and comes later is passed over, unless it is newer. */
  async load(): Promise<void> {
    const turn = ++this.#asked
    try {
      const { data } = await api.GET('/bulletins/{bulletin}', { params: { path: this.path } })
      if (turn === this.#asked || data!.version > (this.now?.version ?? 0)) this.take(data!)
    } catch (error) {
      if (turn === this.#asked) this.error = error
    }
  }

  /** What a change has answered is newer than whatever was asked for before. */
  take(found: Whole): void {
    this.#asked += 1
    this.error = null
    // The same again is no news: nothing on the page moves.
    if (JSON.stringify(found) !== JSON.stringify(this.now)) this.now = found
  }
}
