/** What the chosen areas mean for a broadcast: it is on one area, for some below it. */

/** What we need to know of an area. */
export type Node = { id: number; path: string; above: Node | null }

export type Intention = { area: number; path: string; targets: number[] }
export type Problem = 'none' | 'apart' | 'many'

/** The server takes no more in one hello. */
export const MOST_TARGETS = 500

/**
 * One chosen area is the broadcast's own. Of several it is the nearest above them all, on which one
 * must be allowed to go live; they are what it is for.
 */
export function intentionOf(
  chosen: readonly Node[],
  may: (area: number) => boolean,
): Intention | Problem {
  const [first, ...others] = chosen
  if (first === undefined) return 'none'
  if (others.length === 0) return may(first.id) ? { area: first.id, path: first.path, targets: [] } : 'apart'
  if (chosen.length > MOST_TARGETS) return 'many'
  for (let area: Node | null = first; area !== null; area = area.above) {
    const top = area.id
    if (others.every((one) => within(one, top))) {
      return may(top) ? { area: top, path: area.path, targets: chosen.map((one) => one.id) } : 'apart'
    }
  }
  return 'apart'
}

function within(area: Node, top: number): boolean {
  for (let one: Node | null = area; one !== null; one = one.above) if (one.id === top) return true
  return false
}
