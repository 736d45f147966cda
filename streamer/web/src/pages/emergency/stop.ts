/** Stopping an emergency, or taking back one that waits. */

import { api } from '../../api/client'
import { emergencies } from '../../state/emergencies.svelte'
import { toasts } from '../../state/toasts.svelte'
import type { Emergency } from './compose.svelte'
import { say } from './texts'

export async function stop(one: Emergency): Promise<void> {
  try {
    const path = { emergency: one.id }
    await api.POST('/emergencies/{emergency}/stop', { params: { path }, body: { reason: '' } })
    toasts.good(one.state === 'waiting' ? say().takenBack(one.title) : say().stopped(one.title))
  } catch (error) {
    toasts.bad(error)
  }
  await emergencies.load().catch(() => {})
}
