/** Whether this page is on air, for everything that has to show it, wherever one is on the desk.
 * (How it is done is `src/live`, which is loaded with the studio.) */

export type OnAirHere = {
  /** Who hears it, in words. */
  where: string
  title: string
  since: number
  /** Somebody carries it now; else it is waiting, or the network is lost. */
  heard: boolean
  lost: boolean
  muted: boolean
  stop: () => void
  /** Somebody signed in again: what the end of the session cut goes on. */
  unlock: () => void
}

class LiveHere {
  now = $state.raw<OnAirHere | null>(null)
}

export const liveHere = new LiveHere()
