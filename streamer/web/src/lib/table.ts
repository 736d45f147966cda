/** What a table shows, and in which order; which rows are chosen. */

import type { Snippet } from 'svelte'

export type Key = number | string

export type Column<T> = {
  key: string
  title: string
  /** What it is sorted by; null comes last, whichever way. Left out: it cannot be sorted by. */
  sort?: (row: T) => string | number | null
  /** What is in the cell: plain words, or a snippet where those do not do. */
  text?: (row: T) => string
  cell?: Snippet<[T]>
  /** A track of a CSS grid; `minmax(7rem, 1fr)` unless said. */
  width?: string
  end?: boolean
  /** On a phone each row is a card: its first column is the title; this one is left out. */
  notOnCards?: boolean
}

export type Sort = { key: string; down: boolean }

/** Return the rows as they are to be sorted; those that are equal stay as they were. */
export function sorted<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  sort: Sort | null,
  locale: string,
): readonly T[] {
  const by = columns.find((column) => column.key === sort?.key)?.sort
  if (sort === null || by === undefined) return rows
  const compare = new Intl.Collator(locale, { numeric: true }).compare
  const sign = sort.down ? -1 : 1
  return rows
    .map((row) => ({ row, value: by(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
      if (typeof a.value === 'number' && typeof b.value === 'number') return sign * (a.value - b.value)
      return sign * compare(String(a.value), String(b.value))
    })
    .map(({ row }) => row)
}

/** A click on a head: up, then down, then as it came. */
export function turned(sort: Sort | null, key: string): Sort | null {
  if (sort?.key !== key) return { key, down: false }
  return sort.down ? null : { key, down: true }
}

/** Choose, or not, all between two rows, both of them too. */
export function spanned(
  chosen: ReadonlySet<Key>,
  keys: readonly Key[],
  from: number,
  to: number,
  on: boolean,
): Set<Key> {
  const next = new Set(chosen)
  for (let at = Math.min(from, to); at <= Math.max(from, to); at++) {
    const key = keys[at]
    if (key === undefined) continue
    if (on) next.add(key)
    else next.delete(key)
  }
  return next
}
