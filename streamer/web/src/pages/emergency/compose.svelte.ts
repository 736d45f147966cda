/** An emergency that somebody is preparing. It outlives the page: what was typed is not lost by
 * looking elsewhere. */

import { api, ApiError, BASE, headers, ifMatch, refusal } from '../../api/client'
import type { components } from '../../api/schema'
import { areas, type Area } from '../../state/areas.svelte'
import { push } from '../../state/push.svelte'
import { session } from '../../state/session.svelte'
import { together } from './where'

export type Bulletin = components['schemas']['BulletinOut']
export type BulletinWhole = components['schemas']['BulletinWhole']
export type Emergency = components['schemas']['Emergency']
export type Source = 'ready' | 'text' | 'record' | 'live'
export type Missing = 'areas' | 'message' | 'heard' | 'class' | 'reason'

const LOOK_MS = 700
const PATIENCE_MS = 120_000

/** How many areas something reaches, and receivers there. */
export function reachOf(targets: Iterable<number>, excluded: Iterable<number> = []): {
  areas: number
  receivers: number
  online: number
} {
  const all = new Set<number>()
  for (const target of targets) for (const area of areas.below(target)) all.add(area.id)
  for (const target of excluded) for (const area of areas.below(target)) all.delete(area.id)
  const { receivers, online } = push.totals((id) => all.has(id))
  return { areas: all.size, receivers, online }
}

function same(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((one) => others.includes(one))
}

export class Compose {
  drill = $state(true)
  source = $state<Source>('ready')
  targets = $state.raw<ReadonlySet<number>>(new Set())
  ready = $state.raw<Bulletin | null>(null)
  title = $state('')
  text = $state('')
  recording = $state.raw<Blob | null>(null)
  /** What was made of the text or the recording, and of which. */
  made = $state.raw<BulletinWhole | null>(null)
  madeOf = $state.raw<string | Blob | null>(null)
  heard = $state(false)
  severity = $state(3)
  every = $state(0)
  hours = $state(1)
  reason = $state('')
  /** Does the area want a second person? */
  second = $state(false)
  override = $state(false)

  /** `fixed`: the area in whose name it is, whatever is chosen. */
  constructor(readonly fixed?: number) {}

  /** The area in whose name it is called; null: nothing is chosen, or it does not lie together. */
  get area(): Area | null {
    if (this.fixed !== undefined) return areas.get(this.fixed) ?? null
    const lineages = [...this.targets].map((id) => areas.lineage(id).map((area) => area.id))
    const found = areas.get(together(lineages) ?? 0)
    return found !== undefined && session.may('emergency', found.id) ? found : null
  }

  /** What would be said now. */
  get message(): Bulletin | null {
    if (this.source === 'ready') return this.ready
    if (this.source === 'live' || this.made === null) return null
    return this.madeOf === (this.source === 'text' ? this.text.trim() : this.recording) ? this.made : null
  }

  get missing(): Missing[] {
    const found: Missing[] = []
    if (this.area === null) found.push('areas')
    const message = this.message
    if (message === null || message.audio.state !== 'ready') found.push('message')
    else if (!this.drill && message.class !== 'emergency') found.push('class')
    else if (this.source === 'text' && !this.heard) found.push('heard')
    if (this.override && this.reason.trim() === '') found.push('reason')
    return found
  }

  /** What the area asks for; where it wants no second person, none is passed over. */
  asks(second: boolean): void {
    this.second = second
    if (!second) this.override = false
  }

  /** Make a bulletin of what was written or recorded; it is there when its audio is. */
  async make(title: string): Promise<void> {
    const of = this.source === 'text' ? this.text.trim() : this.recording!
    let whole = this.made
    // One that somebody began to approve, or of another area, is left; else it is the same draft.
    if (whole === null || whole.state !== 'draft' || whole.area !== this.area!.id) {
      const body = {
        area: this.area!.id, title, class: 'emergency' as const, targets: [...this.targets],
        language: 'vi', sign_text: '', notes: '', starts_at: null, expires_at: null, per_day: 1, days: 1,
      }
      whole = (await api.POST('/bulletins', { body })).data!
    } else {
      whole = await this.#asSaid(whole, title)
    }
    this.made = whole
    this.heard = false
    const path = { bulletin: whole.id }
    if (typeof of === 'string') {
      const { data } = await api.POST('/bulletins/{bulletin}/speech', {
        params: { path, header: ifMatch(whole.version) },
        body: { text: of, voice: null },
      })
      whole = data!
    } else {
      const kind = of.type.split(';')[0] || 'audio/webm'
      const response = await fetch(`${BASE}/bulletins/${whole.id}/audio`, {
        method: 'POST', body: of, headers: { ...headers('POST'), 'Content-Type': kind },
      })
      if (!response.ok) throw await refusal(response)
    }
    const end = Date.now() + PATIENCE_MS
    for (;;) {
      const { data } = await api.GET('/bulletins/{bulletin}', { params: { path } })
      this.made = whole = data!
      this.madeOf = of
      if (whole.audio.state !== 'preparing') break
      if (Date.now() > end) break
      await new Promise((later) => setTimeout(later, LOOK_MS))
    }
    if (whole.audio.state !== 'ready') {
      throw new ApiError(0, 'audio', whole.audio.error?.message ?? '')
    }
  }

  /** Give what was made the title, area and areas that are entered now, where those were changed. */
  async #asSaid(made: BulletinWhole, title: string): Promise<BulletinWhole> {
    const { id: area } = this.area!
    const targets = [...this.targets]
    if (made.title === title && made.area === area && same(made.targets, targets)) return made
    let { id, version } = made
    if (made.state !== 'draft' || made.area !== area) {
      // Of another area, or approved as it was: a draft like it, with the same sound.
      const { data } = await api.POST('/bulletins/{bulletin}/copy', { params: { path: { bulletin: id } }, body: { area } })
      ;({ id, version } = data!)
    }
    const { data } = await api.PATCH('/bulletins/{bulletin}', {
      params: { path: { bulletin: id }, header: ifMatch(version) },
      body: { title, targets } as components['schemas']['BulletinChange'],
    })
    return data!
  }

  /** The title of what would be said. */
  get name(): string {
    return (this.source === 'ready' ? '' : this.title.trim()) || (this.message?.title ?? '')
  }

  /** What is to be said, approved; what was made here becomes so on the way, as it is entered now. */
  async approved(): Promise<number> {
    if (this.source === 'ready') return this.ready!.id
    const made = (this.made = await this.#asSaid(this.made!, this.name))
    await this.#approve(made.id)
    return made.id
  }

  /** Send it. */
  async send(): Promise<Emergency> {
    const bulletin = await this.approved()
    const until = this.every > 0 ? new Date(push.now() + this.hours * 3_600_000).toISOString() : null
    const { data } = await api.POST('/emergencies', {
      body: {
        area: this.area!.id, targets: [...this.targets], excluded: [], bulletin,
        severity: this.severity, drill: this.drill, every_minutes: this.every || null,
        repeat_until: until, expires_at: null, reason: this.reason, override: this.override,
      },
    })
    this.clear()
    return data!
  }

  async #approve(id: number): Promise<void> {
    const path = { bulletin: id }
    let { data } = await api.GET('/bulletins/{bulletin}', { params: { path } })
    for (const step of ['submit', 'approve'] as const) {
      if (data!.state !== (step === 'submit' ? 'draft' : 'submitted')) continue
      const header = ifMatch(data!.version)
      const answer =
        step === 'submit'
          ? await api.POST('/bulletins/{bulletin}/submit', { params: { path, header } })
          : await api.POST('/bulletins/{bulletin}/approve', { params: { path, header } })
      data = answer.data
    }
    this.made = data!
  }

  clear(): void {
    this.drill = true
    this.ready = this.made = this.recording = this.madeOf = null
    this.title = this.text = this.reason = ''
    this.heard = this.override = false
    this.every = 0
    this.severity = 3
  }
}

export const compose = new Compose()
