/** Where an emergency is called: the one area that holds all that it is for. */

/**
 * Return the lowest place that is in all lineages (each from the top down to one target), or null.
 */
export function together(lineages: readonly (readonly number[])[]): number | null {
  const [first, ...rest] = lineages
  if (first === undefined) return null
  let found: number | null = null
  for (const [depth, id] of first.entries()) {
    if (rest.some((lineage) => lineage[depth] !== id)) break
    found = id
  }
  return found
}

/** "A, B và 3 nơi khác": the first few names, and how many more. */
export function few(names: readonly string[], others: (n: number) => string, most = 4): string {
  if (names.length <= most) return names.join(', ')
  return `${names.slice(0, most - 1).join(', ')} ${others(names.length - most + 1)}`
}
