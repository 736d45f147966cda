/** Which rows of a tree are shown. */

import { finder } from './fold'

/** What hangs in a tree and can be searched. */
export type Node<T> = { id: number; folded: string; children: T[] }

/** A row: its place among its siblings, from 1, and whether what is below it is shown. */
export type Row<T> = { area: T; open: boolean; place: number; siblings: number }

/**
 * Return the rows from the top down. With something typed, or with `only`: what is found, and what
 * it hangs on, opened; below something found only what is found too.
 */
export function treeRows<T extends Node<T>>(
  roots: readonly T[],
  isOpen: (area: T) => boolean,
  typed = '',
  only?: (area: T) => boolean,
): Row<T>[] {
  const named = finder(typed)
  const kept =
    typed.trim() === '' && only === undefined
      ? null
      : found(roots, (area) => named(area.folded) && (only?.(area) ?? true))
  const rows: Row<T>[] = []
  const walk = (siblings: readonly T[]): void => {
    const shown = kept === null ? siblings : siblings.filter((area) => kept.has(area.id))
    shown.forEach((area, index) => {
      const below =
        kept === null ? area.children.length > 0 : area.children.some((one) => kept.has(one.id))
      const open = below && (kept !== null || isOpen(area))
      rows.push({ area, open, place: index + 1, siblings: shown.length })
      if (open) walk(area.children)
    })
  }
  walk(roots)
  return rows
}

function found<T extends Node<T>>(roots: readonly T[], matches: (area: T) => boolean): Set<number> {
  const kept = new Set<number>()
  const look = (area: T): boolean => {
    let here = matches(area)
    for (const child of area.children) here = look(child) || here
    if (here) kept.add(area.id)
    return here
  }
  for (const root of roots) look(root)
  return kept
}
