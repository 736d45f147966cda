/**
 * Files on their way to become bulletins: two at a time, going on after the network or the page was
 * gone. They go on while one looks at other pages.
 */

import { api, ApiError, BASE, credentials, headers, ifMatch, refusal, wording } from '../../api/client'
import { session } from '../../state/session.svelte'
import type { New } from './model'
import { drop, keep, left, type Kept } from './kept'
import { giveUp, passing, send } from './sending'

/**
 * waiting: for its turn · sending · broken: tries again by itself · paused: by somebody · giving:
 * it is there, the bulletin is made · done · failed: says why · fileless: the file must be chosen
 * again · elsewhere: another window sends it
 */
export type Phase =
  | 'waiting'
  | 'sending'
  | 'broken'
  | 'paused'
  | 'giving'
  | 'done'
  | 'failed'
  | 'fileless'
  | 'elsewhere'

export type Given = Pick<Kept, 'area' | 'title' | 'class' | 'language'> & {
  file: File
  recorded?: boolean
  bulletin?: number
  before?: string | null
}

const AT_ONCE = 2
const LONGEST_WAIT_MS = 15_000

export class Sent {
  phase = $state<Phase>('waiting')
  /** Bytes that are there. */
  bytes = $state(0)
  error = $state('')
  bulletin = $state<number | null>(null)
  tries = 0
  /** The audio that somebody else gave its bulletin meanwhile; who goes on then replaces it. */
  met: string | null | undefined
  halt: AbortController | null = null
  again: ReturnType<typeof setTimeout> | null = null

  /** `safe`: its file lies in the browser, and is there after a reload. */
  constructor(
    readonly kept: Kept,
    public safe = false,
  ) {
    this.bulletin = kept.bulletin
    if (kept.file === null) this.phase = 'fileless'
  }

  /** What is done, 0 … 1. */
  get part(): number {
    return this.phase === 'done' || this.phase === 'giving' ? 1 : this.bytes / this.kept.size
  }

  get busy(): boolean {
    return this.phase === 'sending' || this.phase === 'giving'
  }

  /** Would it be lost with the page? */
  get loose(): boolean {
    return this.phase !== 'done' && this.kept.file !== null && !this.safe
  }

  async keep(): Promise<void> {
    this.safe = await keep(this.kept)
  }
}

class Uploads {
  list = $state<Sent[]>([])
  /** Goes up whenever a bulletin has got its file: lists load again. */
  arrived = $state(0)
  #loaded: number | null = null

  constructor() {
    addEventListener('online', () => this.#wake())
    addEventListener('beforeunload', (event) => {
      // What is kept goes on by itself; what could not be kept would be lost.
      if (this.list.some((one) => one.loose)) event.preventDefault()
    })
  }

  get open(): Sent[] {
    return this.list.filter((one) => one.phase !== 'done')
  }

  of(bulletin: number): Sent | undefined {
    return this.list.find((one) => one.bulletin === bulletin && one.phase !== 'done')
  }

  /** Go on with what earlier pages left. */
  async load(): Promise<void> {
    const account = session.me!.account
    if (this.#loaded === account) return
    this.#loaded = account
    const known = new Set(this.list.map((one) => one.kept.id))
    const found = (await left(account)).filter((one) => !known.has(one.id))
    this.list = [...found.map((kept) => new Sent(kept, kept.file !== null)), ...this.list.filter((one) => one.kept.account === account)]
    this.#next()
  }

  /** Begin with files; one that was left unfinished and is chosen again goes on where it was. */
  async add(given: readonly Given[]): Promise<void> {
    for (const { file, ...rest } of given) {
      const kept: Kept = {
        ...rest,
        id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
        account: session.me!.account,
        file,
        name: file.name,
        size: file.size,
        modified: file.lastModified,
        bulletin: rest.bulletin ?? null,
        before: rest.before ?? null,
        url: null,
        added: Date.now(),
      }
      const sent = new Sent(kept)
      this.list.push(sent)
      void sent.keep()
    }
    this.#next()
  }

  /** Is it the missing file of an upload that was left? Then that goes on. */
  claim(file: File): boolean {
    const found = this.list.find(
      ({ phase, kept }) =>
        phase === 'fileless' &&
        kept.name === file.name &&
        kept.size === file.size &&
        kept.modified === file.lastModified,
    )
    if (found === undefined) return false
    found.kept.file = file
    found.phase = 'waiting'
    void found.keep()
    this.#next()
    return true
  }

  pause(one: Sent): void {
    if (one.again !== null) clearTimeout(one.again)
    one.phase = 'paused'
    one.halt?.abort()
    this.#next()
  }

  resume(one: Sent): void {
    if (one.met !== undefined) one.kept.before = one.met
    one.met = undefined
    one.tries = 0
    one.error = ''
    one.phase = 'waiting'
    this.#next()
  }

  async cancel(one: Sent): Promise<void> {
    this.pause(one)
    this.list = this.list.filter((other) => other !== one)
    await drop(one.kept.id)
    if (one.kept.url !== null) await giveUp(one.kept.url)
  }

  /** Take what is finished off the list. */
  clear(): void {
    this.list = this.open
  }

  #wake(): void {
    for (const one of this.list) if (one.phase === 'broken' || one.phase === 'elsewhere') this.resume(one)
  }

  #next(): void {
    for (const one of this.list) {
      if (this.list.filter((other) => other.busy).length >= AT_ONCE) return
      if (one.phase === 'waiting') void this.#run(one)
    }
  }

  async #run(one: Sent): Promise<void> {
    one.phase = 'sending'
    one.error = ''
    const halt = (one.halt = new AbortController())
    try {
      await alone(one.kept.id, async (mine) => {
        if (!mine) {
          one.phase = 'elsewhere'
          this.#later(one)
          return
        }
        const url = await send({
          file: one.kept.file!,
          name: one.kept.name,
          area: one.kept.area,
          url: one.kept.url,
          signal: halt.signal,
          onurl: (found) => {
            if (one.kept.url === found) return
            one.kept.url = found
            void one.keep()
          },
          onprogress: (bytes) => {
            one.bytes = bytes
            one.tries = 0
          },
        })
        if (halt.signal.aborted) return
        one.phase = 'giving'
        await give(one, url)
        one.phase = 'done'
        await drop(one.kept.id)
        one.kept.file = null
        this.arrived += 1
      })
    } catch (error) {
      if (halt.signal.aborted) return
      if (passing(error)) {
        one.phase = 'broken'
        this.#later(one)
      } else {
        one.phase = 'failed'
        one.error = wording(error)
      }
    } finally {
      this.#next()
    }
  }

  #later(one: Sent): void {
    const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** one.tries++)
    one.again = setTimeout(() => {
      if (one.phase !== 'broken' && one.phase !== 'elsewhere') return
      // Nobody is signed in: they are asked to, and then it goes on.
      if (session.lapsed) this.#later(one)
      else {
        one.phase = 'waiting'
        this.#next()
      }
    }, wait)
  }
}

/** Do it while no other window does. */
async function alone(id: string, what: (mine: boolean) => Promise<void>): Promise<void> {
  if (!('locks' in navigator)) return what(true)
  await navigator.locks.request(`loa-upload-${id}`, { ifAvailable: true }, (lock) => what(lock !== null))
}

/** Make the upload the audio of its bulletin, and the bulletin if there is none yet. */
async function give(one: Sent, url: string): Promise<void> {
  const { kept } = one
  if (kept.bulletin === null) {
    const { area, title, language } = kept
    const { data } = await api.POST('/bulletins', { body: { area, title, language, class: kept.class } as New })
    kept.bulletin = one.bulletin = data!.id
    await one.keep()
  }
  const path = { bulletin: kept.bulletin }
  const { data: now } = await api.GET('/bulletins/{bulletin}', { params: { path } })
  const audio = now!.audio.sha256 ?? null
  // The answer of an earlier try may have been lost: then it has the file already.
  const other = kept.before === null ? now!.audio.state !== 'none' : audio !== kept.before
  if (kept.handed && other && now!.filename === kept.name) return
  if (audio !== kept.before) {
    one.met = audio
    throw new ApiError(409, 'changed', changed(now!.title))
  }
  kept.handed = true
  await one.keep()
  const response = await fetch(`${BASE}/bulletins/${kept.bulletin}/audio`, {
    method: 'POST',
    headers: { ...headers('POST'), ...ifMatch(now!.version), 'Content-Type': 'application/json' },
    body: JSON.stringify({ upload: url.slice(url.lastIndexOf('/') + 1) }),
  }).catch(() => {
    throw new ApiError(0, 'unreachable', '')
  })
  if (response.ok) return
  if (response.status === 401) credentials.ended()
  throw await refusal(response)
}

function changed(title: string): string {
  return session.me?.language === 'en'
    ? `“${title}” was given another recording meanwhile. Hear that first; to replace it with yours, go on.`
    : `“${title}” vừa được người khác thay âm thanh. Hãy nghe lại trước; nếu vẫn muốn thay bằng tệp của bạn, bấm Gửi tiếp.`
}

export const uploads = new Uploads()
