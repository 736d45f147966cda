/** From when on a receiver is not well, where an area wants it otherwise than Loa has it. Pure. */

export type Limits = Readonly<Record<string, number>>
export const TROUBLES = ['battery', 'heat', 'signal', 'storage', 'memory', 'lag', 'journal'] as const
export type Trouble = (typeof TROUBLES)[number]

/** `usual`: what holds where nobody says anything. `per`: how many of the API's are one shown here.
 * `never`: below zero it is never reached. */
export const ABOUT: Record<Trouble, { usual: number; per: number; most: number; never: boolean }> = {
  battery: { usual: 20, per: 1, most: 100, never: true },
  heat: { usual: 80, per: 1, most: 150, never: false },
  signal: { usual: 10, per: 1, most: 100, never: true },
  storage: { usual: 100, per: 1, most: 1_000_000, never: true },
  memory: { usual: 30, per: 1, most: 100_000, never: true },
  lag: { usual: 10, per: 1000, most: 3600, never: false },
  journal: { usual: 5000, per: 1, most: 1_000_000, never: false },
}

export function shown(limits: Limits, of: Trouble): number | null {
  const limit = limits[of]
  return limit === undefined ? null : limit / ABOUT[of].per
}

/** Say a limit, or (null) leave it as Loa has it. In the order in which the server tells them. */
export function put(limits: Limits, of: Trouble, value: number | null): Limits {
  const others = Object.entries(limits).filter(([name]) => name !== of)
  const all = value === null ? others : [...others, [of, value * ABOUT[of].per] as const]
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
