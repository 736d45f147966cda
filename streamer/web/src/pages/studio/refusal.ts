/** Why a broadcast did not begin or was ended, in words and with a way on. */

import type { Closed } from '../../live/protocol'
import { say } from './texts'

export function refusal(closed: Closed): string {
  const words = say().refused
  switch (closed.reason) {
    case 'busy':
      return words.busy(closed.by)
    case 'not_allowed':
      return words.not_allowed + closed.text
    case 'unknown_area':
    case 'signed_out':
    case 'outside_hours':
    case 'second_person':
    case 'full':
    case 'shutdown':
    case 'protocol':
      return words[closed.reason]
    default:
      return closed.text
  }
}

/** Why it ended, where nobody here wanted it to; '' otherwise. */
export function ending(closed: Closed): string {
  const words = say().overWhy
  switch (closed.reason) {
    case 'ended':
    case 'unanswered':
      return ''
    case 'stopped':
      return say().overBy(closed.by)
    case 'revoked':
    case 'replaced':
    case 'timed_out':
    case 'not_allowed':
    case 'outside_hours':
      return words[closed.reason]
    default:
      return refusal(closed)
  }
}
