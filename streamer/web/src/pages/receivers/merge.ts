/** A receiver as the pages show it: the registry's, how it is, and its SIM, in one row. Pure. */

import type { components } from '../../api/schema'
import { finder, fold } from '../../lib/fold'

export type Receiver = components['schemas']['Receiver']
export type Status = components['schemas']['ReceiverStatus']
export type Sim = components['schemas']['Sim']
/** In the order of what needs somebody most. */
export type State = 'ailing' | 'offline' | 'online' | 'new' | 'revoked'

export type Row = Receiver & {
  how: State
  troubles: readonly string[]
  values: Readonly<Record<string, number>>
  sim: Sim | undefined
  /** What is searched: without marks and capitals. */
  folded: string
}

/** Can something that happened be of what the registry says? How boxes are is asked for apart. */
export function isOfRegistry(kind: string): boolean {
  return !OF_HEALTH.test(kind)
}
const OF_HEALTH = /^receiver\.(offline|online|ailing|well|ordered|settings|area_settings|data_)/

/** Can it be of this receiver? What befell an area may be. */
export function concerns(subject: string, receiver: number): boolean {
  return !subject.startsWith('receiver/') || subject === `receiver/${receiver}`
}

/** A change that changes nothing, to be spread below what is to change. */
export const UNCHANGED = {
  name: null, horns: null, serial: null, hardware: null, latitude: null, longitude: null,
  installed_at: null, handed_over_at: null, notes: null,
}

export const SILENT_MS = 7 * 86_400_000

/** Put a receiver together; `place` is its area's path and name. */
export function merge(
  receiver: Receiver,
  status: Status | undefined,
  sim: Sim | undefined,
  place: string,
): Row {
  const how: State =
    receiver.state !== 'enrolled'
      ? receiver.state
      : (status?.state ?? (receiver.connected ? 'online' : 'offline'))
  return {
    ...receiver,
    // How they are is asked for more often than what they are.
    connected: status === undefined ? receiver.connected : status.state !== 'offline',
    on_air: status === undefined ? receiver.on_air : status.sounding,
    how,
    seen_at: latest(receiver.seen_at, status?.seen_at ?? null),
    troubles: status?.troubles ?? [],
    values: status?.values ?? {},
    sim,
    folded: fold(`${receiver.name} ${receiver.serial} ${place}`),
  }
}

function latest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  return Date.parse(one) >= Date.parse(other) ? one : other
}

export type Filter = {
  text: string
  area: number | null
  state: State | '' | 'silent'
  trouble: string
}

export const NOTHING: Filter = { text: '', area: null, state: '', trouble: '' }
const STATES = ['ailing', 'offline', 'online', 'new', 'revoked', 'silent']

/** Read a filter from an address, and what is none of it is passed over. */
export function readFilter(search: URLSearchParams): Filter {
  const area = Number(search.get('area'))
  const state = search.get('state') ?? ''
  return {
    text: search.get('q') ?? '',
    area: Number.isSafeInteger(area) && area > 0 ? area : null,
    state: STATES.includes(state) ? (state as Filter['state']) : '',
    trouble: search.get('trouble') ?? '',
  }
}

/** Write it into an address; what is not said is left out. */
export function writeFilter(filter: Filter): string {
  const search = new URLSearchParams()
  if (filter.text !== '') search.set('q', filter.text)
  if (filter.area !== null) search.set('area', String(filter.area))
  if (filter.state !== '') search.set('state', filter.state)
  if (filter.trouble !== '') search.set('trouble', filter.trouble)
  return search.toString()
}

/** Has it been enrolled, and not been seen for a week? */
export function isSilent(row: Row, now: number): boolean {
  if (row.state !== 'enrolled' || row.connected) return false
  return now - Date.parse(row.seen_at ?? row.enrolled_at ?? row.created_at) > SILENT_MS
}

/** Return those that are wanted. `within`: is an area the other one, or below it? */
export function filtered(
  rows: readonly Row[],
  filter: Filter,
  within: (area: number, above: number) => boolean,
  now: number,
): readonly Row[] {
  const found = finder(filter.text)
  return rows.filter(
    (row) =>
      (filter.area === null || within(row.area, filter.area)) &&
      (filter.state === '' ||
        (filter.state === 'silent' ? isSilent(row, now) : row.how === filter.state)) &&
      (filter.trouble === '' || row.troubles.includes(filter.trouble)) &&
      found(row.folded),
  )
}
