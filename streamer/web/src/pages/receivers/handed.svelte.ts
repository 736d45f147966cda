/** Codes that were just made, on their way to the sheet that shows them this once. In memory only. */

import type { components } from '../../api/schema'

export type Coded = components['schemas']['CodedReceiver']

class Handed {
  codes = $state.raw<readonly Coded[]>([])
}

export const handed = new Handed()
