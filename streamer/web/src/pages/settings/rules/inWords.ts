/** A rule in words. */

import { number } from '../../../lib/format'
import { ABOUT, shown, TROUBLES } from './limits'
import { dayRanges, type Hours, type Key, type Policy } from './rules'
import { say } from './texts'

export function spanned({ start, end, weekdays }: Hours): [times: string, days: string] {
  return [`${start}–${end}`, dayRanges(weekdays, say().days, say().everyDay)]
}

export function inWords(key: Key, policy: Policy): string {
  const value = policy[key] ?? null
  if (value === null) return say().would
  switch (key) {
    case 'hours':
      return (policy.hours ?? []).map((one) => spanned(one).join(' ')).join('; ') || say().always
    case 'sessions_a_day':
    case 'session_minutes':
      return value === 0 ? say().noLimit : String(value)
    case 'routine_live':
      return say().routine_live[policy.routine_live!]
    case 'upper_routine':
      return say().upper_routine[policy.upper_routine!]
    case 'timezone':
      return policy.timezone!
    case 'receiver_limits': {
      const limits = policy.receiver_limits!
      const said = TROUBLES.filter((of) => limits[of] !== undefined).map((of) => {
        const limit = shown(limits, of)!
        return `${say().limits[of]}: ${ABOUT[of].never && limit < 0 ? say().never : number(limit)}`
      })
      return said.join('; ') || say().usualLimits
    }
    default:
      return value ? say().yes[key] : say().no[key]
  }
}
