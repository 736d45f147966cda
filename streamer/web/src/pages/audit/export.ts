/** The whole log that is filtered for, as a CSV file: asked for page by page, kept piece by piece. */

import { cell } from '../../lib/download'

type Some<T> = { items: readonly T[]; next: number | null }

export async function written<T>(
  head: readonly string[],
  page: (after: number) => Promise<Some<T>>,
  row: (one: T) => readonly string[],
  progress: (entries: number) => void,
): Promise<Blob> {
  const text = (rows: readonly (readonly string[])[]): string =>
    rows.map((one) => one.map(cell).join(',') + '\r\n').join('')
  // The mark by which spreadsheets know UTF-8.
  const pieces = ['\ufeff', text([head])]
  let count = 0
  for (let after: number | null = 0; after !== null; ) {
    const some: Some<T> = await page(after)
    pieces.push(text(some.items.map(row)))
    progress((count += some.items.length))
    after = some.next
  }
  return new Blob(pieces, { type: 'text/csv;charset=utf-8' })
}
