/** What the server says of stations to everybody. Plain fetch: this page carries no API client. */

import { decoded } from '../lib/address'

export type Kind = 'live' | 'bulletin' | 'file' | 'relay' | 'silence'
export type Station = {
  path: string
  name: string
  description: string
  stream: string
  on_air: { kind: Kind; title: string; since: number | null }
}
export type Again = {
  bulletin: number
  title: string
  class: 'routine' | 'priority'
  at: string
  seconds: number
}

const MOUNTS = '/api/v1/mounts'
const MOST_QUERY = 4000

async function ask<T>(address: string): Promise<T> {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`the server says ${response.status}`)
  return (await response.json()) as T
}

/** All stations, and the mark of what they carry; null: they carry what they did at the mark `seen`. */
export async function allStations(seen: string): Promise<{ mark: string; stations: Station[] } | null> {
  const response = await fetch(MOUNTS, seen === '' ? {} : { headers: { 'If-None-Match': seen } })
  if (response.status === 304) return null
  if (!response.ok) throw new Error(`the server says ${response.status}`)
  const { mounts } = (await response.json()) as { mounts: Station[] }
  return { mark: response.headers.get('ETag') ?? '', stations: mounts }
}

/** Some stations, without those that there are not; of many, as many as fit into an address. */
export async function stations(paths: readonly string[]): Promise<Station[]> {
  if (paths.length === 0) return []
  return (await ask<{ mounts: Station[] }>(MOUNTS + queryOf(paths))).mounts
}

export function queryOf(paths: readonly string[]): string {
  let query = ''
  for (const path of paths) {
    const part = `${query === '' ? '?' : '&'}path=${encodeURIComponent(path)}`
    if (query !== '' && query.length + part.length > MOST_QUERY) break
    query += part
  }
  return query
}

export async function recent(path: string): Promise<Again[]> {
  return (await ask<{ items: Again[] }>(`/api/v1/again?path=${encodeURIComponent(path)}`)).items
}

/** Where a station's page is. */
export function pageOf(path: string): string {
  return '/listen' + path.split('/').map(encodeURIComponent).join('/')
}

/** Which station an address is of; null: the list of all. */
export function stationOf(pathname: string): string | null {
  const path = decoded(pathname.replace(/^\/listen/, '')).replace(/\/+$/, '')
  return path === '' ? null : path
}
