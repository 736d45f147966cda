/** A table of receivers that are to be added, as the API takes it. Pure. */

import type { components } from '../../api/schema'
import { readCsv } from '../../lib/csv'
import { fold } from '../../lib/fold'
import type { FieldError } from '../../api/client'

export type Listed = components['schemas']['ListedReceiver']
/** `line` is as spreadsheets count; 0: the table as a whole. */
export type Problem = { line: number; what: 'column' | 'missing' | 'number' | 'empty' | 'server'; text: string }
export type Table = { items: Listed[]; lines: number[]; problems: Problem[] }

const COLUMNS: Record<string, keyof Listed> = {
  area: 'area', name: 'name', horns: 'horns', serial: 'serial', hardware: 'hardware',
  latitude: 'latitude', longitude: 'longitude', installed_at: 'installed_at',
  handed_over_at: 'handed_over_at', notes: 'notes',
  'dia ban': 'area', ten: 'name', 'so loa': 'horns', 'so may': 'serial', 'thiet bi': 'hardware',
  'vi do': 'latitude', 'kinh do': 'longitude', 'ngay lap': 'installed_at',
  'ngay ban giao': 'handed_over_at', 'ghi chu': 'notes',
}
const NUMBERS: readonly string[] = ['horns', 'latitude', 'longitude']

export function readList(text: string): Table {
  const rows = readCsv(text)
  const problems: Problem[] = []
  const columns = (rows[0] ?? []).map((cell) => COLUMNS[fold(cell.trim())])
  ;(rows[0] ?? []).forEach((cell, at) => {
    if (columns[at] === undefined) problems.push({ line: 1, what: 'column', text: cell.trim() })
  })
  for (const needed of ['area', 'name'] as const) {
    if (!columns.includes(needed)) problems.push({ line: 1, what: 'missing', text: needed })
  }
  const items: Listed[] = []
  const lines: number[] = []
  if (problems.length > 0) return { items, lines, problems }
  rows.slice(1).forEach((row, index) => {
    if (row.every((cell) => cell.trim() === '')) return
    const line = index + 2
    const item: Record<string, unknown> = {}
    row.forEach((cell, at) => {
      const column = columns[at]
      const value = cell.trim()
      if (column === undefined || value === '') return
      if (!NUMBERS.includes(column)) item[column] = value
      else if (Number.isFinite(Number(value.replace(',', '.')))) item[column] = Number(value.replace(',', '.'))
      else problems.push({ line, what: 'number', text: value })
    })
    for (const needed of ['area', 'name']) {
      if (item[needed] === undefined) problems.push({ line, what: 'missing', text: needed })
    }
    items.push(item as Listed)
    lines.push(line)
  })
  if (items.length === 0) problems.push({ line: 0, what: 'empty', text: '' })
  return { items, lines, problems }
}

/** Say on which lines the server found something. */
export function located(fields: readonly FieldError[], lines: readonly number[]): Problem[] {
  return fields.map((one) => {
    const at = /(?:^|\.)items\.(\d+)/.exec(one.field)
    const line = at === null ? 0 : (lines[Number(at[1])] ?? 0)
    return { line, what: 'server' as const, text: one.message }
  })
}
