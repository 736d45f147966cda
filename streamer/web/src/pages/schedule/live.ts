/** A page that looks again when somebody else changed what it shows. */

import { together } from '../../lib/together'
import { areas } from '../../state/areas.svelte'
import { push } from '../../state/push.svelte'

const TOGETHER_MS = 400

/** Call `again` after changes of these kinds that can matter to an area; returns how to stop. */
export function follow(kinds: readonly string[], area: number, again: () => void): () => void {
  const load = together(again, TOGETHER_MS)
  const stop = push.hear(kinds, (happened) => {
    const of = happened?.area ?? null
    if (of !== null && !areas.within(area, of) && !areas.within(of, area)) return
    load()
  })
  return () => {
    load.stop()
    stop()
  }
}
