/**
 * Uploads that are not finished, kept in the browser over a reload: what is known of each, and its
 * file, as long as it is not too large to be kept twice.
 */

export type Kept = {
  id: string
  account: number
  /** null: too large to be kept, or the browser keeps nothing. It must be chosen again. */
  file: Blob | null
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
  added: number
}

const STORE = 'uploads'
export const LARGEST = 300e6
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

/** Keep it; without its file where there is no room for that, and not at all where nothing works. */
export async function keep(entry: Kept): Promise<void> {
  const file = entry.size <= LARGEST ? entry.file : null
  try {
    await ask('readwrite', (store) => store.put({ ...entry, file }))
  } catch {
    await ask('readwrite', (store) => store.put({ ...entry, file: null })).catch(() => {})
  }
}

export async function drop(id: string): Promise<void> {
  await ask('readwrite', (store) => store.delete(id)).catch(() => {})
}

/** What somebody's earlier pages left, oldest first. */
export async function left(account: number, now: number = Date.now()): Promise<Kept[]> {
  try {
    const all: Kept[] = await ask('readonly', (store) => store.getAll())
    for (const one of all) if (one.added < now - LONGEST_MS) void drop(one.id)
    return all
      .filter((one) => one.account === account && one.added >= now - LONGEST_MS)
      .sort((a, b) => a.added - b.added)
  } catch {
    return []
  }
}
