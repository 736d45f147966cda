/** Accounts and roles as they are shown. */

import type { components } from '../../../api/schema'
import { rights } from '../../../lib/rights'
import { say } from './texts'

export type Account = components['schemas']['Account']
export type Grant = components['schemas']['Grant']

/** "Biên tập viên · Xã Nà Khương" */
export function roleWords(grant: Grant): string {
  return `${rights().roles[grant.role] ?? grant.role} · ${grant.name ?? say().gone}`
}
