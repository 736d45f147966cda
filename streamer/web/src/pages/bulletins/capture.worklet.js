/** Hands over what the microphone gives, mixed to one channel, in pieces of 40 ms (at 48 kHz). */

const PIECE = 1920

class Capture extends AudioWorkletProcessor {
  constructor() {
    super()
    this.piece = new Float32Array(PIECE)
    this.filled = 0
    this.stopped = false
    this.port.onmessage = () => {
      this.hand()
      this.port.postMessage(null)
      this.stopped = true
    }
  }

  hand() {
    const full = this.piece.slice(0, this.filled)
    this.filled = 0
    this.port.postMessage(full, [full.buffer])
  }

  process([channels]) {
    if (this.stopped) return false
    const count = channels.length
    if (count === 0) return true
    for (let i = 0; i < channels[0].length; i++) {
      let sum = 0
      for (let c = 0; c < count; c++) sum += channels[c][i]
      this.piece[this.filled++] = sum / count
      if (this.filled === PIECE) this.hand()
    }
    return true
  }
}

registerProcessor('loa-capture', Capture)
