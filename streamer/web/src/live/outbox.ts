/** Packets between the encoder and the link, also those that were sent and may have been lost. */

import { MAX_PACKETS, type Packet } from './protocol'

/** 2.5 s: beyond, the oldest are worth less than what is being said now. */
export const MOST = 125

export class Outbox {
  #packets: Packet[] = []
  #next = 0
  /** The sequence number that is sent next. */
  #cursor = 0
  /** Behind the last one that was sent on this connection. */
  #sent = 0
  /** All before it are known to have arrived or are counted as lost. */
  #settled = 0
  /** Packets that were pushed out before they had been sent, or were sent and never arrived. */
  dropped = 0

  constructor(readonly most: number = MOST) {}

  get next(): number {
    return this.#next
  }

  /** Packets that wait to be sent. */
  get waiting(): number {
    return this.#next - Math.max(this.#cursor, this.#packets[0]?.sequence ?? this.#next)
  }

  put(data: Uint8Array, capturedUs: number): void {
    this.#packets.push({ sequence: this.#next++, capturedUs, data })
    while (this.#packets.length > this.most) this.#drop()
  }

  #drop(): void {
    const gone = this.#packets.shift()!
    if (gone.sequence >= this.#cursor) {
      this.dropped += 1
      this.#cursor = gone.sequence + 1
    }
  }

  /** What comes next, at most eight that follow each other; nothing when nothing waits. */
  take(): Packet[] {
    const first = this.#packets[0]?.sequence ?? this.#next
    const from = Math.max(this.#cursor, first) - first
    const taken = this.#packets.slice(from, from + MAX_PACKETS)
    const last = taken.at(-1)
    if (last !== undefined) this.#cursor = this.#sent = last.sequence + 1
    return taken
  }

  /** The server has all before this one. */
  acknowledge(next: number): void {
    while (this.#packets.length > 0 && this.#packets[0]!.sequence < next) {
      const gone = this.#packets.shift()!
      this.#cursor = Math.max(this.#cursor, gone.sequence + 1)
    }
  }

  /**
   * A new connection: the server expects `next` (null: it does not know us, and late words are of
   * no use to it). What it did not get is sent again, as far as it is kept.
   */
  rewind(next: number | null): void {
    if (next === null) {
      this.dropped += this.waiting
      this.#packets = []
      this.#cursor = this.#sent = this.#settled = this.#next
      return
    }
    // What was sent on the lost connection, did not arrive and is kept no longer.
    const first = this.#packets[0]?.sequence ?? this.#next
    this.dropped += Math.max(0, Math.min(first, this.#sent) - Math.max(next, this.#settled))
    this.#cursor = this.#sent = this.#settled = Math.max(next, first)
  }
}
