/** Who heard an emergency: the figures, and by name who did not. */

import type { components } from '../../api/schema'

export type Heard = components['schemas']['HeardOut']
export type Outcome = 'not' | 'unreported'
export type Ask = (query: { limit: number; outcome: Outcome }) => Promise<Heard>

/** Silent receivers that are named; of more, only how many. */
export const NAMED = 100

/** Ask for both at once: the silent ones may be others though there are as many as before. */
export async function look(ask: Ask): Promise<{ heard: Heard; silent: Heard['receivers'] }> {
  const heard = await ask({ limit: NAMED, outcome: 'not' })
  const rest = heard.counts.unreported > 0 ? await ask({ limit: NAMED, outcome: 'unreported' }) : null
  return { heard, silent: [...heard.receivers, ...(rest?.receivers ?? [])].slice(0, NAMED) }
}
