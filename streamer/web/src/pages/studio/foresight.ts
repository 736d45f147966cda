/** What the server foresees of a broadcast, put in order for reading. */

export type Effect = {
  area: number
  when: 'now' | 'after' | 'not'
  at: string | null
  reason: string | null
}

export type Group = {
  when: Effect['when']
  /** '' where they are on at once. */
  reason: string
  areas: number[]
  /** The earliest and the latest moment at which it begins there. */
  from: string | null
  to: string | null
}

const ORDER = ['now', 'after', 'not']

/** Put together what becomes of areas alike: those who hear it first, the larger groups first. */
export function grouped(effects: readonly Effect[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { area, when, at, reason } of effects) {
    const key = `${when} ${reason ?? ''}`
    let group = groups.get(key)
    if (group === undefined) {
      group = { when, reason: reason ?? '', areas: [], from: null, to: null }
      groups.set(key, group)
    }
    group.areas.push(area)
    if (when === 'after' && at !== null) {
      if (group.from === null || at < group.from) group.from = at
      if (group.to === null || at > group.to) group.to = at
    }
  }
  return [...groups.values()].sort(
    (a, b) => ORDER.indexOf(a.when) - ORDER.indexOf(b.when) || b.areas.length - a.areas.length,
  )
}
