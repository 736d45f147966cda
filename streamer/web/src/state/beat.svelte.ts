/** A beat that whoever shows something moving shares: `beat.now` is the server's time in ms. */

import { createSubscriber } from 'svelte/reactivity'
import { push } from './push.svelte'

class Beat {
  #subscribe: () => void

  constructor(every: number) {
    this.#subscribe = createSubscriber((update) => {
      const timer = setInterval(update, every)
      return () => clearInterval(timer)
    })
  }

  get now(): number {
    this.#subscribe()
    return push.now()
  }
}

/** Four times a second, for meters. */
export const beat = new Beat(250)
/** Once a second, for clocks. */
export const seconds = new Beat(1000)
