/** Receivers that would lie on each other are drawn as one, by a grid of the screen. Pure. */

import type { State } from './merge'

export type Placed = { id: number; x: number; y: number; how: State }
export type Cluster = { ids: number[]; x: number; y: number; worst: State; counts: Record<State, number> }

/** The first one found gives a cluster its look: what needs somebody must not be hidden. */
const WORST: readonly State[] = ['ailing', 'offline', 'online', 'new', 'revoked']

/** Put what lies in one cell (`size` pixels) together; each is where its members are, on average. */
export function clusters(placed: readonly Placed[], size: number): Cluster[] {
  const cells = new Map<string, Placed[]>()
  for (const one of placed) {
    const key = `${Math.floor(one.x / size)} ${Math.floor(one.y / size)}`
    const cell = cells.get(key)
    if (cell === undefined) cells.set(key, [one])
    else cell.push(one)
  }
  return [...cells.values()].map((cell) => {
    const counts = { ailing: 0, offline: 0, online: 0, new: 0, revoked: 0 }
    let [x, y] = [0, 0]
    for (const one of cell) {
      counts[one.how] += 1
      x += one.x
      y += one.y
    }
    return {
      ids: cell.map((one) => one.id),
      x: x / cell.length,
      y: y / cell.length,
      worst: WORST.find((how) => counts[how] > 0)!,
      counts,
    }
  })
}
