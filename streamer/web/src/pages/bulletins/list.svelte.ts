/** The list of bulletins and what it is filtered by; kept while one looks into a bulletin. */

import { api } from '../../api/client'
import type { Bulletin, Class, State } from './model'

export class Wanted {
  state = $state<State | ''>('')
  class = $state<Class | ''>('')
  area = $state<number | null>(null)
  language = $state('')
  text = $state('')

  get any(): boolean {
    return Boolean(this.state || this.class || this.area !== null || this.language || this.text.trim())
  }

  clear(): void {
    this.state = this.class = this.language = this.text = ''
    this.area = null
  }

  /** As the API is asked. */
  get query(): Record<string, string | number> {
    const said = { state: this.state, class: this.class, language: this.language, q: this.text.trim() }
    const given = Object.entries(said).filter(([, value]) => value !== '')
    return { ...Object.fromEntries(given), ...(this.area === null ? {} : { area: this.area }) }
  }
}

const PAGE = 50

class Found {
  wanted = new Wanted()
  items = $state.raw<Bulletin[]>([])
  next = $state<number | null>(null)
  loading = $state(true)
  more = $state(false)
  error = $state.raw<unknown>(null)
  #asked = 0

  /** Load from the top, as many as are shown. */
  async load(): Promise<void> {
    const turn = ++this.#asked
    const limit = Math.min(500, Math.max(PAGE, this.items.length))
    try {
      const { data } = await api.GET('/bulletins', { params: { query: { ...this.wanted.query, limit } as never } })
      if (turn !== this.#asked) return
      this.items = data!.items
      this.next = data!.next
      this.error = null
    } catch (error) {
      if (turn === this.#asked) this.error = error
    } finally {
      if (turn === this.#asked) this.loading = false
    }
  }

  async loadMore(): Promise<void> {
    if (this.next === null || this.more) return
    this.more = true
    const turn = this.#asked
    try {
      const query = { ...this.wanted.query, limit: PAGE, after: this.next } as never
      const { data } = await api.GET('/bulletins', { params: { query } })
      if (turn !== this.#asked) return
      this.items = [...this.items, ...data!.items]
      this.next = data!.next
    } finally {
      this.more = false
    }
  }
}

export const found = new Found()
