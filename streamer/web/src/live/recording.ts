/** What is said on air, kept in the browser (its origin's private files): for when the network lost
 * something, or the page. Written a second at a time, so a crash costs no more than that. */

import type { Packet } from './protocol'
import { LARGEST_PAGE, lastGranule, OggWriter } from './ogg'
import { RATE } from './opus'
import type { Health } from './studio.worker'

const FOLDER = 'recordings'
/** Recordings that are kept, the newest. */
export const KEPT = 10
/** Bytes of one: 13 hours of Opus, half an hour of samples. */
export const MOST_BYTES = 180_000_000
const A_PAGE = 50
const WAV_HEADER = 44

/** What is known of a recording beside its sound. */
export type About = {
  id: string
  title: string
  /** The area that it was for, by id. */
  area: number
  startedAt: string
}

export type Kept = About & { file: string; bytes: number; seconds: number }

/** What there is of it on this computer. `slow`: with gaps, where this computer was too slow. */
export type KeptAs = 'whole' | 'slow' | 'full' | 'failed' | 'none'

export function keptAs(health: Pick<Health, 'recording' | 'slow'> | null): KeptAs {
  if (health === null || health.recording === '') return 'none'
  if (health.recording !== 'on') return health.recording
  return health.slow > 0 ? 'slow' : 'whole'
}

async function folder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory()
  return root.getDirectoryHandle(FOLDER, { create: true })
}

/** How long it is: by its size, or by where its last whole page ends. */
async function secondsOf(file: File): Promise<number> {
  if (file.name.endsWith('.wav')) return Math.max(0, file.size - WAV_HEADER) / (2 * RATE)
  const tail = new Uint8Array(await file.slice(-LARGEST_PAGE).arrayBuffer())
  return lastGranule(tail) / RATE
}

/** All that are kept, the newest first. Nothing where the browser keeps nothing. */
export async function kept(): Promise<Kept[]> {
  let at: FileSystemDirectoryHandle
  try {
    at = await folder()
  } catch {
    return []
  }
  const found: Kept[] = []
  for await (const [name, handle] of at.entries()) {
    if (handle.kind !== 'file' || !name.endsWith('.json')) continue
    try {
      const about: About & { file: string } = JSON.parse(await (await fileOf(name)).text())
      const sound = await fileOf(about.file)
      const seconds = await secondsOf(sound)
      if (seconds >= 1) found.push({ ...about, bytes: sound.size, seconds })
    } catch {
      // One without its other half is cleared away with the next that is made.
    }
  }
  return found.sort((a, b) => b.startedAt.localeCompare(a.startedAt))
}

async function fileOf(name: string): Promise<File> {
  return (await (await folder()).getFileHandle(name)).getFile()
}

/** Its sound, as a file to be downloaded or uploaded. */
export async function soundOf(one: Kept): Promise<Blob> {
  const file = await fileOf(one.file)
  return new Blob([file], { type: one.file.endsWith('.wav') ? 'audio/wav' : 'audio/ogg' })
}

export async function forget(one: Pick<Kept, 'id' | 'file'>): Promise<void> {
  const at = await folder()
  for (const name of [one.file, `${one.id}.json`]) {
    try {
      await at.removeEntry(name)
    } catch {
      // It is gone already, or still being written.
    }
  }
}

/** Make room for another: the oldest go, and halves that a crash left. */
async function tidy(): Promise<void> {
  const all = await kept()
  for (const one of all.slice(KEPT - 1)) await forget(one)
  const names = new Set(all.flatMap((one) => [one.file, `${one.id}.json`]))
  const at = await folder()
  for await (const name of at.keys()) {
    if (names.has(name)) continue
    try {
      await at.removeEntry(name)
    } catch {
      // Another page writes it.
    }
  }
}

/** Writes one recording. In a worker only: pages may not write without waiting. */
export class Recorder {
  #handle: FileSystemSyncAccessHandle
  #at = 0
  #waiting: Uint8Array[] = []
  #writer: OggWriter | null
  /** Why it writes no more; '' while it does. */
  stopped = ''

  private constructor(handle: FileSystemSyncAccessHandle, about: About, pcm: boolean) {
    this.#handle = handle
    this.#writer = pcm ? null : new OggWriter(1)
    this.#write(pcm ? wavHeader(0) : this.#writer!.begin(about.title))
  }

  static async open(about: About, pcm: boolean): Promise<Recorder> {
    await tidy()
    const at = await folder()
    const file = `${about.id}.${pcm ? 'wav' : 'opus'}`
    const words = await (await at.getFileHandle(`${about.id}.json`, { create: true })).createSyncAccessHandle()
    words.write(new TextEncoder().encode(JSON.stringify({ ...about, file })))
    words.close()
    const handle = await (await at.getFileHandle(file, { create: true })).createSyncAccessHandle()
    return new Recorder(handle, about, pcm)
  }

  add({ data }: Pick<Packet, 'data'>): void {
    if (this.stopped !== '') return
    this.#waiting.push(data)
    if (this.#waiting.length >= A_PAGE) this.#page(false)
  }

  close(): void {
    if (this.stopped !== '') return
    this.#page(true)
    this.#stop('closed')
  }

  #page(last: boolean): void {
    const packets = this.#waiting
    this.#waiting = []
    if (this.#writer !== null) {
      if (packets.length > 0 || last) this.#write(this.#writer.page(packets, last))
    } else {
      for (const block of packets) this.#write(block)
      const sizes = wavHeader(this.#at - WAV_HEADER)
      this.#handle.write(sizes, { at: 0 })
    }
    try {
      this.#handle.flush()
    } catch {
      this.#stop('failed')
    }
    if (this.#at >= MOST_BYTES) this.#stop('full')
  }

  #write(bytes: Uint8Array): void {
    if (this.stopped !== '') return
    try {
      this.#at += this.#handle.write(bytes as Uint8Array<ArrayBuffer>, { at: this.#at })
    } catch {
      this.#stop('failed')
    }
  }

  #stop(why: string): void {
    if (this.stopped !== '') return
    this.stopped = why
    this.#handle.close()
  }
}

/** The header of a WAV file of one channel, 16 bits, with so many bytes of samples. */
export function wavHeader(bytes: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(WAV_HEADER)
  const view = new DataView(head.buffer)
  const words = new TextEncoder()
  head.set(words.encode('RIFF'), 0)
  view.setUint32(4, 36 + bytes, true)
  head.set(words.encode('WAVEfmt '), 8)
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, RATE, true)
  view.setUint32(28, 2 * RATE, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  head.set(words.encode('data'), 36)
  view.setUint32(40, bytes, true)
  return head
}
