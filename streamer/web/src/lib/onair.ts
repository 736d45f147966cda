/** What is on air, as `GET /api/v1/events` tells it: a snapshot, then what changed. */

/** What is on; many areas carry the same. Times are ISO, `began` that of its first sound. */
export type Item = {
  kind: 'live' | 'bulletin' | 'relay' | 'file'
  title: string
  class: 'routine' | 'priority' | 'emergency'
  since: string | null
  until: string | null
  why: string
  origin: number | null
  origin_name: string
  live: string | null
  bulletin: number | null
  entry: number | null
  emergency: number | null
  drill: boolean
  began: string | null
}

/** An area: the item's number (0: silence), listeners, receivers; of those the connected ones; of
 * those the ones that say they sound, and that say they do not though something is on. */
export type Row = [
  item: number,
  listeners: number,
  receivers: number,
  online: number,
  playing: number,
  silent: number,
]

/** Something that was done or happened: `kind` is the audit log's word. */
export type Happened = { kind: string; area: number | null; subject: string }

/** What is said of areas and leaves the tree as it is. */
const BESIDE_THE_TREE = ['area.policy', 'area.receivers', 'area.dead_zone']

/** May the tree of areas be another one after it? */
export function changesTree({ kind }: Happened): boolean {
  return /^areas?\./.test(kind) && !BESIDE_THE_TREE.includes(kind)
}

export type Told = {
  at: number
  items?: Record<string, Item>
  areas?: Record<string, Row>
  levels?: Record<string, number>
  happened?: Happened[]
  missed?: boolean
}

const NOTHING: Row = [0, 0, 0, 0, 0, 0]

/** What an area carries and how its receivers are. */
export type State = {
  /** The item's number; the same number is the same item. */
  number: number
  item: Item | null
  listeners: number
  receivers: number
  online: number
  playing: number
  silent: number
}

export type Totals = {
  /** Areas that carry something. */
  areas: number
  lives: number
  emergencies: number
  listeners: number
  receivers: number
  online: number
  playing: number
  silent: number
}

/** All that was told, put together. */
export class Book {
  #items = new Map<number, Item>()
  #rows = new Map<number, Row>()
  #levels = new Map<number, number>()

  take(told: Told, whole: boolean): void {
    if (whole) {
      this.#items.clear()
      this.#rows.clear()
      this.#levels.clear()
    }
    for (const [number, item] of Object.entries(told.items ?? {})) this.#items.set(+number, item)
    for (const [id, row] of Object.entries(told.areas ?? {})) {
      if (row.some((n) => n !== 0)) this.#rows.set(+id, row)
      else this.#rows.delete(+id)
    }
    for (const [number, level] of Object.entries(told.levels ?? {})) this.#levels.set(+number, level)
    if (this.#items.size > 500) this.#forget()
  }

  of(area: number): State {
    const [number, listeners, receivers, online, playing, silent] = this.#rows.get(area) ?? NOTHING
    const item = this.#items.get(number) ?? null
    return { number, item, listeners, receivers, online, playing, silent }
  }

  /** How loud a live or relay goes out: LUFS over 400 ms; null: it is neither, or not known yet. */
  level(number: number): number | null {
    return this.#levels.get(number) ?? null
  }

  /** The areas that carry an item for which this holds. */
  *carrying(holds: (item: Item) => boolean): Generator<number> {
    for (const [id, [number]] of this.#rows) {
      const item = this.#items.get(number)
      if (item !== undefined && holds(item)) yield id
    }
  }

  totals(within: (area: number) => boolean = () => true): Totals {
    const found: Totals = {
      areas: 0, lives: 0, emergencies: 0, listeners: 0, receivers: 0, online: 0, playing: 0, silent: 0,
    }
    const lives = new Set<string>()
    const emergencies = new Set<number>()
    for (const [id, [number, listeners, receivers, online, playing, silent]] of this.#rows) {
      if (!within(id)) continue
      const item = this.#items.get(number)
      if (item !== undefined) {
        found.areas += 1
        if (item.live !== null) lives.add(item.live)
        if (item.emergency !== null) emergencies.add(item.emergency)
      }
      found.listeners += listeners
      found.receivers += receivers
      found.online += online
      found.playing += playing
      found.silent += silent
    }
    found.lives = lives.size
    found.emergencies = emergencies.size
    return found
  }

  #forget(): void {
    const used = new Set([...this.#rows.values()].map(([number]) => number))
    for (const number of this.#items.keys()) {
      if (!used.has(number)) {
        this.#items.delete(number)
        this.#levels.delete(number)
      }
    }
  }
}
