/** What a box's journal says, in rows for people. Counts are ticks of 20 ms. Pure. */

import type { components } from '../../../api/schema'

export type Line = components['schemas']['JournalLine']
export const TICKS_A_SECOND = 50

export type Play = {
  kind: string
  class: 'routine' | 'priority' | 'emergency'
  drill: boolean
  bulletin: number | null
  /** By itself, or by the server's word. */
  origin: string
  cause: string
  /** The four states, each as measured; null: nobody measured. */
  delivered: number | null
  decoded: number | null
  device: number | null
  sounded: number | null
  concealed: number
  missed: number
  volume: number
  lateMs: number
  outcome: 'whole' | 'part' | 'not'
  interrupted: string
  whyNot: string
}

export type Entry = {
  id: number
  number: number
  at: string
  /** The box knew no time: this is when the entry came. */
  guessed: boolean
  play: Play | null
  kind: string
  details: string
}

const CLASSES = ['routine', 'priority', 'emergency'] as const

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

/** What is left out was not measured, or (of what boxes always measure) nothing. */
function measured(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function moment(seconds: unknown): string | null {
  return typeof seconds === 'number' && Math.abs(seconds) < 8e12 ? new Date(seconds * 1000).toISOString() : null
}

/** Read a line. */
export function entry(line: Line): Entry {
  const said = line.entry ?? {}
  const play = line.kind === 'played' ? played(said) : null
  const started = play === null ? null : moment(said.started)
  const at = started ?? line.at
  return {
    id: line.id,
    number: line.number,
    at: at ?? line.received_at,
    guessed: at === null,
    play,
    kind: line.kind,
    details: play === null ? details(said) : '',
  }
}

function played(said: Record<string, unknown>): Play {
  const whyNot = word(said.why_not)
  return {
    kind: word(said.kind),
    class: CLASSES[count(said.cls)] ?? 'routine',
    drill: said.drill === true,
    bulletin: count(said.bulletin) || null,
    origin: word(said.origin) || 'live',
    cause: word(said.cause) || 'server',
    delivered: count(said.delivered),
    decoded: count(said.decoded),
    device: measured(said.device),
    sounded: measured(said.sounded),
    concealed: count(said.concealed),
    missed: count(said.missed),
    volume: count(said.volume),
    lateMs: count(said.late_ms),
    outcome: whyNot !== '' ? 'not' : said.whole === true ? 'whole' : 'part',
    interrupted: word(said.interrupted),
    whyNot,
  }
}

const HIDDEN = new Set(['k', 'what', 'at', 'up', 'former'])

function details(said: Record<string, unknown>): string {
  const inner = said.details
  const all = typeof inner === 'object' && inner !== null ? { ...said, ...inner } : said
  return Object.entries(all)
    .filter(([name, value]) => !HIDDEN.has(name) && name !== 'details' && value !== null && value !== '')
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ')
    .slice(0, 300)
}
