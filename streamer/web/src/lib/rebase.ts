/** Two people change the same thing: what is mine, what is theirs. Values are compared as JSON. */

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)

/** What is different in `now`: all that is to be sent, so that nothing of anybody else's is undone. */
export function changes<T extends object>(base: T, now: T): Partial<T> {
  const names = Object.keys(now) as (keyof T)[]
  return Object.fromEntries(
    names.filter((name) => !same(now[name], base[name])).map((name) => [name, now[name]]),
  ) as Partial<T>
}

/**
 * Somebody was quicker: take what they changed, and keep what was changed here. `base` is what both
 * began with.
 */
export function rebased<T extends object>(base: T, mine: T, theirs: T): T {
  return { ...theirs, ...changes(base, mine) }
}
