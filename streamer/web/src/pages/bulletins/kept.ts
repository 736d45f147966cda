/**
 * Uploads that are not finished, kept in the browser over a reload: what is known of each, and its
 * file, as long as it is not too large to be kept twice.
 */

export type Kept = {
  id: string
  account: number
  /** null: too large to be kept, or the browser keeps nothing. It must be chosen again. */
  file: Blob | null
  /** It was recorded here: there is no other copy that could be chosen again. */
  recorded?: boolean
  name: string
  size: number
  modified: number
  area: number
  title: string
  class: 'routine' | 'priority' | 'emergency'
  language: string
  /** The bulletin it is for; null until one is made. */
  bulletin: number | null
  /** What that had before, if the file is to replace it: nobody's later audio is overwritten. */
  before: string | null
  /** Where the server takes it; null until it does. */
  url: string | null
  /** The server was asked to take it for the bulletin. */
  handed?: boolean
  added: number
}

const STORE = 'uploads'
/** More than an hour from a microphone, the longest that is recorded. */
export const LARGEST = 400e6
/** The server forgets what does not go on after two days. */
export const LONGEST_MS = 48 * 3600e3

let opening: Promise<IDBDatabase> | null = null

function opened(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('loa', 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  return opening
}

async function ask<T>(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await opened()).transaction(STORE, mode)
  const request = what(transaction.objectStore(STORE))
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result)
    transaction.onerror = transaction.onabort = () => reject(transaction.error)
  })
}

/** Keep it, without its file where there is no room for that; return whether the file is kept. */
export async function keep(entry: Kept): Promise<boolean> {
  const file = entry.size <= LARGEST ? entry.file : null
  try {
    await ask('readwrite', (store) => store.put({ ...entry, file }))
    return file !== null
  } catch {
    await ask('readwrite', (store) => store.put({ ...entry, file: null })).catch(() => {})
    return false
  }
}

export async function drop(id: string): Promise<void> {
  await ask('readwrite', (store) => store.delete(id)).catch(() => {})
}

/**
 * What is to be done with something that lies here: what is old is begun anew, for the server has
 * forgotten it, and is never thrown away (null) while its file is here.
 */
export function taken(one: Kept, now: number): Kept | null {
  if (one.added >= now - LONGEST_MS) return one
  return one.file === null ? null : { ...one, url: null }
}

/** What somebody's earlier pages left, oldest first. */
export async function left(account: number, now: number = Date.now()): Promise<Kept[]> {
  try {
    const found: Kept[] = []
    for (const one of await ask<Kept[]>('readonly', (store) => store.getAll())) {
      const still = taken(one, now)
      if (still === null) void drop(one.id)
      else if (one.account === account) found.push(still)
    }
    return found.sort((a, b) => a.added - b.added)
  } catch {
    return []
  }
}
