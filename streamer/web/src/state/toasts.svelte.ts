/** Short words about what was done or went wrong; errors stay until they are closed. */

export type Toast = { id: number; kind: 'good' | 'bad'; text: string }

const STAYS_MS = 6_000
const MOST = 5

class Toasts {
  shown = $state<Toast[]>([])
  #next = 1

  good(text: string): void {
    const id = this.#add('good', text)
    setTimeout(() => this.close(id), STAYS_MS)
  }

  bad(error: unknown): void {
    this.#add('bad', error instanceof Error ? error.message : String(error))
  }

  close(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id)
  }

  #add(kind: Toast['kind'], text: string): number {
    const id = this.#next++
    this.shown = [...this.shown.filter((toast) => toast.text !== text), { id, kind, text }].slice(-MOST)
    return id
  }
}

export const toasts = new Toasts()
