/** Momentary loudness (ITU-R BS.1770-4: K-weighting, 400 ms) and peak of one channel at 48 kHz. */

/** A biquad in direct form II transposed, with the standard's coefficients for 48 kHz. */
class Biquad {
  #z1 = 0
  #z2 = 0

  constructor(
    readonly b0: number,
    readonly b1: number,
    readonly b2: number,
    readonly a1: number,
    readonly a2: number,
  ) {}

  next(x: number): number {
    const y = this.b0 * x + this.#z1
    this.#z1 = this.b1 * x - this.a1 * y + this.#z2
    this.#z2 = this.b2 * x - this.a2 * y
    return y
  }
}

const WINDOW = 20
/** Below that is silence. */
export const FLOOR = -70
/** From here on a sample counts as clipped. */
const FULL = 0.999

export type Level = { lufs: number; peak: number; clipped: boolean }

export class Loudness {
  readonly #shelf = new Biquad(
    1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585,
  )
  readonly #high = new Biquad(1, -2, 1, -1.99004745483398, 0.99007225036621)
  /** Energies of the last 20 frames of 20 ms. */
  readonly #energies = new Float64Array(WINDOW)
  #at = 0
  #peak = 0
  #clipped = false

  /** Take a frame of 20 ms. */
  add(samples: Float32Array): void {
    let energy = 0
    for (const x of samples) {
      const size = Math.abs(x)
      if (size > this.#peak) this.#peak = size
      const y = this.#high.next(this.#shelf.next(x))
      energy += y * y
    }
    this.#clipped ||= this.#peak >= FULL
    this.#energies[this.#at] = energy / samples.length
    this.#at = (this.#at + 1) % WINDOW
  }

  /** The loudness of the last 400 ms, and the peak since this was asked last, in dBFS. */
  read(): Level {
    const mean = this.#energies.reduce((sum, one) => sum + one, 0) / WINDOW
    const level = {
      lufs: mean > 0 ? Math.max(FLOOR, -0.691 + 10 * Math.log10(mean)) : FLOOR,
      peak: this.#peak > 0 ? Math.max(FLOOR, 20 * Math.log10(this.#peak)) : FLOOR,
      clipped: this.#clipped,
    }
    this.#peak = 0
    this.#clipped = false
    return level
  }
}
