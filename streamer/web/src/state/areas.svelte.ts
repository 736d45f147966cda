/** The tree of areas, loaded once and kept: names, lineage, search. */

import { api } from '../api/client'
import type { components } from '../api/schema'
import { finder, fold } from '../lib/fold'

export type AreaOut = components['schemas']['AreaOut']

/** An area where it hangs in the tree. */
export type Area = AreaOut & {
  depth: number
  children: Area[]
  above: Area | null
  folded: string
}

class Areas {
  #byId = $state.raw(new Map<number, Area>())
  #roots = $state.raw<Area[]>([])
  #loading: Promise<void> | null = null

  /** Those without one above them that we may see. */
  get roots(): Area[] {
    return this.#roots
  }

  /** Of the roots, the one with the most below it: what most of one's work is about. */
  get largest(): Area | undefined {
    const size = (area: Area): number => this.below(area.id).length
    return this.#roots.toSorted((a, b) => size(b) - size(a))[0]
  }

  get count(): number {
    return this.#byId.size
  }

  get loaded(): boolean {
    return this.#byId.size > 0
  }

  /** All, parents before children. */
  get all(): Iterable<Area> {
    return this.#byId.values()
  }

  get(id: number): Area | undefined {
    return this.#byId.get(id)
  }

  /** Its name; of one that we may not see, or that is gone, its number. */
  name(id: number | null | undefined): string {
    if (id === null || id === undefined) return ''
    return this.#byId.get(id)?.name ?? `#${id}`
  }

  /** The names from the top down to it: "Hà Giang › Quang Bình". */
  trail(id: number): string {
    return this.lineage(id)
      .map((area) => area.name)
      .join(' › ')
  }

  /** What is above it and itself, from the top. */
  lineage(id: number): Area[] {
    const found: Area[] = []
    for (let area = this.#byId.get(id) ?? null; area !== null; area = area.above) {
      found.unshift(area)
    }
    return found
  }

  /** Is it that one, or below it? */
  within(id: number, above: number): boolean {
    if (id === above) return true
    for (let area = this.#byId.get(id)?.above ?? null; area !== null; area = area.above) {
      if (area.id === above) return true
    }
    return false
  }

  /** It and everything below it, parents first. */
  below(id: number): Area[] {
    const top = this.#byId.get(id)
    const found: Area[] = []
    const open = top === undefined ? [] : [top]
    while (open.length > 0) {
      const area = open.pop()!
      found.push(area)
      open.push(...area.children.toReversed())
    }
    return found
  }

  /** Those whose name, path or code has all the words typed; marks do not matter. */
  search(typed: string, limit = Infinity): Area[] {
    const matches = finder(typed)
    const found: Area[] = []
    for (const area of this.#byId.values()) {
      if (found.length >= limit) break
      if (matches(area.folded)) found.push(area)
    }
    return found
  }

  /** Load them, if they are not there. */
  load(): Promise<void> {
    this.#loading ??= this.reload().catch((error: unknown) => {
      this.#loading = null
      throw error
    })
    return this.#loading
  }

  /** Load them again: somebody has changed the tree. */
  async reload(): Promise<void> {
    const { data } = await api.GET('/areas/tree')
    this.take(data!.items)
  }

  take(items: readonly AreaOut[]): void {
    const byId = new Map<number, Area>()
    const roots: Area[] = []
    for (const item of items) {
      const above = item.parent === null ? null : (byId.get(item.parent) ?? null)
      const area: Area = {
        ...item,
        above,
        depth: above === null ? 0 : above.depth + 1,
        children: [],
        folded: fold(`${item.name} ${item.code} ${item.path}`),
      }
      byId.set(area.id, area)
      if (above === null) roots.push(area)
      else above.children.push(area)
    }
    this.#byId = byId
    this.#roots = roots
  }

  forget(): void {
    this.#loading = null
    this.take([])
  }
}

export const areas = new Areas()
