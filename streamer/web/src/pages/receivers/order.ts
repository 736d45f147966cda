/** What can be ordered of many: what somebody chose, as the API takes it. */

import type { components } from '../../api/schema'

export type Action = components['schemas']['AnyOrder']['order']
export const KINDS = ['self_test', 'sync', 'volume', 'reboot', 'new_key'] as const
export type Kind = (typeof KINDS)[number]
export type Choice = { kind: Kind; percent: number; aloud: boolean; machine: boolean }

export function newChoice(): Choice {
  return { kind: 'self_test', percent: 70, aloud: false, machine: false }
}

export function action(choice: Choice): Action {
  switch (choice.kind) {
    case 'volume':
      return { do: 'volume', percent: choice.percent }
    case 'reboot':
      return { do: 'reboot', machine: choice.machine }
    case 'self_test':
      return { do: 'self_test', aloud: choice.aloud }
    default:
      return { do: choice.kind }
  }
}
