/** What the server says of stations to everybody. Plain fetch: this page carries no API client. */

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

async function ask<T>(address: string): Promise<T> {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`the server says ${response.status}`)
  return (await response.json()) as T
}

/** All stations, or the one at a path (none, if there is none). */
export async function stations(path?: string): Promise<Station[]> {
  const query = path === undefined ? '' : `?path=${encodeURIComponent(path)}`
  return (await ask<{ mounts: Station[] }>(`/api/v1/mounts${query}`)).mounts
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
  const path = decodeURIComponent(pathname.replace(/^\/listen/, '')).replace(/\/+$/, '')
  return path === '' ? null : path
}
