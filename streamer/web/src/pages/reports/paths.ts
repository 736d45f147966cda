/** Where the API has a report as a file, and what the file is called. */

import type { Period } from '../../lib/periods'
import type { Kind } from './texts'

export function pathOf(kind: Kind, form: 'csv' | 'xlsx', area: number, { from, to }: Period): string {
  const days = `from=${from}&to=${to}`
  if (kind === 'aired') return `/areas/${area}/report.${form}?${days}`
  if (kind === 'proof') return `/areas/${area}/proof.${form}?${days}`
  if (kind === 'coverage') return `/reports/coverage.${form}?area=${area}`
  return `/reports/data.${form}?area=${area}&${days}`
}

export function fileName(
  kind: Kind,
  form: 'csv' | 'xlsx',
  area: { path: string } | undefined,
  { from, to }: Period,
): string {
  const place = area?.path.split('/').at(-1) ?? 'loa'
  const days = kind === 'coverage' ? '' : `-${from}-${to}`
  return `${kind}-${place}${days}.${form}`
}
