/** Listeners and receivers of areas with everything below them. */

import type { State } from '../../lib/onair'

export type Sum = {
  listeners: number
  receivers: number
  online: number
  playing: number
  silent: number
  /** Connected where something is on. */
  due: number
}

type Node<T> = { id: number; children: T[] }

/** Return the sums of all areas, by id. */
export function sums<T extends Node<T>>(roots: readonly T[], of: (area: number) => State): Map<number, Sum> {
  const found = new Map<number, Sum>()
  const walk = (area: T): Sum => {
    const { item, listeners, receivers, online, playing, silent } = of(area.id)
    const sum = { listeners, receivers, online, playing, silent, due: item === null ? 0 : online }
    for (const child of area.children) {
      const below = walk(child)
      for (const key of Object.keys(sum) as (keyof Sum)[]) sum[key] += below[key]
    }
    found.set(area.id, sum)
    return sum
  }
  for (const root of roots) walk(root)
  return found
}
